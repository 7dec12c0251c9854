"""Long polls: who waits hears of a message at once, each message wakes whom it needs, and nobody waits who should not.

Patience is long here and nothing sleeps for it: whoever had to wait to its end would make a test time out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from opentrail.clock import ManualClock, SystemClock
from opentrail.messaging.queues import Asking, Contents, Queue, Queues, Taken
from opentrail.messaging.queues.faults import QueueDoesNotExist
from opentrail.messaging.queues.polls import Polls
from opentrail.messaging.queues.values import NOTHING, Received
from simulators.queues import ME, QueueHouse, standing

LONG = 600.0
Story = Callable[[], Coroutine[Any, Any, None]]


def run(story: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(story, 120)

    asyncio.run(bounded())


def poll(queues: Queues, queue: Queue, most: int = 1, patience: float = LONG, gone: Any = None) -> asyncio.Task[Taken]:
    return asyncio.create_task(queues.messages.receive(queue, Asking(party=ME, most=most, visibility=60), patience, gone))


async def send(queues: Queues, queue: Queue, *bodies: str) -> None:
    outgoing = [
        queues.outgoing(queue, Contents(body, "me"), ME, group_id="g" if queue.fifo else None, deduplication_id=body) for body in bodies
    ]
    await asyncio.wrap_future(queues.messages.send(queue, outgoing))


def bodies(taken: Taken) -> list[str]:
    return [message.contents.body for message in taken.messages]


def test_a_message_ends_the_wait_of_one_receiver(house: QueueHouse) -> None:
    queue, queues = house.queue(), house.queues

    async def story() -> None:
        waiting = [poll(queues, queue) for _ in range(3)]
        await standing(queues.messages.polls, 3)
        await send(queues, queue, "one", "two")
        done, left = await asyncio.wait(waiting, timeout=2, return_when=asyncio.FIRST_COMPLETED)
        while len(done) < 2:
            more, left = await asyncio.wait(left, timeout=2, return_when=asyncio.FIRST_COMPLETED)
            done |= more
        assert sorted(body for task in done for body in bodies(task.result())) == ["one", "two"]
        await standing(queues.messages.polls, 1)
        queues.messages.polls.stop()
        assert (await left.pop()).messages == ()

    run(story())


def test_every_receiver_gets_something_when_there_is_enough(house: QueueHouse) -> None:
    queue, queues = house.queue(), house.queues

    async def story() -> None:
        waiting = [poll(queues, queue, most=3) for _ in range(20)]
        await standing(queues.messages.polls, 20)
        for number in range(0, 60, 10):
            await send(queues, queue, *(f"{number + at}" for at in range(10)))
        found = [body for taken in await asyncio.gather(*waiting) for body in bodies(taken)]
        assert len(found) == len(set(found)) >= 20

    run(story())


def test_a_message_of_another_process_is_noticed(house: QueueHouse) -> None:
    queue, queues, other = house.queue(), house.queues, house.beside()

    async def story() -> None:
        waiting = poll(queues, queue)
        await standing(queues.messages.polls, 1)
        await asyncio.to_thread(lambda: other.messages.send(queue, [other.outgoing(queue, Contents("theirs", "me"), ME)]).result())
        assert bodies(await waiting) == ["theirs"]

    run(story())
    other.close()


def test_what_becomes_visible_by_itself_is_received(tmp_path: Path) -> None:
    house = QueueHouse(tmp_path, SystemClock())  # type: ignore[arg-type]
    queue, queues = house.queue(), house.queues
    house.send(queue, "delayed", delay=1)

    async def story() -> None:
        assert bodies(await poll(queues, queue)) == ["delayed"]

    run(story())
    house.close()


def test_a_receipt_given_back_wakes_who_waits(house: QueueHouse) -> None:
    queue, queues = house.queue(), house.queues
    house.send(queue, "a")
    (message,) = house.take(queue, visibility=600).messages

    async def story() -> None:
        waiting = poll(queues, queue)
        await standing(queues.messages.polls, 1)
        await asyncio.wrap_future(queues.messages.change_visibility(queue, [(message.receipt_handle, 0)]))
        assert bodies(await waiting) == ["a"]

    run(story())


def test_deleting_from_a_group_lets_its_next_message_go(house: QueueHouse) -> None:
    queue, queues = house.queue("work.fifo"), house.queues
    house.send(queue, "1", "2")
    (message,) = house.take(queue, most=1, visibility=600).messages

    async def story() -> None:
        waiting = poll(queues, queue)
        await standing(queues.messages.polls, 1)
        await asyncio.wrap_future(queues.messages.remove(queue, [message.receipt_handle]))
        assert bodies(await waiting) == ["2"]

    run(story())


def test_a_message_after_a_purge_is_received(house: QueueHouse) -> None:
    queue, queues = house.queue(), house.queues

    async def story() -> None:
        waiting = poll(queues, queue)
        await standing(queues.messages.polls, 1)
        await asyncio.to_thread(queues.control.purge, queue)
        await send(queues, queue, "later")
        assert bodies(await waiting) == ["later"]

    run(story())


def test_who_waits_at_a_deleted_queue_is_told(house: QueueHouse) -> None:
    queue, queues = house.queue(), house.queues

    async def story() -> None:
        waiting = [poll(queues, queue) for _ in range(2)]
        await standing(queues.messages.polls, 2)
        await asyncio.to_thread(queues.control.delete, queue)
        for task in waiting:
            with pytest.raises(QueueDoesNotExist):
                await task

    run(story())


def test_a_client_that_goes_away_takes_no_message_with_it(house: QueueHouse) -> None:
    queue, queues = house.queue(), house.queues

    async def story() -> None:
        left = asyncio.Event()

        async def gone() -> None:
            await left.wait()

        waiting = poll(queues, queue, gone=gone)
        await standing(queues.messages.polls, 1)
        left.set()
        assert (await waiting).messages == ()
        await standing(queues.messages.polls, 0)
        await send(queues, queue, "for somebody else")
        assert bodies(await poll(queues, queue)) == ["for somebody else"]

    run(story())


def test_patience_ends(house: QueueHouse) -> None:
    queue, queues = house.queue(), house.queues

    async def story() -> None:
        assert (await poll(queues, queue, patience=0.05)).messages == ()
        assert (await poll(queues, queue, patience=0)).messages == ()
        await standing(queues.messages.polls, 0)

    run(story())


def test_nobody_waits_after_the_stop(house: QueueHouse) -> None:
    queue, queues = house.queue(), house.queues

    async def story() -> None:
        waiting = [poll(queues, queue) for _ in range(3)]
        await standing(queues.messages.polls, 3)
        queues.messages.polls.stop()
        for task in [*waiting, poll(queues, queue)]:
            assert (await task).messages == ()

    run(story())


def message(body: str) -> Received:
    return Received(message_id=body, receipt_handle="h", contents=Contents(body, "me"), sent=0.0, receives=1, first_received=0.0)


def test_a_message_that_is_being_taken_when_patience_ends_is_not_lost() -> None:
    polls = Polls(lambda after: (0, ()), ManualClock())

    async def story() -> None:
        looks: list[asyncio.Future[Taken]] = []
        second = asyncio.Event()

        async def attempt() -> Taken:
            if len(looks) == 0:
                looks.append(asyncio.get_running_loop().create_future())
                return NOTHING
            looks.append(asyncio.get_running_loop().create_future())
            second.set()
            return await looks[-1]

        waiting = asyncio.create_task(polls.receive(1, attempt, 1.0, None))
        await standing(polls, 1)
        polls.wake(1)
        await second.wait()
        await asyncio.sleep(1.1)  # its patience ends while the look is under way
        assert not waiting.done()
        looks[-1].set_result(Taken(messages=(message("late"),)))
        assert bodies(await waiting) == ["late"]

    run(story())
