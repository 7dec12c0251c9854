"""Dead letters: where they go and when, that each is in one place only, and how they come back."""

from __future__ import annotations

import json

import pytest

from opentrail.messaging.queues.faults import InvalidParameterValue, ResourceNotFoundException, UnsupportedOperation
from opentrail.messaging.queues.moves import source_of
from simulators.queues import ACCOUNT, QueueHouse, codes, place


def test_a_message_received_too_often_goes_to_the_dead_letter_queue(house: QueueHouse) -> None:
    dead = house.queue("dead")
    queue = house.dead_letters_of(house.queue(), dead, receives=2)
    (name,) = house.send(queue, "poison")
    house.send(queue, "fine", delay=100)
    for receives in (1, 2):
        (message,) = house.take(queue, visibility=5).messages
        assert message.receives == receives
        house.clock.advance(6)
    assert house.bodies(queue) == []
    (letter,) = house.take(dead).messages
    assert (letter.message_id, letter.receives, letter.source_arn) == (name, 3, queue.arn)
    assert codes(house.remove(queue, message.receipt_handle)) == [None]  # too late: it is another queue's now
    assert codes(house.remove(dead, message.receipt_handle)) == ["ReceiptHandleIsInvalid"]
    assert house.queues.control.counts(dead).in_flight == 1
    assert house.remove(dead, letter.receipt_handle) == [None]
    house.clock.advance(100)
    assert house.bodies(queue) == ["fine"]


def test_many_dead_letters_hide_nothing(house: QueueHouse) -> None:
    dead = house.queue("dead")
    queue = house.dead_letters_of(house.queue(), dead)
    for number in range(0, 60, 10):
        house.send(queue, *(f"poison {number + at}" for at in range(10)))
    while house.bodies(queue, visibility=5):
        pass
    house.clock.advance(6)
    house.send(queue, "fine")
    assert house.bodies(queue, most=1) == ["fine"]
    assert house.queues.control.counts(dead).visible == 60


def test_a_dead_letter_of_a_standard_queue_does_not_get_younger(house: QueueHouse) -> None:
    dead = house.queue("dead", MessageRetentionPeriod="60")
    queue = house.dead_letters_of(house.queue(), dead)
    house.send(queue, "poison")
    house.take(queue, visibility=0)
    house.clock.advance(59)
    assert house.bodies(queue) == []
    assert house.bodies(dead, visibility=0) == ["poison"]
    house.clock.advance(1)
    assert house.bodies(dead) == []


def test_without_its_dead_letter_queue_a_queue_keeps_its_messages(house: QueueHouse) -> None:
    dead = house.queue("dead")
    queue = house.dead_letters_of(house.queue(), dead)
    house.queues.control.delete(dead)
    house.send(queue, "kept")
    for _ in range(3):
        assert house.bodies(queue, visibility=0) == ["kept"]


def test_a_poisoned_group_goes_on_with_its_next_message(house: QueueHouse) -> None:
    dead = house.queue("dead.fifo")
    queue = house.dead_letters_of(house.queue("work.fifo"), dead)
    house.send(queue, "poison", "next", group="a")
    assert house.bodies(queue, most=1, visibility=5) == ["poison"]
    house.clock.advance(6)
    assert house.bodies(queue) == ["next"]
    (letter,) = house.take(dead).messages
    assert (letter.contents.body, letter.group_id, letter.source_arn) == ("poison", "a", queue.arn)


def test_a_dead_letter_queue_must_be_there_be_alike_and_be_willing(house: QueueHouse) -> None:
    queue = house.queue()
    fifo = house.queue("other.fifo")
    unwilling = house.queue("unwilling", RedriveAllowPolicy='{"redrivePermission":"denyAll"}')
    strange = [place("absent").arn, queue.arn, fifo.arn, unwilling.arn, place("work", "444455556666").arn]
    for arn in [*strange, queue.arn.replace("us-east-1", "eu-west-1")]:
        with pytest.raises(InvalidParameterValue, match="RedrivePolicy"):
            house.queues.control.set(queue, {"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})})
    assert house.queues.control.get(queue.place).redrive is None


def test_sources_of_a_dead_letter_queue_are_listed(house: QueueHouse) -> None:
    dead = house.queue("dead")
    for name in ("b", "a", "c"):
        house.dead_letters_of(house.queue(name), dead)
    house.queues.control.set(house.queues.control.get(place("c")), {"RedrivePolicy": ""})
    assert list(house.queues.control.sources(dead, after="", limit=10)) == ["a", "b"]
    assert list(house.queues.control.sources(dead, after="a", limit=10)) == ["b"]


# going back


def bury(house: QueueHouse, count: int) -> None:
    dead = house.queue("dead")
    queue = house.dead_letters_of(house.queue(), dead)
    house.send(queue, *(f"letter {number}" for number in range(count)))
    house.take(queue, visibility=0)
    house.take(queue)
    assert house.queues.control.counts(dead).visible == count


def test_a_task_takes_dead_letters_back_to_where_they_came_from(house: QueueHouse) -> None:
    bury(house, 5)
    moves = house.queues.moves
    dead, queue = house.queues.control.get(place("dead")), house.queues.control.get(place("work"))
    task = moves.start(dead, None, 2)
    assert source_of(task.handle) == dead.arn
    with pytest.raises(UnsupportedOperation):
        moves.start(dead, None, None)
    moved = []
    for _ in range(3):
        house.queues.keeper.work(house.clock.time())
        moved.append(moves.list(dead.arn, 1)[0].moved)
        house.clock.advance(1)
    assert moved == [2, 4, 5]
    assert moves.list(dead.arn, 1)[0].status == "COMPLETED"
    assert sorted(house.bodies(queue, visibility=0)) == [f"letter {number}" for number in range(5)]
    with pytest.raises(UnsupportedOperation):
        moves.cancel(task.handle)


def test_a_task_goes_on_after_a_restart_and_can_be_cancelled(house: QueueHouse) -> None:
    bury(house, 5)
    dead = house.queues.control.get(place("dead"))
    other = house.queue("other")
    house.queues.moves.start(dead, other.arn, 1)
    house.queues.keeper.work(house.clock.time())
    house.queues.close()
    again = house.beside()
    again.keeper.work(house.clock.time())
    (task,) = again.moves.list(dead.arn, 10)
    assert again.moves.cancel(task.handle).moved == 2
    again.keeper.work(house.clock.time())
    assert again.control.counts(other).visible == 2
    assert again.control.counts(dead).visible == 3
    again.close()


def test_what_cannot_be_moved_says_why(house: QueueHouse) -> None:
    bury(house, 1)
    moves, control = house.queues.moves, house.queues.control
    dead = control.get(place("dead"))
    with pytest.raises(InvalidParameterValue, match="Dead Letter"):
        moves.start(control.get(place("work")), None, None)
    for arn in ("x", place("absent").arn):
        with pytest.raises(ResourceNotFoundException):
            moves.start(dead, arn, None)
    with pytest.raises(InvalidParameterValue):
        moves.start(dead, dead.arn, None)
    for handle in ("", "x", "e30="):
        with pytest.raises(ResourceNotFoundException):
            moves.cancel(handle)
    house.send(dead, "sent here by hand")
    moves.start(dead, None, None)
    house.queues.keeper.work(house.clock.time())
    (task,) = moves.list(dead.arn, 1)
    assert (task.status, task.failure, task.moved) == ("FAILED", "CouldNotDetermineMessageSource", 1)
    assert control.counts(dead).visible == 1
    assert ACCOUNT in task.source_arn
