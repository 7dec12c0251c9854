"""Queues themselves: made once, changed, purged, deleted; what is due is done in time; all of it outlives a restart."""

from __future__ import annotations

import pytest

from opentrail.messaging.queues import Place
from opentrail.messaging.queues.faults import (
    InvalidAttributeName,
    InvalidParameterValue,
    OverLimit,
    PurgeQueueInProgress,
    QueueDeletedRecently,
    QueueDoesNotExist,
    QueueNameExists,
)
from opentrail.messaging.queues.receiving import IN_FLIGHT
from opentrail.messaging.queues.values import Counts
from simulators.queues import ACCOUNT, OTHER, REGION, QueueHouse, place


def rows(house: QueueHouse, table: str) -> int:
    found = house.database.first(f"SELECT count(*) FROM {table}", ())
    assert found is not None
    return int(found[0])


def test_creating_the_same_queue_again_changes_nothing(house: QueueHouse) -> None:
    control = house.queues.control
    made = control.create(place("work"), {"VisibilityTimeout": "45"}, {"a": "b"})
    assert control.create(place("work"), {"VisibilityTimeout": "45", "DelaySeconds": "0"}, {}) == made
    assert control.create(place("work"), {}, {}) == made
    with pytest.raises(QueueNameExists, match="VisibilityTimeout"):
        control.create(place("work"), {"VisibilityTimeout": "30"}, {})
    with pytest.raises(QueueNameExists, match="DelaySeconds"):
        control.create(place("work"), {"DelaySeconds": "1"}, {})


def test_a_queue_of_another_account_or_region_is_another_queue(house: QueueHouse) -> None:
    control = house.queues.control
    mine = house.queue()
    theirs = control.create(place("work", OTHER), {}, {})
    there = control.create(Place(account_id=ACCOUNT, region="eu-west-1", name="work"), {}, {})
    assert len({mine.id, theirs.id, there.id}) == 3
    assert list(control.list(ACCOUNT, REGION, prefix="", after="", limit=10)) == ["work"]


def test_the_kind_of_a_queue_is_said_by_its_name_and_never_changes(house: QueueHouse) -> None:
    control = house.queues.control
    for name, given in (("a.fifo", {}), ("a", {"FifoQueue": "true"}), ("a", {"FifoQueue": "false"})):
        with pytest.raises(InvalidParameterValue):
            control.create(place(name), given, {})
    fifo, standard = house.queue("a.fifo"), house.queue("a")
    control.set(fifo, {"FifoQueue": "true"})
    for queue, value in ((standard, "true"), (fifo, "false")):
        with pytest.raises(InvalidParameterValue):
            control.set(queue, {"FifoQueue": value})
    with pytest.raises(InvalidAttributeName):
        control.set(standard, {"ContentBasedDeduplication": "true"})


def test_names_are_listed_in_order_by_prefix_and_page(house: QueueHouse) -> None:
    for name in ("b1", "a", "b_2", "B", "b2"):
        house.queue(name)
    control = house.queues.control
    assert list(control.list(ACCOUNT, REGION, prefix="b", after="", limit=10)) == ["b1", "b2", "b_2"]
    assert list(control.list(ACCOUNT, REGION, prefix="b", after="b1", limit=1)) == ["b2"]
    assert list(control.list(ACCOUNT, REGION, prefix="b_", after="", limit=10)) == ["b_2"]


def test_a_deleted_queue_is_gone_with_its_messages_and_its_name_rests_a_minute(house: QueueHouse) -> None:
    queue = house.queue()
    house.send(queue, "a", "b")
    (message,) = house.take(queue, most=1).messages
    house.queues.control.delete(queue)
    for call in (lambda: house.queues.control.delete(queue), lambda: house.queues.control.get(place("work"))):
        with pytest.raises(QueueDoesNotExist):
            call()
    for future in (house.queues.messages.send(queue, []), house.queues.messages.remove(queue, [message.receipt_handle])):
        with pytest.raises(QueueDoesNotExist):
            future.result()
    house.clock.advance(59)
    with pytest.raises(QueueDeletedRecently):
        house.queue()
    house.clock.advance(1)
    again = house.queue()
    assert house.bodies(again) == []
    house.queues.keeper.work(house.clock.time())
    assert rows(house, "sqs_messages") == rows(house, "sqs_contents") == rows(house, "sqs_deleted") == 0
    assert rows(house, "sqs_boxes") == 1


def test_purging_empties_a_queue_at_once_and_only_once_a_minute(house: QueueHouse) -> None:
    queue = house.queue("work.fifo")
    house.send(queue, "a", "b", "c")
    (message,) = house.take(queue, most=1).messages
    house.queues.control.purge(queue)
    with pytest.raises(PurgeQueueInProgress):
        house.queues.control.purge(queue)
    assert house.queues.control.counts(house.queues.control.get(queue.place)) == Counts()
    house.send(queue, "later")
    assert house.remove(queue, message.receipt_handle) == [None]
    assert house.bodies(queue) == ["later"]
    house.clock.advance(60)
    house.queues.keeper.work(house.clock.time())
    assert rows(house, "sqs_messages") == rows(house, "sqs_groups") == 1
    house.queues.control.purge(queue)


