"""The operations on channels at the front door: members in, members out, permissions, pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.api.cloudtrail.channels import ChannelOperations
from opentrail.identity.credentials import Credential
from simulators.channels import PLACE, ChannelGround, to
from simulators.front_door import ACCOUNT, FrontDoor


class _Service:
    name = "cloudtrail"

    def __init__(self, subject: ChannelOperations) -> None:
        self.operations = subject.operations
        self.needs = subject.needs


class Account:
    """Calls CloudTrail and gives back the answer, or status, code and message."""

    def __init__(self, folder: Path) -> None:
        self.ground = ChannelGround(folder)
        self.door = FrontDoor(folder, services=[_Service(ChannelOperations(self.ground.channels, self.ground.statuses))])

    def __call__(self, operation: str, key: Credential | None = None, **parameters: Any) -> Any:
        answered = self.door.ask(self.door.json(operation, parameters, key=key))
        answer = json.loads(answered.body)
        if answered.status != 200:
            return answered.status, answer["__type"].rpartition("#")[2], answer.get("message") or answer.get("Message")
        return answer

    def user(self, *statements: dict[str, Any]) -> Credential:
        identities = self.door.identities
        identities.users.create(ACCOUNT, "ana")
        identities.attachments.put_inline(
            ACCOUNT,
            "user",
            "ana",
            "own",
            json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]}),
        )
        key, _ = identities.access_keys.create(ACCOUNT, "ana")
        found = identities.credential(key.access_key_id)
        assert found is not None
        return found


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    made = Account(tmp_path)
    yield made
    made.door.close()
    made.ground.close()


def test_a_channel_is_made_shown_changed_and_deleted(account: Account) -> None:
    store, other = account.ground.stores.add("one"), account.ground.stores.add("two")
    made = account(
        "CreateChannel",
        Name="my-channel",
        Source="Custom",
        Destinations=[{"Type": "EVENT_DATA_STORE", "Location": store.id}],
        Tags=[{"Key": "team", "Value": "orders"}],
    )
    told = {"ChannelArn": made["ChannelArn"], "Name": "my-channel", "Source": "Custom", "Destinations": to(store)}
    assert made == {**told, "Tags": [{"Key": "team", "Value": "orders"}]}
    assert account("GetChannel", Channel=made["ChannelArn"].rpartition("/")[2]) == told
    changed = account("UpdateChannel", Channel=made["ChannelArn"], Name="renamed", Destinations=to(other))
    assert changed == {**told, "Name": "renamed", "Destinations": to(other)}
    account.ground.statuses.note(made["ChannelArn"], attempted="e" * 36, taken="e" * 36, error=None)
    at = account.ground.clock.time()
    assert account("GetChannel", Channel=made["ChannelArn"])["IngestionStatus"] == {
        "LatestIngestionSuccessTime": at,
        "LatestIngestionSuccessEventID": "e" * 36,
        "LatestIngestionAttemptTime": at,
        "LatestIngestionAttemptEventID": "e" * 36,
    }
    assert account("ListChannels") == {"Channels": [{"ChannelArn": made["ChannelArn"], "Name": "renamed"}]}
    assert account("DeleteChannel", Channel=made["ChannelArn"]) == {}
    assert account("ListChannels") == {"Channels": []}
    assert account("GetChannel", Channel=made["ChannelArn"])[:2] == (400, "ChannelNotFoundException")
    assert [record["eventName"] for record in account.door.records].count("CreateChannel") == 1


def test_pages_of_channels(account: Account) -> None:
    there = to(account.ground.stores.add())
    for number in (3, 1, 5, 2, 4):
        account.ground.channels.create(PLACE, f"channel-{number}", "Custom", there)
    names: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = account("ListChannels", MaxResults=2, **token)
        names += [one["Name"] for one in page["Channels"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert names == [f"channel-{number}" for number in range(1, 6)]
    for wrong in ("x", "Y2hhbm5lbHM=", "dHJhaWxzCmE="):
        assert account("ListChannels", NextToken=wrong)[:2] == (400, "InvalidNextTokenException")
    for size in (-1, 1001):
        assert account("ListChannels", MaxResults=size)[:2] == (400, "ValidationException")


def test_permissions_are_on_the_channel(account: Account) -> None:
    store = account.ground.stores.add()
    mine = account.ground.channels.create(PLACE, "mine", "Custom", to(store), [{"Key": "team", "Value": "orders"}])
    other = account.ground.channels.create(PLACE, "other", "Custom", to(store))
    tagged = {"Condition": {"StringEquals": {"aws:ResourceTag/team": "orders"}}}
    key = account.user(
        {"Action": "cloudtrail:GetChannel", "Resource": mine.arn},
        {"Action": "cloudtrail:DeleteChannel", "Resource": "*", **tagged},
        {"Action": "cloudtrail:CreateChannel", "Resource": f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:channel/*"},
    )
    assert account("GetChannel", key, Channel=mine.id)["Name"] == "mine"
    status, code, message = account("GetChannel", key, Channel=other.id)
    assert (status, code) == (400, "AccessDeniedException")
    assert f"cloudtrail:GetChannel on resource: {other.arn}" in message
    assert account("ListChannels", key)[1] == "AccessDeniedException"
    assert account("DeleteChannel", key, Channel=other.arn)[1] == "AccessDeniedException"
    assert account("DeleteChannel", key, Channel=mine.arn) == {}
    assert account("CreateChannel", key, Name="new", Source="Custom", Destinations=to(store))["Name"] == "new"
    tags = {"Tags": [{"Key": "a", "Value": "b"}]}
    assert "cloudtrail:AddTags" in account("CreateChannel", key, Name="newer", Source="Custom", Destinations=to(store), **tags)[2]


def test_what_is_no_channel_is_said_before_permissions(account: Account) -> None:
    status, code, message = account("GetChannel", account.user({"Action": "s3:*", "Resource": "*"}), Channel="my-channel")
    assert (status, code) == (400, "ChannelARNInvalidException")
    assert "channel/ID" in message
