"""Each line of `policies/*.jsonl` is a claim about who may do what, derived from AWS's public documentation and not from this evaluator.

A line has a name, the policies, a request and the expected decision. Documents are written as their lists of statements (version
2012-10-17) or in full; `scp` is a list of levels. Who asks stands in `principals.json`; every session began at 09:30 on the day of the
requests. A request that does not say otherwise comes at 10:00 over TLS from 198.51.100.7 to us-east-1, for a resource of account
111122223333. `guide:` in a name: an example of the IAM, Organizations or S3 user guide.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from opentrail.identity.policies import (
    Policy,
    PolicyRequest,
    PolicySet,
    canonical_user_id,
    check_identity,
    check_key_policy,
    check_resource,
    check_service_control,
    check_trust,
    denial,
    evaluate,
    request_context,
)
from opentrail.identity.policies.grammar import Document
from opentrail.identity.principals import Principal, Session

FOLDER = Path(__file__).parent / "policies"
ACCOUNT = "111122223333"
NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
LEAST_CASES = 300
ANSWERS = {(True, False): "allow", (False, True): "explicit deny", (False, False): "implicit deny"}

Check = Callable[[Document], None]


def principals() -> dict[str, Principal]:
    found: dict[str, Principal] = {}
    for name, about in json.loads((FOLDER / "principals.json").read_text()).items():
        session = about.pop("session", None)
        found[name] = Principal(**about, session=None if session is None else Session(**session, created=NOW.replace(hour=9, minute=30)))
    return found


def lines() -> Iterator[Any]:
    for file in sorted(FOLDER.glob("*.jsonl")):
        for line in file.read_text().splitlines():
            case = json.loads(line)
            yield pytest.param(case, id=f"{file.stem}: {case['name']}")


CASES = list(lines())
PRINCIPALS = principals()


def policy(document: Any, check: Check) -> Policy:
    """A document in full is taken as it is: it may be one that AWS no longer lets anybody make."""
    if isinstance(document, list):
        return Policy.parse(_text({"Version": "2012-10-17", "Statement": document}), check=check if document else None)
    return Policy.parse(_text(document))


def _text(document: Any) -> str:
    return json.dumps(document).replace(f"@canonical:{ACCOUNT}", canonical_user_id(ACCOUNT))


def _check_of(action: str) -> Check:
    if action.startswith("sts:"):
        return check_trust
    return check_key_policy if action.startswith("kms:") else check_resource


@pytest.mark.parametrize("case", CASES)
def test_policy_case(case: dict[str, Any]) -> None:
    written, asked = case["policies"], case["request"]
    context = dict(request_context(source_ip="198.51.100.7", secure=True, time=NOW, region="us-east-1"))
    for key, value in asked.get("context", {}).items():
        if value is None:
            context.pop(key)
        else:
            context[key] = tuple(value) if isinstance(value, list) else (value,)
    request = PolicyRequest(
        principal=PRINCIPALS[asked["principal"]],
        action=asked["action"],
        resource=asked["resource"],
        context=context,
        resource_account_id=asked.get("owner", ACCOUNT),
    )
    carried = PolicySet(
        identity=tuple(policy(document, check_identity) for document in written.get("identity", ())),
        boundary=policy(written["boundary"], check_identity) if "boundary" in written else None,
        session=tuple(policy(document, check_identity) for document in written.get("session", ())),
    )
    resource = policy(written["resource"], _check_of(asked["action"])) if "resource" in written else None
    levels = [[policy(document, check_service_control) for document in level] for level in written.get("scp", ())]
    decision = evaluate(request, carried, resource, service_control=levels)
    assert ANSWERS[decision.allowed, decision.explicit_deny] == case["expected"]
    assert case.get("reason", "") in decision.reason
    assert bool(decision.reason) is not decision.allowed
    assert decision.allowed or denial(request, decision).startswith("User: ")


def test_there_are_enough_cases_of_each_answer() -> None:
    expected = [parameters.values[0]["expected"] for parameters in CASES]
    assert len(expected) >= LEAST_CASES
    assert min(expected.count(answer) for answer in ANSWERS.values()) >= 60
