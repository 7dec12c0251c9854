"""Groups and streams: made, changed, described, gone; retention, keys, policies."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest

from opentrail.kms.names import reference
from opentrail.monitoring.faults import (
    AccessDeniedException,
    InvalidParameterException,
    LimitExceededException,
    OperationAbortedException,
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
    TooManyTagsException,
)
from opentrail.monitoring.logs.control import RETENTIONS
from simulators.log_groups import ACCOUNT, HERE, REGION, LogHouse

DAY = 86400.0


def test_names_are_taken_once_and_free_again(house: LogHouse) -> None:
    house.group()
    with pytest.raises(ResourceAlreadyExistsException):
        house.group()
    with pytest.raises(ResourceAlreadyExistsException):
        house.logs.control.create_stream(*HERE, "g", "s")
    house.put([(0, "old")])
    house.logs.control.delete_group(*HERE, "g")
    house.group()
    assert house.all() == []
    house.put([(0, "new")])
    house.logs.control.delete_stream(*HERE, "g", "s")
    house.logs.control.create_stream(*HERE, "g", "s")
    assert house.all() == []


def test_what_is_deleted_leaves_the_disk_bit_by_bit(house: LogHouse) -> None:
    house.group()
    house.group("kept")
    for number in range(450):
        house.put([(number, "x")])
    house.put([(0, "kept")], group="kept")
    house.logs.control.delete_group(*HERE, "g")
    steps = 0
    while house.logs.retention.step():
        steps += 1
    assert steps >= 3
    with sqlite3.connect(house.folder / "monitoring.db") as database:
        assert database.execute("SELECT count(*) FROM log_chunks").fetchone() == (1,)
    database.close()
    assert house.all(group="kept") == ["kept"]


@pytest.mark.parametrize("days", RETENTIONS)
def test_retention_values(house: LogHouse, days: int) -> None:
    house.group()
    house.logs.control.set_retention(*HERE, "g", days)
    assert house.logs.control.group(*HERE, "g").retention_in_days == days


@pytest.mark.parametrize("days", [0, -1, 2, 31, 366, 3654])
def test_other_values_are_refused(house: LogHouse, days: int) -> None:
    house.group()
    with pytest.raises(InvalidParameterException):
        house.logs.control.set_retention(*HERE, "g", days)


def test_events_past_their_retention_are_hidden_at_once_and_removed_later(house: LogHouse) -> None:
    house.group()
    house.put([(-1000, "older"), (0, "old")])
    house.logs.control.set_retention(*HERE, "g", 1)
    house.clock.advance(DAY - 0.5)
    assert house.all() == ["old"]
    house.put([(0, "new")])
    assert not house.logs.retention.step()
    house.clock.advance(1)
    assert house.logs.retention.step()
    house.logs.control.set_retention(*HERE, "g", None)
    assert house.all() == ["new"]


def test_protection_from_deletion(house: LogHouse) -> None:
    house.group()
    house.logs.control.protect(*HERE, "g", protected=True)
    with pytest.raises(InvalidParameterException, match="protected"):
        house.logs.control.delete_group(*HERE, "g")
    house.logs.control.protect(*HERE, "g", protected=False)
    house.logs.control.delete_group(*HERE, "g")
    with pytest.raises(ResourceNotFoundException):
        house.logs.control.group(*HERE, "g")


def test_streams_in_order_of_name_and_of_latest_event(house: LogHouse) -> None:
    house.group("g", "b", "a", "c")
    house.put([(5, "x")], stream="b")
    house.put([(3, "x"), (9, "x")], stream="a")
    control = house.logs.control
    assert [stream.name for stream in control.streams(*HERE, "g")[1]] == ["a", "b", "c"]
    found = control.streams(*HERE, "g", by_last_event=True, descending=True)[1]
    assert [stream.name for stream in found] == ["a", "b", "c"]
    assert (found[0].first_event, found[0].last_event) == (house.now + 3, house.now + 9)
    assert found[2].last_event is None


def test_tags(house: LogHouse) -> None:
    house.group()
    control = house.logs.control
    control.tag(*HERE, "g", {f"k{number}": "v" for number in range(50)})
    with pytest.raises(TooManyTagsException):
        control.tag(*HERE, "g", {"one": "more"})
    with pytest.raises(InvalidParameterException):
        control.tag(*HERE, "g", {"aws:mine": "v"})
    control.untag(*HERE, "g", [f"k{number}" for number in range(49)])
    assert control.tags(*HERE, "g") == {"k49": "v"}


def test_a_key_seals_what_comes_in(house: LogHouse) -> None:
    key = house.key()
    house.group()
    house.put([(0, "plain-before")])
    house.logs.control.set_key(*HERE, "g", key.key_id)
    assert house.logs.control.group(*HERE, "g").kms_key_id == key.arn
    house.put([(1, "sealed-words")])
    again = house.reopened()
    assert again.all() == ["plain-before", "sealed-words"]
    with sqlite3.connect(house.folder / "monitoring.db") as database:
        (one, no_key), (two, with_key) = database.execute("SELECT events, data_key FROM log_chunks ORDER BY position").fetchall()
    database.close()
    assert (b"plain-before" in one, no_key) == (True, None)
    assert b"sealed-words" not in two
    assert with_key is not None
    again.kms.keys.disable(again.kms.keys.get(reference(key.arn, *HERE)))
    once_more = again.reopened()
    with pytest.raises(InvalidParameterException, match="disabled"):
        once_more.all()
    assert [len(chunk.events) for chunk in once_more.logs.reader.chunks(0, 10)] == [1, 0]  # nobody is held up by it
    once_more.close()


@pytest.mark.parametrize("principal", [None, "logs.eu-west-1.amazonaws.com", "events.amazonaws.com"])
def test_a_key_that_does_not_let_the_service_in(house: LogHouse, principal: str | None) -> None:
    key = house.key(principal=principal)
    with pytest.raises(AccessDeniedException, match="not allowed to be used with Arn"):
        house.group(kms_key_id=key.arn)
    with pytest.raises(ResourceNotFoundException):
        house.logs.control.group(*HERE, "g")


def test_a_key_for_another_group_or_none_at_all(house: LogHouse) -> None:
    key = house.key()
    with pytest.raises(AccessDeniedException):
        house.group("other", kms_key_id=key.arn)
    with pytest.raises(InvalidParameterException, match="could not be found"):
        house.group(kms_key_id=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab")


def test_a_policy_may_leave_the_region_out(house: LogHouse) -> None:
    key = house.key(principal="logs.amazonaws.com")
    house.group(kms_key_id=key.arn)
    house.put([(0, "sealed")])
    assert house.all() == ["sealed"]


def statement(**changes: Any) -> str:
    """As the EventBridge user guide has it."""
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/events/*:*",
        **changes,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [allowed]})


def test_services_put_by_leave_of_the_policies(house: LogHouse) -> None:
    house.logs.control.create_group(*HERE, "/aws/events/mine", partition="aws")
    rule = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/mine"

    def put(message: str) -> None:
        house.logs.services.put(
            log_group_arn=f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/events/mine",
            stream="one",
            message=message,
            timestamp=house.now,
            source_arn=rule,
            account_id=ACCOUNT,
        )

    with pytest.raises(AccessDeniedException):
        put("refused")
    policies = house.logs.policies
    policies.put(*HERE, "p", statement(Condition={"ArnEquals": {"aws:SourceArn": rule + "x"}}))
    with pytest.raises(AccessDeniedException):
        put("refused")
    policies.put(*HERE, "p", statement(Condition={"ArnEquals": {"aws:SourceArn": rule}}))
    put("taken")
    policies.put(*HERE, "deny", statement(Effect="Deny"))
    with pytest.raises(AccessDeniedException):
        put("refused")
    policies.delete(*HERE, "deny")
    put("taken again")
    assert house.all(group="/aws/events/mine") == ["taken", "taken again"]


def test_resource_policies_have_limits_and_revisions(house: LogHouse) -> None:
    policies = house.logs.policies
    first = policies.put(*HERE, "p0", statement())
    for number in range(1, 10):
        policies.put(*HERE, f"p{number}", statement())
    with pytest.raises(LimitExceededException):
        policies.put(*HERE, "p10", statement())
    house.group()
    policies.put(*HERE, None, statement(), resource_arn=house.logs.control.group(*HERE, "g").arn)
    policies.put(*HERE, "p0", statement(), expected=first.revision)
    with pytest.raises(OperationAbortedException):
        policies.put(*HERE, "p0", statement(), expected=first.revision)
    with pytest.raises(InvalidParameterException):
        policies.put(*HERE, "p0", "{}")
    with pytest.raises(ResourceNotFoundException):
        policies.delete(*HERE, "none")
