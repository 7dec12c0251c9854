"""Calls that come through a VPC endpoint: what its policy lets through, what records tell, and whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.api.arrival import VpcEndpoint
from opentrail.api.asgi import Application
from opentrail.api.call import Call, Need
from opentrail.api.endpoint import Outcome
from opentrail.api.reading import Asked
from opentrail.errors import JournalFull
from simulators.front_door import ACCOUNT, Answered, Fake, FrontDoor, Upstream, plain

IAM = "2010-05-08"
OWNER = "444455556666"
EVERYTHING = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
BUCKET = "arn:aws:s3:::example-data"
ACCESS = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'


class Choice:
    """Selects network activity events, or nothing."""

    def __init__(self, selected: bool) -> None:
        self._selected = selected
        self.taken: list[tuple[str, Any]] = []

    def may(self, category: str, source: str, name: str) -> bool:
        return self._selected and category == "NetworkActivity"

    def may_in(self, account_id: str, category: str, source: str, name: str) -> bool:
        return self.may(category, source, name)

    def takes(self, account_id: str, record: bytes) -> bool:
        self.taken.append((account_id, json.loads(record)["eventCategory"]))
        return self._selected


class Way:
    """A front door that is reached through a VPC endpoint."""

    def __init__(self, folder: Path, *statements: Any, owner: str = ACCOUNT, selected: bool = True, **more: Any) -> None:
        self.carried_out: list[str] = []

        def users(call: Call) -> dict[str, Any]:
            self.carried_out.append(call.operation)
            return {"Users": [], "IsTruncated": False}

        wants = {"ListUsers": [Need(action="iam:ListUsers", resource=f"arn:aws:iam::{ACCOUNT}:user/")]}
        services = more.pop("services", [Fake("iam", {"ListUsers": users}, wants), Fake("sts", {"GetCallerIdentity": self.identity})])
        self.choice = Choice(selected)
        self.door = FrontDoor(folder, services=services, selection=self.choice, **more)
        policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)}) if statements else None
        self.door.application = Application(
            answer=self.door.endpoint.answer,
            pages={},
            clock=self.door.clock,
            vpc_endpoint=VpcEndpoint(id="vpce-0abc", account_id=owner, policy=policy),
        )
        self.door.identities.users.create(ACCOUNT, "ana")
        self.door.identities.attachments.put_inline(ACCOUNT, "user", "ana", "all", ACCESS)
        key, _ = self.door.identities.access_keys.create(ACCOUNT, "ana")
        found = self.door.identities.credential(key.access_key_id)
        assert found is not None
        self.ana = found

    def identity(self, call: Call) -> dict[str, Any]:
        self.carried_out.append(call.operation)
        return {"UserId": "AIDA1", "Account": ACCOUNT, "Arn": call.caller.arn}

    def list_users(self, **more: Any) -> Answered:
        return self.door.ask(self.door.query("iam", "ListUsers", IAM, key=self.ana, **more))


@pytest.fixture
def ways() -> Iterator[list[Way]]:
    made: list[Way] = []
    yield made
    for way in made:
        way.door.close()


@pytest.fixture
def make(tmp_path: Path, ways: list[Way]) -> Any:
    def build(*statements: Any, **more: Any) -> Way:
        ways.append(Way(tmp_path, *statements, **more))
        return ways[-1]

    return build


def test_what_gets_through_is_recorded_with_the_endpoint_and_told_to_its_owner(make: Any) -> None:
    way = make(EVERYTHING, owner=OWNER)
    assert way.list_users().status == 200
    call, activity = way.door.records
    assert (call["vpcEndpointId"], call["vpcEndpointAccountId"]) == ("vpce-0abc", OWNER)
    assert call["recipientAccountId"] == ACCOUNT
    assert activity["eventType"] == "AwsVpceEvent"
    assert activity["userIdentity"] == {"type": "AWSAccount", "principalId": way.ana.principal.principal_id, "accountId": ACCOUNT}
    assert activity["recipientAccountId"] == OWNER
    assert activity["requestID"] == call["requestID"]
    assert "errorCode" not in activity
    assert way.choice.taken == [(OWNER, "NetworkActivity")]
    assert way.door.steps == ["record durable", "answer begins"], "both in one append"


def test_without_a_policy_everything_gets_through(make: Any) -> None:
    way = make()
    assert way.list_users().status == 200
    call, activity = way.door.records
    assert activity["userIdentity"] == call["userIdentity"], "callers of the owner's account are told in full"


def test_what_nobody_selected_is_not_recorded_for_the_owner(make: Any) -> None:
    way = make(EVERYTHING, selected=False)
    way.list_users()
    assert way.door.record["eventType"] == "AwsApiCall"


REFUSING = [
    ([{**EVERYTHING, "Action": "s3:*"}], "because no VPC endpoint policy allows the iam:ListUsers action"),
    ([{**EVERYTHING, "Resource": BUCKET}], "because no VPC endpoint policy allows the iam:ListUsers action"),
    ([{**EVERYTHING, "Principal": {"AWS": OWNER}}], "because no VPC endpoint policy allows the iam:ListUsers action"),
    ([EVERYTHING, {**EVERYTHING, "Effect": "Deny", "Action": "iam:*"}], "with an explicit deny in a VPC endpoint policy"),
    (
        [{**EVERYTHING, "Condition": {"StringEquals": {"aws:SourceVpce": "vpce-0other"}}}],
        "because no VPC endpoint policy allows the iam:ListUsers action",
    ),
]


@pytest.mark.parametrize(("statements", "reason"), REFUSING)
def test_what_the_endpoint_refuses_is_told_to_its_owner_only(make: Any, statements: list[Any], reason: str) -> None:
    way = make(*statements, owner=OWNER)
    answered = way.list_users()
    assert answered.status == 403
    assert "<Code>AccessDenied</Code>" in answered.text
    who = f"arn:aws:iam::{ACCOUNT}:user/ana"
    assert f"User: {who} is not authorized to perform: iam:ListUsers on resource: arn:aws:iam::{ACCOUNT}:user/ {reason}" in answered.text
    assert way.carried_out == []
    activity = way.door.record
    assert (activity["errorCode"], activity["errorMessage"]) == (
        "VpceAccessDenied",
        "The request was denied due to a VPC endpoint policy",
    )
    assert way.choice.taken == [(OWNER, "NetworkActivity")]


ALLOWING = [
    {**EVERYTHING, "Principal": {"AWS": ACCOUNT}},
    {**EVERYTHING, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/ana"}},
    {**EVERYTHING, "Action": "iam:List*", "Resource": f"arn:aws:iam::{ACCOUNT}:user/"},
    {**EVERYTHING, "Condition": {"StringEquals": {"aws:SourceVpce": "vpce-0abc"}}},
    {**EVERYTHING, "Condition": {"IpAddress": {"aws:VpcSourceIp": "198.51.100.0/24"}}},
    {**EVERYTHING, "Condition": {"Null": {"aws:SourceIp": "true"}}},
    {**EVERYTHING, "Condition": {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}},
]


@pytest.mark.parametrize("statement", ALLOWING)
def test_the_policy_speaks_of_callers_actions_resources_and_the_way(make: Any, statement: Any) -> None:
    assert make(statement).list_users().status == 200


def test_root_users_are_limited_too(make: Any) -> None:
    way = make({**EVERYTHING, "Action": "s3:*"})
    assert way.door.ask(way.door.query("iam", "ListUsers", IAM)).status == 403


def test_what_needs_no_permission_must_pass_all_the_same(make: Any) -> None:
    way = make({**EVERYTHING, "Action": "iam:*"})
    answered = way.door.ask(way.door.query("sts", "GetCallerIdentity", "2011-06-15", key=way.ana))
    assert answered.status == 403
    assert "no VPC endpoint policy allows the sts:GetCallerIdentity action" in answered.text


def test_what_other_policies_refuse_has_got_through_the_endpoint(make: Any) -> None:
    way = make({**EVERYTHING, "Action": "s3:*"}, owner=OWNER)
    way.door.identities.attachments.delete_inline(ACCOUNT, "user", "ana", "all")
    assert "no identity-based policy allows" in way.list_users().text
    call, activity = way.door.records
    assert (call["errorCode"], call["vpcEndpointId"]) == ("AccessDenied", "vpce-0abc")
    assert "errorCode" not in activity


def test_identity_policies_may_speak_of_the_endpoint(make: Any) -> None:
    way = make()
    only = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-0other"}}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [only]})
    way.door.identities.attachments.put_inline(ACCOUNT, "user", "ana", "only", document)
    assert "explicit deny in an identity-based policy" in way.list_users().text


def test_nobody_is_told_of_callers_who_are_none(make: Any) -> None:
    way = make(EVERYTHING)
    assert way.list_users(secret="wrong").status == 403
    assert way.door.record["eventType"] == "AwsApiCall"
    assert way.door.record["vpcEndpointId"] == "vpce-0abc"


def test_a_request_that_says_nothing_tells_the_endpoint_too(make: Any) -> None:
    way = make(EVERYTHING)
    way.door.ask(way.door.json("Nonsense", {}))
    assert way.door.record["vpcEndpointId"] == "vpce-0abc"


async def _forwarded(asked: Asked) -> Outcome:
    return Outcome(response=plain(200, b"{}"))


@pytest.mark.parametrize(("action", "status"), [("ec2:Describe*", 200), ("iam:*", 403)])
def test_calls_to_an_upstream_must_pass_too(make: Any, action: str, status: int) -> None:
    way = make({**EVERYTHING, "Action": action}, upstream=Upstream({"ec2"}, _forwarded))
    answered = way.door.ask(way.door.query("ec2", "DescribeInstances", "2016-11-15", key=way.ana))
    assert answered.status == status
    assert [record["eventType"] for record in way.door.records] == (["AwsApiCall", "AwsVpceEvent"] if status == 200 else ["AwsVpceEvent"])


def test_data_events_are_network_activity_even_where_nobody_selected_them(make: Any) -> None:
    async def get(call: Call) -> dict[str, Any]:
        return {"Body": b"abc"}

    way = make(EVERYTHING, services=[Fake("s3", {"GetObject": get})])
    request = way.door.signed("s3", "GET", "/example-data/a.txt", key=way.ana, payload="UNSIGNED-PAYLOAD")
    assert way.door.ask(request).status == 200
    assert (way.door.record["eventType"], way.door.record["eventName"]) == ("AwsVpceEvent", "GetObject")


def test_a_journal_that_takes_nothing_lets_nothing_through(make: Any) -> None:
    way = make(EVERYTHING)
    way.door.journal.refusing = JournalFull("full")
    assert way.list_users().status == 503
    assert way.carried_out == []
