"""Standard queues against a plain model: whatever is sent, received, deleted and prolonged, and however time passes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from opentrail.clock import ManualClock
from opentrail.messaging.queues import Asking, Contents, Received, receipts, sending
from opentrail.wire.faults import Fault
from simulators.queues import ME, QueueHouse

MAX_RECEIVES = 3


@dataclass
class Known:
    """A message as the model knows it."""

    body: str
    visible_at: float
    expires: float
    receives: int = 0
    handles: list[Received] = field(default_factory=list)
    dead: bool = False


class StandardQueue(RuleBasedStateMachine):
    """Everything happens in one transaction, which is never committed: this is about the rules, not about the disk."""

    @initialize()
    def begin(self) -> None:
        self.folder = TemporaryDirectory()
        self.house = QueueHouse(Path(self.folder.name), ManualClock())
        dead = self.house.queue("dead", MessageRetentionPeriod="1209600")
        self.queue = self.house.dead_letters_of(self.house.queue(MessageRetentionPeriod="600"), dead, MAX_RECEIVES)
        self.dead = dead
        self.transaction = self.house.database.begin()
        self.connection = self.transaction.__enter__()
        self.known: dict[str, Known] = {}
        self.number = 0

    @property
    def now(self) -> float:
        return self.house.clock.time()

    def visible(self) -> list[Known]:
        return [
            one for one in self.known.values() if not one.dead and one.visible_at <= self.now < one.expires and one.receives < MAX_RECEIVES
        ]

    @rule(count=st.integers(1, 4), delay=st.sampled_from([None, 0, 5, 60]))
    def send(self, count: int, delay: int | None) -> None:
        bodies = [f"body {self.number + at}" for at in range(count)]
        self.number += count
        outgoing = [self.house.queues.outgoing(self.queue, Contents(body, "me"), ME, delay=delay) for body in bodies]
        sending.send(self.connection, self.queue, outgoing, self.now)
        for message, body in zip(outgoing, bodies, strict=True):
            self.known[message.message_id] = Known(body, self.now + (delay or 0), self.now + 600)

    @rule(most=st.integers(1, 10), visibility=st.sampled_from([None, 0, 10, 100]))
    def receive(self, most: int, visibility: int | None) -> None:
        before = self.visible()
        taken = self.take(most, visibility)
        while taken.again:
            taken = self.take(most, visibility)
        found = [self.known[message.message_id] for message in taken.messages]
        assert len({id(one) for one in found}) == len(found) <= most
        assert bool(found) == bool(before)
        for message, one in zip(taken.messages, found, strict=True):
            assert one in before
            assert message.contents.body == one.body
            one.receives += 1
            one.visible_at = self.now + (30 if visibility is None else visibility)
            one.handles.append(message)
            assert message.receives == one.receives
        if not found and taken.next_at is not None:
            assert taken.next_at > self.now

    def take(self, most: int, visibility: int | None) -> object:
        receiving = self.house.queues.messages._receiving
        taken = receiving.receive(self.connection, self.queue, Asking(party=ME, most=most, visibility=visibility), self.now)
        for one in self.known.values():
            if one.receives >= MAX_RECEIVES and one.visible_at <= self.now < one.expires and not taken.messages:
                one.dead = True  # whoever finds nothing has looked at all of them
        return taken

    @precondition(lambda self: any(one.handles for one in self.known.values()))
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from([name for name, one in self.known.items() if one.handles]))
        one = self.known[name]
        message = data.draw(st.sampled_from(one.handles))
        receipts.remove(self.connection, self.queue, [self.house.queues.messages._handles.read(message.receipt_handle, self.queue.id)])
        if message is one.handles[-1] and not self.is_dead(name):
            del self.known[name]

    @precondition(lambda self: any(one.handles for one in self.known.values()))
    @rule(data=st.data(), seconds=st.sampled_from([0, 1, 500]))
    def change_visibility(self, data: st.DataObject, seconds: int) -> None:
        name = data.draw(st.sampled_from([name for name, one in self.known.items() if one.handles]))
        one = self.known[name]
        message = data.draw(st.sampled_from(one.handles))
        receipt = self.house.queues.messages._handles.read(message.receipt_handle, self.queue.id)
        good = message is one.handles[-1] and one.visible_at > self.now and not self.is_dead(name) and self.is_there(name)
        try:
            receipts.change_visibility(self.connection, self.queue, receipt, "handle", seconds, self.now)
            assert good
            one.visible_at = self.now + seconds
        except Fault:
            assert not good

    @rule(seconds=st.sampled_from([1, 10, 31, 200]))
    def wait(self, seconds: int) -> None:
        self.house.clock.advance(seconds)

    def rows(self) -> dict[str, int]:
        """Message id → box, of all that is on disk."""
        query = "SELECT message_id, box FROM sqs_messages JOIN sqs_contents ON sqs_contents.id = sqs_messages.id"
        return {row[0]: row[1] for row in self.connection.exec_driver_sql(query)}

    def is_dead(self, name: str) -> bool:
        return self.rows().get(name) == self.dead.box

    def is_there(self, name: str) -> bool:
        return self.rows().get(name) == self.queue.box

    @invariant()
    def nothing_is_lost_and_nothing_comes_back(self) -> None:
        if not hasattr(self, "connection"):
            return
        rows = self.rows()
        assert set(rows) <= set(self.known)
        for name, one in self.known.items():
            if self.now < one.expires:
                assert name in rows, one
            if one.dead and self.now < one.expires:
                assert rows[name] == self.dead.box

    def teardown(self) -> None:
        if hasattr(self, "house"):
            self.transaction.__exit__(None, None, None)
            self.house.close()
            self.folder.cleanup()


TestStandardQueue = StandardQueue.TestCase
TestStandardQueue.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