def test_messages_are_counted_by_what_they_wait_for(house: QueueHouse) -> None:
    queue = house.queue()
    house.send(queue, "a", "b", "c")
    house.send(queue, "d", delay=10)
    house.take(queue, most=1, visibility=20)
    assert house.queues.control.counts(queue) == Counts(visible=2, in_flight=1, delayed=1)
    house.clock.advance(10)
    assert house.queues.control.counts(queue) == Counts(visible=3, in_flight=1, delayed=0)
    house.clock.advance(10)
    assert house.queues.control.counts(queue) == Counts(visible=4, in_flight=0, delayed=0)


def test_old_messages_are_never_received_and_are_removed(house: QueueHouse) -> None:
    queue, fifo = house.queue(MessageRetentionPeriod="60"), house.queue("work.fifo", MessageRetentionPeriod="60")
    house.send(queue, *(f"old {number}" for number in range(30)))
    house.send(fifo, "old")
    house.clock.advance(30)
    house.send(queue, "young")
    house.send(fifo, "young")
    house.clock.advance(30)
    assert house.bodies(queue) == ["young"]
    assert house.bodies(fifo) == ["young"]
    house.clock.advance(60)
    house.queues.keeper.work(house.clock.time())
    assert rows(house, "sqs_messages") == rows(house, "sqs_contents") == rows(house, "sqs_groups") == 0


def test_a_shorter_retention_counts_for_messages_that_are_there(house: QueueHouse) -> None:
    queue = house.queue()
    house.send(queue, "a")
    house.clock.advance(100)
    house.queues.control.set(queue, {"MessageRetentionPeriod": "60"})
    assert house.bodies(queue) == []


def test_no_more_messages_than_the_limit_are_in_flight(house: QueueHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opentrail.messaging.queues.receiving.IN_FLIGHT", 3)
    queue, fifo = house.queue(), house.queue("work.fifo")
    house.send(queue, *"abcde")
    house.send(fifo, *"abcde")
    first = house.take(queue, most=2, visibility=60).messages
    assert len(house.bodies(queue, most=10, visibility=60)) == 1
    with pytest.raises(OverLimit):
        house.take(queue)
    house.remove(queue, first[0].receipt_handle)
    assert len(house.bodies(queue, visibility=60)) == 1
    assert len(house.bodies(fifo, visibility=60)) == 3
    assert house.bodies(fifo) == []
    assert IN_FLIGHT == 120_000


def test_tags_are_put_on_and_taken_off(house: QueueHouse) -> None:
    control = house.queues.control
    queue = control.create(place("work"), {}, {"a": "1"})
    control.tag(queue, {"b": "2", "a": "3"})
    control.untag(queue, ["b", "c"])
    assert control.get(queue.place).tags == {"a": "3"}
    for bad in ({"aws:x": "1"}, {"": "1"}, {"k" * 129: "1"}, {"k": "v" * 257}, {f"t{number}": "" for number in range(50)}):
        with pytest.raises(InvalidParameterValue):
            control.tag(queue, bad)
    assert control.get(queue.place).tags == {"a": "3"}


def test_a_receipt_can_last_twelve_hours_in_all(house: QueueHouse) -> None:
    queue = house.queue()
    house.send(queue, "a")
    (message,) = house.take(queue, visibility=43_200).messages
    house.clock.advance(100)
    change = house.queues.messages.change_visibility
    (fault,) = change(queue, [(message.receipt_handle, 43_101)]).result()
    assert fault is not None
    assert "43200" in fault.message
    assert change(queue, [(message.receipt_handle, 43_100)]).result() == [None]


def test_everything_is_there_after_a_restart(house: QueueHouse) -> None:
    queue = house.queue("work", VisibilityTimeout="50")
    house.send(queue, "received", "waiting")
    (message,) = house.take(queue, most=1).messages
    house.queues.close()
    again = house.beside()
    found = again.control.get(queue.place)
    assert found == queue
    assert again.control.counts(found) == Counts(visible=1, in_flight=1)
    assert again.messages.remove(found, [message.receipt_handle]).result() == [None]
    house.clock.advance(60)
    assert again.control.counts(found) == Counts(visible=1)
    again.close()


def test_what_another_process_changes_counts_at_once(house: QueueHouse) -> None:
    other = house.beside()
    assert house.queues.control.find(place("work")) is None
    made = other.control.create(place("work"), {}, {})
    assert house.queues.control.find(place("work")) == made
    other.control.set(made, {"DelaySeconds": "7"})
    assert house.queues.control.get(place("work")).number("DelaySeconds") == 7
    other.control.delete(made)
    assert house.queues.control.find(place("work")) is None
    other.close()
