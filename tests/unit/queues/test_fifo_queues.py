"""FIFO queues: order within groups, one receipt of a group at a time, duplicates, attempts that are repeated."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from opentrail.clock import ManualClock
from opentrail.messaging.queues import Asking, Contents, Received, receipts, sending
from simulators.queues import ME, QueueHouse, codes


def test_messages_of_a_group_come_in_their_order(house: QueueHouse) -> None:
    queue = house.queue("work.fifo")
    house.send(queue, "1", "2", group="a")
    house.send(queue, "3", group="b")
    house.send(queue, "4", group="a")
    first = house.take(queue, most=2)
    assert [message.contents.body for message in first.messages] == ["1", "2"]
    assert house.bodies(queue) == ["3"]
    assert house.bodies(queue) == []
    assert house.remove(queue, *(message.receipt_handle for message in first.messages)) == [None, None]
    assert house.bodies(queue) == ["4"]


def test_a_group_waits_for_its_messages_in_flight(house: QueueHouse) -> None:
    queue = house.queue("work.fifo")
    house.send(queue, "1", "2", "3", group="a")
    one, two = house.take(queue, most=2, visibility=30).messages
    house.queues.messages.change_visibility(queue, [(one.receipt_handle, 0)]).result()
    assert house.bodies(queue) == []
    house.clock.advance(31)
    assert house.bodies(queue) == ["1", "2", "3"]
    # The older receipts count no more.
    assert codes(house.remove(queue, one.receipt_handle, two.receipt_handle)) == [None, None]
    assert house.queues.control.counts(queue).in_flight == 3


def test_a_receipt_ends_with_its_visibility_timeout(house: QueueHouse) -> None:
    queue = house.queue("work.fifo")
    house.send(queue, "1")
    (message,) = house.take(queue, visibility=5).messages
    house.clock.advance(5)
    assert codes(house.remove(queue, message.receipt_handle)) == ["InvalidParameterValue"]
    assert house.bodies(queue) == ["1"]


def test_a_duplicate_is_acknowledged_and_not_delivered(house: QueueHouse) -> None:
    queue = house.queue("work.fifo")
    first = house.send(queue, "same", group="a")
    house.clock.advance(299)
    assert house.send(queue, "same", group="b") == first
    assert house.bodies(queue, visibility=0) == ["same"]
    house.clock.advance(2)
    assert house.send(queue, "same", group="b") != first
    assert house.queues.control.counts(queue).visible == 2


def test_with_the_scope_of_a_group_others_may_send_the_same(house: QueueHouse) -> None:
    queue = house.queue("work.fifo", DeduplicationScope="messageGroup")
    assert house.send(queue, "same", group="a") == house.send(queue, "same", group="a")
    house.send(queue, "same", group="b")
    assert house.queues.control.counts(queue).visible == 2


def test_a_repeated_attempt_brings_the_same_receipts(house: QueueHouse) -> None:
    queue = house.queue("work.fifo")
    house.send(queue, "1", "2")
    first = house.take(queue, visibility=10, attempt_id="attempt")
    house.clock.advance(9)
    again = house.take(queue, visibility=10, attempt_id="attempt")
    assert again == first
    house.clock.advance(9)  # its time began anew
    assert house.bodies(queue) == []
    assert house.remove(queue, first.messages[0].receipt_handle) == [None]
    assert house.take(queue, attempt_id="attempt").messages == ()
    house.clock.advance(2)
    assert house.bodies(queue, attempt_id="attempt") == ["2"]


def test_a_delay_of_the_queue_holds_groups_back(house: QueueHouse) -> None:
    queue = house.queue("work.fifo", DelaySeconds="10")
    house.send(queue, "1", "2")
    taken = house.take(queue)
    assert taken.messages == ()
    assert taken.next_at == house.clock.time() + 10
    house.clock.advance(10)
    assert house.bodies(queue) == ["1", "2"]


def test_sequence_numbers_rise(house: QueueHouse) -> None:
    queue = house.queue("work.fifo")
    house.send(queue, *"abc")
    numbers = [message.sequence_number or "" for message in house.take(queue).messages]
    assert numbers == sorted(numbers)
    assert all(len(number) == 20 for number in numbers)


class FifoQueue(RuleBasedStateMachine):
    """Whatever happens, each group is received in its order, and never while one of its messages is in flight."""

    @initialize()
    def begin(self) -> None:
        self.folder = TemporaryDirectory()
        self.house = QueueHouse(Path(self.folder.name), ManualClock())
        self.queue = self.house.queue("work.fifo")
        self.transaction = self.house.database.begin()
        self.connection = self.transaction.__enter__()
        self.left: dict[str, list[str]] = {}
        """Group → what it still holds, in its order."""
        self.in_flight: dict[str, tuple[Received, float]] = {}
        """Body → its latest receipt, and until when that lasts."""
        self.number = 0

    @property
    def now(self) -> float:
        return self.house.clock.time()

    @rule(group=st.sampled_from("abc"), count=st.integers(1, 12))
    def send(self, group: str, count: int) -> None:
        bodies = [f"{group} {self.number + at:05}" for at in range(count)]
        self.number += count
        outgoing = [
            self.house.queues.outgoing(self.queue, Contents(body, "me"), ME, group_id=group, deduplication_id=body.replace(" ", "-"))
            for body in bodies
        ]
        sending.send(self.connection, self.queue, outgoing, self.now)
        self.left.setdefault(group, []).extend(bodies)

    @rule(most=st.integers(1, 10), visibility=st.sampled_from([0, 10, 60]))
    def receive(self, most: int, visibility: int) -> None:
        busy = {body[0] for body, (_, until) in self.in_flight.items() if until > self.now}
        free = [group for group, bodies in self.left.items() if bodies and group not in busy]
        receiving = self.house.queues.messages._receiving
        taken = receiving.receive(self.connection, self.queue, Asking(party=ME, most=most, visibility=visibility), self.now)
        found = [message.contents.body for message in taken.messages]
        assert len(found) == min(most, sum(len(self.left[group]) for group in free))
        for group in {body[0] for body in found}:
            assert group in free
            of_group = [body for body in found if body[0] == group]
            assert of_group == self.left[group][: len(of_group)]
        for message in taken.messages:
            self.in_flight[message.contents.body] = (message, self.now + visibility)

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data(), prolong=st.sampled_from([None, 0, 30]))
    def settle(self, data: st.DataObject, prolong: int | None) -> None:
        body = data.draw(st.sampled_from(sorted(self.in_flight)))
        message, until = self.in_flight[body]
        if until <= self.now:
            return
        receipt = self.house.queues.messages._handles.read(message.receipt_handle, self.queue.id)
        if prolong is None:
            receipts.remove_ordered(self.connection, self.queue, receipt, "handle", self.now)
            self.left[body[0]].remove(body)
            del self.in_flight[body]
        else:
            receipts.change_visibility(self.connection, self.queue, receipt, "handle", prolong, self.now)
            self.in_flight[body] = (message, self.now + prolong)

    @rule(seconds=st.sampled_from([1, 10, 31]))
    def wait(self, seconds: int) -> None:
        self.house.clock.advance(seconds)

    def teardown(self) -> None:
        if hasattr(self, "house"):
            self.transaction.__exit__(None, None, None)
            self.house.close()
            self.folder.cleanup()


TestFifoQueue = FifoQueue.TestCase
TestFifoQueue.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
