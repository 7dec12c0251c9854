"""PutAuditEvents and the channels there are: which ones take events, from whom, and what is known of them afterwards."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opentrail.errors import JournalFull
from opentrail.events.activity import DEFAULT_CHANNEL
from opentrail.identity.credentials import Credential
from opentrail.lake.channels import store
from opentrail.lake.channels.channel import Channel
from simulators.audit_events import CHANNEL, PuttingApplication, entry
from simulators.channels import PLACE, to

PARTNER = "999988887777"
ANYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


@pytest.fixture
def channel(application: PuttingApplication) -> Iterator[Channel]:
    ground = application.ground
    return ground.channels.create(PLACE, "partner", "Clumio", to(ground.stores.add()))


def policy(channel: Channel, **more: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{PARTNER}:root"},
        "Action": "cloudtrail-data:PutAuditEvents",
        "Resource": channel.arn,
        **more,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


DEMANDING = {"Condition": {"StringEquals": {"cloudtrail:ExternalId": "clumio-17"}}}


def test_events_of_a_channel_carry_its_arn(application: PuttingApplication, channel: Channel) -> None:
    assert application.put(entry(1), channel=channel.arn)[0] == 200
    assert application.put(entry(2), channel=channel.id)[0] == 200
    assert {record["metadata"]["channelARN"] for record in application.door.records} == {channel.arn}


def test_the_default_channel_is_visible_once_it_is_used(application: PuttingApplication) -> None:
    assert application.ground.channels.list(PLACE) == []
    assert application.put(entry(1))[0] == 200
    assert [one.arn for one in application.ground.channels.list(PLACE)] == [CHANNEL]


def test_a_refused_call_makes_no_default_channel(application: PuttingApplication, user: Callable[..., Credential]) -> None:
    assert application.put(entry(1), key=user())[0] == 403
    assert application.ground.channels.list(PLACE) == []


def test_a_channel_that_was_deleted_takes_nothing(application: PuttingApplication, channel: Channel) -> None:
    application.ground.channels.delete(PLACE, channel.arn)
    assert application.put(entry(1), channel=channel.arn)[1][0] == "ChannelNotFound"
    application.put(entry(1))
    application.ground.channels.delete(PLACE, DEFAULT_CHANNEL)
    assert application.put(entry(2))[1][0] == "ChannelNotFound"
    assert len(application.door.records) == 1


def test_a_channel_of_an_aws_service_takes_nothing_from_outside(application: PuttingApplication, channel: Channel) -> None:
    linked_id = str(uuid.uuid4())
    linked = replace(channel, arn=channel.arn.replace(channel.id, linked_id), id=linked_id, name="linked", source="CloudTrail")
    with application.ground.database.begin() as connection:
        store.add_channel(connection, linked)
    application.ground.known.changed()
    assert application.put(entry(1), channel=linked.arn)[1][0] == "ChannelUnsupportedSchema"


# Other accounts


def test_a_partner_puts_events_when_the_policy_of_the_channel_lets_it(
    application: PuttingApplication, channel: Channel, user: Callable[..., Credential]
) -> None:
    key = user(ANYTHING, account=PARTNER)
    assert application.put(entry(1), channel=channel.arn, key=key)[1][0] == "ChannelInsufficientPermission"
    application.ground.put_policy(channel.arn, policy(channel))
    status, answer = application.put(entry(1), channel=channel.arn, key=key)
    assert (status, answer["failed"]) == (200, [])
    record = application.door.records[-1]
    assert (record["recipientAccountId"], record["eventData"]["UID"]) == (channel.account_id, "uid-1")
    application.ground.put_policy(channel.arn, None)
    assert application.put(entry(2), channel=channel.arn, key=key)[1][0] == "ChannelInsufficientPermission"


def test_the_policy_may_demand_an_external_id(application: PuttingApplication, channel: Channel, user: Callable[..., Credential]) -> None:
    key = user(ANYTHING, account=PARTNER)
    application.ground.put_policy(channel.arn, policy(channel, **DEMANDING))
    for wrong in (None, "clumio-18"):
        assert application.put(entry(1), channel=channel.arn, key=key, external_id=wrong)[1][0] == "ChannelInsufficientPermission"
    assert application.put(entry(1), channel=channel.arn, key=key, external_id="clumio-17")[0] == 200


def test_the_partner_needs_the_leave_of_its_own_account_too(
    application: PuttingApplication, channel: Channel, user: Callable[..., Credential]
) -> None:
    application.ground.put_policy(channel.arn, policy(channel))
    assert application.put(entry(1), channel=channel.arn, key=user(account=PARTNER))[0] == 403
    assert application.door.records == []


def test_the_owner_needs_no_external_id(application: PuttingApplication, channel: Channel) -> None:
    application.ground.put_policy(channel.arn, policy(channel, **DEMANDING))
    assert application.put(entry(1), channel=channel.arn)[0] == 200


def test_the_default_channel_of_another_account_is_not_made(application: PuttingApplication, user: Callable[..., Credential]) -> None:
    assert application.put(entry(1), key=user(ANYTHING, account=PARTNER))[1][0] == "ChannelInsufficientPermission"
    assert application.ground.channels.list(PLACE) == []


# What was said before is said anew


def test_a_deed_that_is_told_again_in_other_words_names_the_first_telling(application: PuttingApplication) -> None:
    _, first = application.put(entry(1))
    _, second = application.put(entry(1, errorCode="NotFound"))
    _, _third = application.put(entry(1, errorCode="Gone"))
    original = first["successful"][0]["eventID"]
    assert second["successful"][0]["eventID"] != original
    told = {"reason": "UPDATED_DATA", "originalUID": "uid-1", "originalEventID": original}
    assert [record.get("addendum") for record in application.door.records] == [None, told, told]
    again = application.put(entry(1, errorCode="NotFound"))[1]
    assert again["successful"][0]["eventID"] == second["successful"][0]["eventID"]
    assert len(application.door.records) == 3


def test_within_one_request_too(application: PuttingApplication) -> None:
    _, answer = application.put(entry(1), {**entry(1, errorCode="NotFound"), "id": "b"})
    first, second = application.door.records
    assert second["addendum"]["originalEventID"] == first["eventID"] == answer["successful"][0]["eventID"]


def test_the_same_uid_in_another_channel_is_another_deed(application: PuttingApplication, channel: Channel) -> None:
    application.put(entry(1))
    application.put(entry(1, errorCode="NotFound"), channel=channel.arn)
    assert not any("addendum" in record for record in application.door.records)


def test_what_was_never_recorded_is_no_original(application: PuttingApplication) -> None:
    application.door.journal.failing = JournalFull()
    application.put(entry(1))
    application.door.journal.failing = None
    application.put(entry(1, errorCode="NotFound"))
    assert "addendum" not in application.door.record


# What is known of the taking in


def test_the_channel_tells_what_was_tried_and_taken(application: PuttingApplication, channel: Channel, tmp_path: Path) -> None:
    _, answer = application.put(entry(1), entry(2), {"id": "bad", "eventData": "{"}, channel=channel.arn)
    status = application.ground.statuses.of(channel.arn)
    assert status.success_event_id == answer["successful"][1]["eventID"]
    assert status.error_code == "InvalidData"
    assert status.attempt_event_id not in (None, status.success_event_id)
    assert status.attempt_at == status.success_at == application.ground.clock.time()
    application.ground.clock.advance(60)
    application.put({"id": "bad", "eventData": json.dumps({"version": "1"})}, channel=channel.arn)
    later = application.ground.statuses.of(channel.arn)
    assert (later.success_event_id, later.success_at) == (status.success_event_id, status.success_at)
    assert (later.error_code, later.attempt_at) == ("FieldNotFound", application.ground.clock.time())


def test_what_the_journal_did_not_take_was_no_success(application: PuttingApplication, channel: Channel) -> None:
    application.door.journal.failing = JournalFull()
    assert application.put(entry(1), channel=channel.arn)[0] == 503
    status = application.ground.statuses.of(channel.arn)
    assert (status.success_at, status.error_code) == (None, "InternalFailure")
    assert status.attempt_event_id is not None
