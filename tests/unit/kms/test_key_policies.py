"""Key policies: what is taken, and that nobody locks everybody out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opentrail.identity import Principal
from opentrail.identity.policies import check_resource, parsed
from opentrail.identity.policies.grammar import read
from opentrail.kms import policies
from opentrail.kms.faults import LimitExceededException, MalformedPolicyDocumentException

ACCOUNT = "123456789012"
ARN = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/00000000-0000-4000-8000-000000000001"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
ANA = Principal(type="IAMUser", account_id=ACCOUNT, principal_id="AIDAEXAMPLE", arn=f"arn:aws:iam::{ACCOUNT}:user/ana", user_name="ana")


def text(*statements: dict[str, Any], **more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Resource": "*", **statement} for statement in statements], **more})


def allow(principal: Any, action: Any = "kms:*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": action, **more}


@pytest.mark.parametrize("policy", [policies.default(ACCOUNT), policies.managed(ACCOUNT, "us-east-1", "s3")])
def test_our_own_policies_are_valid(policy: str) -> None:
    check_resource(read(policy))
    policies.check(policy)


@pytest.mark.parametrize(
    "policy",
    [
        "my policy",
        "{}",
        "[]",
        text(),
        text({"Effect": "Allow", "Action": "kms:*"}),
        text({"Effect": "Allow", "Principal": "*"}),
        text(allow({"AWS": "not an arn"})),
        text(allow("*", "encrypt")),
        text(allow("*", Condition={"StringIs": {"a:b": "c"}})),
        json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "kms:*"}]}),
    ],
)
def test_what_is_no_key_policy_is_malformed(policy: str) -> None:
    with pytest.raises(MalformedPolicyDocumentException):
        policies.check(policy)


def test_a_key_policy_has_32_kilobytes_at_most() -> None:
    full = text(allow("*"), Id="x" * (policies.MAX_BYTES - len(text(allow("*"), Id=""))))
    assert len(full) == policies.MAX_BYTES
    policies.check(full)
    with pytest.raises(LimitExceededException):
        policies.check(full.replace('"Id": "', '"Id": "x'))


@pytest.mark.parametrize(
    ("policy", "safe"),
    [
        (text(allow({"AWS": ROOT})), True),
        (text(allow({"AWS": ANA.arn}, "kms:PutKeyPolicy")), True),
        (text(allow({"AWS": ANA.arn}, ["kms:Encrypt", "kms:Put*"])), True),
        (text(allow("*", "kms:Put*", Condition={"StringEquals": {"kms:CallerAccount": ACCOUNT}})), True),
        (text(allow("*", "kms:Put*", Condition={"StringEquals": {"kms:CallerAccount": "444455556666"}})), False),
        (text(allow({"AWS": ANA.arn}, "kms:Encrypt")), False),
        (text(allow({"AWS": f"arn:aws:iam::{ACCOUNT}:user/bob"})), False),
        (text(allow({"AWS": "arn:aws:iam::444455556666:root"})), False),
        (text(allow({"Service": "cloudtrail.amazonaws.com"})), False),
        (text(allow({"AWS": ROOT}), {"Effect": "Deny", "Principal": "*", "Action": "kms:PutKeyPolicy"}), False),
        (text(allow({"AWS": ROOT}, Resource="arn:aws:kms:us-east-1:123456789012:key/other")), False),
    ],
)
def test_a_policy_that_locks_its_author_out_is_refused(policy: str, safe: bool) -> None:
    context = {"kms:CallerAccount": (ACCOUNT,)}
    if safe:
        policies.check_lockout(policies.check(policy), ANA, ARN, ACCOUNT, context)
    else:
        with pytest.raises(MalformedPolicyDocumentException, match="will not allow you to update the key policy"):
            policies.check_lockout(policies.check(policy), ANA, ARN, ACCOUNT, context)


def test_who_retires_a_grant_is_for_the_grant_to_say_unless_the_key_policy_denies_it() -> None:
    deny = {"Effect": "Deny", "Principal": {"AWS": ANA.arn}, "Action": "kms:RetireGrant"}
    made = parsed(policies.for_retiring(text(allow({"AWS": ROOT}), deny), ROOT))
    assert (len(made.allows), len(made.denies)) == (1, 1)
    single = json.dumps({"Version": "2012-10-17", "Statement": {**allow("*"), "Resource": "*"}})
    assert len(parsed(policies.for_retiring(single, ROOT)).allows) == 1
