"""What a resource policy may say, by the kind of resource; and how it goes together with that of delegated administrators."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opentrail.identity.policies import Policy, PolicyRequest, PolicySet, check_resource, evaluate
from opentrail.identity.principals import Principal
from opentrail.lake.faults import ResourcePolicyNotValidException
from opentrail.lake.stores import policy_rules

STEM = "arn:aws:cloudtrail:us-east-1:111122223333:"
ARNS = {
    "eventdatastore": STEM + "eventdatastore/1234abcd-12ab-34cd-56ef-1234567890ab",
    "channel": STEM + "channel/x",
    "dashboard": STEM + "dashboard/d",
}
FRIEND = "arn:aws:iam::444455556666:root"
SERVICE = {"Service": "cloudtrail.amazonaws.com"}
ACTIONS = {"eventdatastore": "cloudtrail:StartQuery", "channel": "cloudtrail-data:PutAuditEvents"}


def statement(kind: str, **other: Any) -> dict[str, Any]:
    made = {"Effect": "Allow", "Principal": {"AWS": FRIEND}, "Action": ACTIONS.get(kind, ""), "Resource": ARNS[kind], **other}
    return {name: value for name, value in made.items() if value is not None}


def refresh(kind: str, **other: Any) -> dict[str, Any]:
    action = "cloudtrail:StartQuery" if kind == "eventdatastore" else "cloudtrail:StartDashboardRefresh"
    condition = {"StringEquals": {"AWS:SourceArn": ARNS["dashboard"], "AWS:SourceAccount": "111122223333"}}
    return statement(kind, **{"Principal": SERVICE, "Action": action, "Condition": condition, **other})


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


EVERY = [f"cloudtrail:{name}" for name in (
    "StartQuery", "CancelQuery", "ListQueries", "DescribeQuery", "GetQueryResults", "GenerateQuery", "GenerateQueryResultsSummary",
    "GetEventDataStore",
)]  # fmt: skip
RIGHT: list[tuple[str, list[dict[str, Any]]]] = [
    ("eventdatastore", [statement("eventdatastore", Action=EVERY)]),
    ("eventdatastore", [statement("eventdatastore", Effect="Deny", Principal="*")]),
    ("eventdatastore", [statement("eventdatastore"), refresh("eventdatastore")]),
    ("eventdatastore", [statement("eventdatastore", Action="cloudtrail:startquery", Resource=[ARNS["eventdatastore"]])]),
    ("eventdatastore", [statement("eventdatastore", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}})]),
    ("channel", [statement("channel", Condition={"StringEquals": {"cloudtrail:ExternalId": "secret"}})]),
    ("channel", [statement("channel", Sid=str(number)) for number in range(20)]),
    ("channel", [statement("channel", Principal={"AWS": [FRIEND] * 50})]),
    ("dashboard", [refresh("dashboard")]),
    ("dashboard", [refresh("dashboard", Condition=None)]),
]


@pytest.mark.parametrize(("kind", "statements"), RIGHT)
def test_policies_that_are_taken(kind: str, statements: list[dict[str, Any]]) -> None:
    policy_rules.check(kind, ARNS[kind], policy(*statements))


WRONG: list[tuple[str, list[dict[str, Any]]]] = [
    ("eventdatastore", []),
    *(("eventdatastore", [statement("eventdatastore", Action=action)])
      for action in ("cloudtrail:*", "*", "cloudtrail:DeleteEventDataStore", "cloudtrail:Get*", "cloudtrail-data:PutAuditEvents", None)),
    *(("eventdatastore", [statement("eventdatastore", Resource=resource)])
      for resource in ("*", ARNS["channel"], [ARNS["eventdatastore"], "*"], None)),
    ("eventdatastore", [statement("eventdatastore", Principal=None)]),
    ("eventdatastore", [statement("eventdatastore", Principal={"AWS": FRIEND, **SERVICE})]),
    ("eventdatastore", [statement("eventdatastore", Principal={"Service": "s3.amazonaws.com"})]),
    ("eventdatastore", [statement("eventdatastore", Principal={"Federated": "cognito-identity.amazonaws.com"})]),
    ("eventdatastore", [refresh("eventdatastore", Action="cloudtrail:GetQueryResults")]),
    ("eventdatastore", [refresh("eventdatastore", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}})]),
    ("eventdatastore", [statement("eventdatastore", NotAction="cloudtrail:StartQuery", Action=None)]),
    ("eventdatastore", [statement("eventdatastore", NotResource="*", Resource=None)]),
    ("eventdatastore", [statement("eventdatastore", Effect="Deny", NotPrincipal={"AWS": FRIEND}, Principal=None)]),
    ("channel", [statement("channel", Sid=str(number)) for number in range(21)]),
    ("channel", [statement("channel", Principal={"AWS": [FRIEND] * 51})]),
    ("channel", [statement("channel", Principal=SERVICE)]),
    ("channel", [statement("channel", Condition={"StringLike": {"cloudtrail:ExternalId": "s*"}})]),
    ("channel", [statement("channel", Action="cloudtrail:StartQuery")]),
    ("dashboard", [refresh("dashboard", Principal={"AWS": FRIEND})]),
    ("dashboard", [refresh("dashboard", Action="cloudtrail:StartQuery")]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "statements"), WRONG)
def test_policies_that_are_refused(kind: str, statements: list[dict[str, Any]]) -> None:
    with pytest.raises(ResourcePolicyNotValidException) as raised:
        policy_rules.check(kind, ARNS[kind], policy(*statements))
    assert len(raised.value.message) > 40


@pytest.mark.parametrize("text", ["", "{", "[]", '{"Version":"2012-10-17"}', " " * 8193, "null", '{"Statement":1}'])
def test_what_is_no_policy_at_all(text: str) -> None:
    with pytest.raises(ResourcePolicyNotValidException):
        policy_rules.check("eventdatastore", ARNS["eventdatastore"], text)


def test_8192_characters_and_no_more() -> None:
    text = policy(statement("eventdatastore"))
    padded = text + " " * (8192 - len(text))
    policy_rules.check("eventdatastore", ARNS["eventdatastore"], padded)
    with pytest.raises(ResourcePolicyNotValidException):
        policy_rules.check("eventdatastore", ARNS["eventdatastore"], padded + " ")


def decided(text: str | None, account_id: str, action: str) -> bool:
    assert text is not None
    request = PolicyRequest(
        principal=Principal(type="Root", account_id=account_id, arn=f"arn:aws:iam::{account_id}:root"),
        action=action,
        resource=ARNS["eventdatastore"],
        resource_account_id="111122223333",
    )
    return evaluate(request, PolicySet(), Policy.parse(text, check=check_resource)).allowed


def test_the_two_policies_of_an_organization_store_count_together() -> None:
    arn = ARNS["eventdatastore"]
    delegated = policy_rules.for_delegates(arn, ["777788889999", "888899990000"])
    own = policy(statement("eventdatastore", Sid="DelegatedAdministrators"))
    both = policy_rules.together(own, delegated)
    assert decided(both, "444455556666", "cloudtrail:StartQuery")
    assert decided(both, "777788889999", "cloudtrail:UpdateEventDataStore")
    assert decided(both, "888899990000", "cloudtrail:StartQuery")
    assert not decided(both, "444455556666", "cloudtrail:UpdateEventDataStore")
    assert not decided(both, "123412341234", "cloudtrail:StartQuery")
    denying = policy(statement("eventdatastore", Effect="Deny", Principal="*"))
    assert not decided(policy_rules.together(denying, delegated), "777788889999", "cloudtrail:StartQuery")


def test_one_policy_stays_as_it_is() -> None:
    own = policy(statement("eventdatastore"))
    assert policy_rules.together(own, None) is own
    assert policy_rules.together(None, own) is own
    assert policy_rules.together(None, None) is None
    assert policy_rules.for_delegates(ARNS["eventdatastore"], []) is None
    one = json.loads(policy_rules.for_delegates(ARNS["eventdatastore"], ["777788889999"]) or "")
    assert one["Statement"][0]["Principal"] == {"AWS": "arn:aws:iam::777788889999:root"}
