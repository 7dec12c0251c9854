"""PutAuditEvents: what is taken, what is refused with which error, what is on disk when the answer comes."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opentrail.api.call import Answer, Call
from opentrail.api.cloudtrail_data import CloudTrailData, entries
from opentrail.api.cloudtrail_data.entries import Entry
from opentrail.api.cloudtrail_data.intake import Intake
from opentrail.api.cloudtrail_data.recent import Newest, RecentEvents
from opentrail.clock import ManualClock
from opentrail.errors import JournalFull
from opentrail.events import activity
from opentrail.events.activity import DEFAULT_CHANNEL
from opentrail.identity.credentials import Credential
from opentrail.identity.principals import Principal
from opentrail.lake.channels.channel import channel_arn
from opentrail.lake.channels.known import Known
from opentrail.lake.names import Place
from opentrail.recorder.activity import ActivityRecords
from opentrail.wire.faults import ServiceUnavailable
from opentrail.wire.http import Request
from simulators.audit_events import CHANNEL, PuttingApplication, entry, event_data, nothing
from simulators.front_door import ACCOUNT

ALLOWED = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "cloudtrail-data:PutAuditEvents", "Resource": CHANNEL}]}
)
ERRORS = [json.loads(line) for line in (Path(__file__).parent / "entry_errors.jsonl").read_text().splitlines()]


def test_an_event_becomes_a_record_before_the_answer(application: PuttingApplication) -> None:
    status, answer = application.put(entry(7))
    (record,) = application.door.records
    assert status == 200
    assert answer == {"successful": [{"id": "id-7", "eventID": record["eventID"]}], "failed": []}
    assert record == {
        "eventVersion": "1.11",
        "eventCategory": "ActivityAuditLog",
        "eventType": "ActivityLog",
        "eventID": record["eventID"],
        "eventTime": "2026-01-05T10:11:12Z",
        "awsRegion": "us-east-1",
        "recipientAccountId": ACCOUNT,
        "metadata": {"ingestionTime": "2026-01-05T10:11:12Z", "channelARN": CHANNEL},
        "eventData": event_data(7),
    }
    assert application.door.steps == ["record durable", "answer begins"]


def test_all_events_of_a_request_are_appended_together(application: PuttingApplication) -> None:
    status, answer = application.put(*[entry(number) for number in range(100)])
    assert status == 200
    assert [item["id"] for item in answer["successful"]] == [f"id-{number}" for number in range(100)]
    assert [record["eventID"] for record in application.door.records] == [item["eventID"] for item in answer["successful"]]
    assert application.door.steps.count("record durable") == 1


@pytest.mark.parametrize("case", ERRORS, ids=[case["why"] for case in ERRORS])
def test_an_event_that_does_not_fit_is_refused_by_itself(application: PuttingApplication, case: dict[str, Any]) -> None:
    text = case.get("text")
    if text is None:
        text = json.dumps(event_data(2, **{name: _written_out(value) for name, value in case.get("with", {}).items()}))
    bad = {"id": "bad", "eventData": text}
    if "checksum" in case:
        bad["eventDataChecksum"] = case["checksum"]
    status, answer = application.put(entry(1), bad, entry(3))
    assert status == 200
    assert [item["id"] for item in answer["successful"]] == ["id-1", "id-3"]
    ((failed),) = answer["failed"]
    assert (failed["id"], failed["errorCode"]) == ("bad", case["code"])
    assert case.get("says", "") in failed["errorMessage"]
    assert len(application.door.records) == 2


def _written_out(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _written_out(item) for name, item in value.items()}
    return value[0] * value[1] if isinstance(value, list) and value and isinstance(value[-1], int) else value


def test_the_right_checksum_is_taken(application: PuttingApplication) -> None:
    item = entry(1)
    item["eventDataChecksum"] = base64.b64encode(hashlib.sha256(item["eventData"].encode()).digest()).decode()
    assert application.put(item)[1]["failed"] == []


def test_a_deeply_nested_event_is_refused(application: PuttingApplication) -> None:
    nested: Any = {}
    for _ in range(60):
        nested = {"a": nested}
    _, answer = application.put(entry(1, additionalEventData=nested), {"id": "x", "eventData": "[" * 100_000})
    assert [failed["errorCode"] for failed in answer["failed"]] == ["InvalidData", "InvalidData"]


def test_fields_that_the_schema_does_not_know_are_kept(application: PuttingApplication) -> None:
    application.put(entry(1, tenant="blue", requestParameters={"large": 2**70, "text": "naïve"}))
    data = application.door.record["eventData"]
    assert data["tenant"] == "blue"
    assert data["requestParameters"] == {"large": str(2**70), "text": "naïve"}


def test_an_event_time_is_printed_as_records_print_it(application: PuttingApplication) -> None:
    application.put(entry(1, eventTime="2026-01-05T10:11:12"), entry(2, eventTime="2026-01-05T10:11:13.250Z"))
    assert [record["eventTime"] for record in application.door.records] == ["2026-01-05T10:11:12Z", "2026-01-05T10:11:13Z"]
    assert application.door.records[1]["eventData"]["eventTime"] == "2026-01-05T10:11:13.250Z"


REFUSED = [
    # body, channel, region, error
    ({"auditEvents": [entry(1), {**entry(2), "id": "id-1"}]}, CHANNEL, "us-east-1", "DuplicatedAuditEventId"),
    ({"auditEvents": [entry()]}, CHANNEL.replace("channel/0", "channel/1"), "us-east-1", "ChannelNotFound"),
    ({"auditEvents": [entry()]}, CHANNEL, "eu-west-1", "ChannelNotFound"),
    ({"auditEvents": [entry()]}, "my-channel", "us-east-1", "InvalidChannelARN"),
    ({"auditEvents": [entry()]}, CHANNEL.replace("channel/", "eventdatastore/"), "us-east-1", "InvalidChannelARN"),
    ({"auditEvents": [entry()]}, CHANNEL.replace("cloudtrail", "sqs"), "us-east-1", "InvalidChannelARN"),
    ({"auditEvents": [entry()]}, CHANNEL.replace(ACCOUNT, "999988887777"), "us-east-1", "ChannelInsufficientPermission"),
    ({"auditEvents": []}, CHANNEL, "us-east-1", "ValidationException"),
    ({"auditEvents": [entry(number) for number in range(101)]}, CHANNEL, "us-east-1", "ValidationException"),
    ({"auditEvents": [{"id": "a b", "eventData": "{}"}]}, CHANNEL, "us-east-1", "ValidationException"),
    ({"auditEvents": [{"id": "", "eventData": "{}"}]}, CHANNEL, "us-east-1", "ValidationException"),
    ({"auditEvents": [{"id": "x" * 129, "eventData": "{}"}]}, CHANNEL, "us-east-1", "ValidationException"),
    ({"auditEvents": [{"eventData": "{}"}]}, CHANNEL, "us-east-1", "ValidationException"),
    ({"auditEvents": [{"id": "a"}]}, CHANNEL, "us-east-1", "ValidationException"),
    ({}, CHANNEL, "us-east-1", "ValidationException"),
    ({"auditEvents": [entry()]}, None, "us-east-1", "ValidationException"),
]


@pytest.mark.parametrize(("body", "channel", "region", "code"), REFUSED)
def test_a_request_that_is_wrong_as_a_whole_leaves_nothing(
    application: PuttingApplication, body: Any, channel: str | None, region: str, code: str
) -> None:
    status, (told, message) = application.send(body, channel=channel, region=region)
    assert (status, told) == (400, code)
    assert message
    assert application.door.records == []


def test_a_request_of_more_than_a_megabyte_is_refused(tmp_path: Path) -> None:
    made = PuttingApplication(tmp_path, max_body=4 << 20)
    status, (code, message) = made.put(*[entry(number, note="x" * 100_000) for number in range(11)])
    made.door.close()
    made.ground.close()
    assert (status, code) == (400, "ValidationException")
    assert "1048576" in message


def test_a_channel_may_be_named_by_its_id(application: PuttingApplication) -> None:
    assert application.put(entry(1), channel=DEFAULT_CHANNEL)[0] == 200
    assert application.door.record["metadata"]["channelARN"] == CHANNEL


def test_each_region_has_its_channel(application: PuttingApplication) -> None:
    assert application.put(entry(1), channel=DEFAULT_CHANNEL, region="eu-west-1")[0] == 200
    assert application.door.record["awsRegion"] == "eu-west-1"


def test_the_permission_is_on_the_channel(application: PuttingApplication, user: Callable[..., Credential]) -> None:
    key = user(ALLOWED)
    assert application.put(entry(1), key=key)[0] == 200
    status, (code, message) = application.put(entry(1), key=key, channel=DEFAULT_CHANNEL, region="eu-west-1")
    assert (status, code) == (403, "AccessDeniedException")
    assert "cloudtrail-data:PutAuditEvents on resource: arn:aws:cloudtrail:eu-west-1" in message


def test_nobody_puts_events_without_the_permission(application: PuttingApplication, user: Callable[..., Credential]) -> None:
    assert application.put(entry(1), key=user())[0] == 403
    assert application.door.records == []


def test_another_account_has_no_business_here(application: PuttingApplication, user: Callable[..., Credential]) -> None:
    anything = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    status, (code, _) = application.put(entry(1), key=user(anything, account="999988887777"))
    assert (status, code) == (400, "ChannelInsufficientPermission")


def test_an_external_id_that_nobody_demands_is_harmless(application: PuttingApplication) -> None:
    assert application.put(entry(1), external_id="partner-17")[0] == 200


# Once, however often it is sent


def test_an_event_sent_again_is_recorded_once(application: PuttingApplication) -> None:
    _, first = application.put(entry(1), entry(2))
    _, second = application.put({**entry(2), "id": "other"}, entry(3))
    assert second["successful"][0] == {"id": "other", "eventID": first["successful"][1]["eventID"]}
    assert [record["eventData"]["UID"] for record in application.door.records] == ["uid-1", "uid-2", "uid-3"]


def test_the_same_event_twice_in_one_request_is_recorded_once(application: PuttingApplication) -> None:
    _, answer = application.put(entry(1), {**entry(1), "id": "again"})
    assert len({item["eventID"] for item in answer["successful"]}) == 1
    assert len(application.door.records) == 1


def test_the_same_uid_with_other_content_is_another_event(application: PuttingApplication) -> None:
    application.put(entry(1))
    application.put(entry(1, errorCode="NotFound"))
    assert len({record["eventID"] for record in application.door.records}) == 2


def test_the_same_event_in_another_region_is_another_event(application: PuttingApplication) -> None:
    application.put(entry(1), channel=DEFAULT_CHANNEL)
    application.put(entry(1), channel=DEFAULT_CHANNEL, region="eu-west-1")
    assert len({record["eventID"] for record in application.door.records}) == 2


def test_what_the_journal_did_not_take_may_be_sent_again(application: PuttingApplication) -> None:
    application.door.journal.failing = JournalFull()
    assert application.put(entry(1))[0] == 503
    application.door.journal.failing = None
    assert application.put(entry(1))[0] == 200
    assert len(application.door.records) == 1


def test_events_are_never_passed_over_in_silence(tmp_path: Path) -> None:
    made = PuttingApplication(tmp_path, pass_on_failure=True)
    made.door.journal.failing = JournalFull()
    assert made.put(entry(1))[0] == 503
    made.door.close()
    made.ground.close()


def call_of(*given: Any) -> Call:
    return Call(
        service="cloudtrail-data",
        operation="PutAuditEvents",
        parameters={"channelArn": CHANNEL, "auditEvents": list(given)},
        caller=Principal(type="Root", account_id=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:root"),
        account_id=ACCOUNT,
        region="us-east-1",
        request_id="r",
        source_ip="127.0.0.1",
        user_agent="test",
        time=ManualClock().now(),
        secure=False,
        request=Request(method="POST", path="/PutAuditEvents"),
    )


class Notes:
    """Nobody keeps what became of attempts."""

    def note(self, arn: str, *, attempted: str, taken: str | None, error: str | None) -> None:
        pass


class Everywhere:
    """A channel under every ARN."""

    def find(self, arn: str) -> Known:
        return Known(arn=arn, policy=None, takes_activity=True, has_store=True)

    async def prepared(self, place: Place, channel_id: str) -> Known:
        return self.find(channel_arn(place, channel_id))


def service(load: Callable[[int], Any] = nothing, **limits: Any) -> CloudTrailData:
    return CloudTrailData(Everywhere(), Intake(RecentEvents(load, pause=0.0, **limits), Notes(), ManualClock()))


async def put(made: CloudTrailData, *given: Any) -> Answer:
    answer = await made.put_audit_events(call_of(*given))
    assert isinstance(answer, Answer)
    return answer


def test_an_event_that_is_being_recorded_is_neither_done_nor_done_twice() -> None:
    async def story() -> None:
        made = service()
        first = await put(made, entry(1))
        second = await put(made, entry(1), entry(2))
        assert [item["errorCode"] for item in second.result["failed"]] == ["Throttling"]
        assert len(second.records) == 1
        assert first.settled is not None
        first.settled(False)
        third = await put(made, entry(1))
        assert len(third.records) == 1
        assert third.settled is not None
        third.settled(True)
        fourth = await put(made, entry(1))
        assert list(fourth.records) == []
        assert fourth.result["successful"] == third.result["successful"]

    asyncio.run(story())


def test_the_memory_is_read_back_from_the_event_store() -> None:
    first = entries.read(entry(1), channel_arn=CHANNEL, account_id=ACCOUNT)
    assert isinstance(first, Entry)
    asked: list[int] = []

    async def load(limit: int) -> Sequence[tuple[str, int | None]]:
        asked.append(limit)
        if len(asked) < 3:
            raise ServiceUnavailable
        return [(first.event_id, first.uid)]

    async def story() -> None:
        made = service(load, bound=10)
        answer = await put(made, entry(1), entry(2))
        assert len(answer.records) == 1
        assert {"id": "id-1", "eventID": first.event_id} in answer.result["successful"]
        await put(made, entry(3))

    asyncio.run(story())
    assert asked == [10, 10, 10]


def test_events_do_not_wait_for_ever_for_the_event_store(caplog: pytest.LogCaptureFixture) -> None:
    async def load(limit: int) -> Sequence[tuple[str, int | None]]:
        await asyncio.Event().wait()
        return ()

    async def story() -> None:
        made = service(load, patience=0.0)
        assert len((await put(made, entry(1))).records) == 1
        assert len((await put(made, entry(2))).records) == 1

    asyncio.run(story())
    assert len(caplog.records) == 1


def test_the_memory_is_bounded() -> None:
    async def story() -> None:
        made = service(bound=3)
        for number in range(5):
            answer = await put(made, entry(number))
            assert answer.settled is not None
            answer.settled(True)
        assert [len((await put(made, entry(number))).records) for number in (4, 3, 2, 1, 0)] == [0, 0, 0, 1, 1]

    asyncio.run(story())


def test_only_the_newest_are_remembered_each_with_what_it_had_first() -> None:
    memory = Newest(1000, [(number, number + 1) for number in range(1500)])
    memory.keep({1499: 7})
    for number in range(1500, 5000, 2):
        memory.keep({number: number + 1, number + 1: number + 2})
        memory.keep({number: 7})
        memory.keep({number - 1: 7, number: 7, number + 1: 7})
    assert memory.values == {number: number + 1 for number in range(4000, 5000)}


# Whatever is sent

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
FIELDS = st.sampled_from(sorted(event_data()))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(FIELDS, JSON, max_size=4))
def test_any_content_is_recorded_whole_or_refused_with_a_reason(changes: dict[str, Any]) -> None:
    data = {**event_data(), **changes}
    read = entries.read({"id": "a", "eventData": json.dumps(data)}, channel_arn=CHANNEL, account_id=ACCOUNT)
    if not isinstance(read, Entry):
        assert read.code in ("InvalidData", "FieldNotFound", "FieldTooLong", "InvalidRecipient")
        assert 1 <= len(read.message) <= 1024
        return
    made = ActivityRecords(region="us-east-1", account_id=ACCOUNT, channel_arn=CHANNEL, ingested=0.0)
    record = made.record(read.data, event_id=read.event_id, event_time=read.event_time)
    assert json.loads(record)["eventData"].keys() == data.keys()


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.dictionaries(FIELDS, JSON | st.text(min_size=1000, max_size=1100), max_size=4),
    st.dictionaries(st.text(max_size=12), JSON, max_size=3),
)
def test_what_surely_fits_fits(changes: dict[str, Any], identity: dict[str, Any]) -> None:
    for data in ({**event_data(), **changes}, {**event_data(), "userIdentity": {"type": "a", "principalId": "b", **identity}}):
        assert activity.problem(data) is None or not activity.surely_fits(data)
    assert activity.surely_fits(event_data())


@given(st.text(st.characters(codec="utf-8"), max_size=20), st.binary(max_size=50))
def test_an_event_has_the_id_that_it_always_had(channel: str, raw: bytes) -> None:
    space = uuid.UUID("6f7065e1-7261-4c2d-8a65-76656e747300")
    assert entries.event_id_of(channel, raw) == str(uuid.uuid5(space, f"{channel}\n{hashlib.sha256(raw).hexdigest()}"))


@given(st.text(max_size=200))
def test_any_text_is_an_event_or_refused(text: str) -> None:
    entries.read({"id": "a", "eventData": text}, channel_arn=CHANNEL, account_id=ACCOUNT)


def test_a_call_is_described_with_its_permission() -> None:
    call = replace(call_of(entry(1)), parameters={"channelArn": DEFAULT_CHANNEL, "auditEvents": [entry(1)], "externalId": "x-1"})
    (need,) = service().needs(call)
    assert (need.action, need.resource) == ("cloudtrail-data:PutAuditEvents", CHANNEL)
    assert need.context == {"cloudtrail:ExternalId": ("x-1",)}
