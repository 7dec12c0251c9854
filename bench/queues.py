"""How many messages a second go in and out of a queue, beside plain SQLite commits of as much.

    python bench/queues.py [--quick] [--out FILE]

The room itself, without HTTP: many senders at once, each of whom waits until its message is on disk; then receivers that take ten messages
at a time and delete them. Beside it the plain limit: a table of its own in WAL mode with full syncs, one commit for each message, as a
queue would be without shared commits; and how long one receive takes with 100,000 messages in the queue.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path

from measure import percentile
from part import Line, finish, options, work_folder

from opentrail.clock import SystemClock
from opentrail.identity.principals import Principal
from opentrail.identity.vault import Vault
from opentrail.messaging.queues import Asking, Contents, Party, Place, Queue, Queues
from opentrail.storage.database import Database

SENDERS = 64
BODY = "x" * 1000
FULL = 100_000
GOAL_SEND, GOAL_RECEIVE = 2.0, 3.0
"""Times the plain commits; a receive takes ten messages with one commit, and so does their deletion."""
GOAL_FULL = 2.0
"""Times as long as in a queue with few messages."""
ME = Party(principal=Principal(type="Root", account_id="123456789012"))


class NoKeys:
    """No queue here has a KMS key."""

    def generate_data_key(self, caller: object, key_id: str, context: object) -> object:
        raise AssertionError

    def decrypt(self, caller: object, ciphertext: bytes, context: object) -> bytes:
        raise AssertionError


def plain(folder: Path, seconds: float) -> float:
    """Commits a second, each with one message, by plain sqlite3."""
    connection = sqlite3.connect(folder / "plain.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE messages (id INTEGER PRIMARY KEY, at REAL, body TEXT)")
    made, begin = 0, time.perf_counter()
    while (taken := time.perf_counter() - begin) < seconds:
        connection.execute("INSERT INTO messages (at, body) VALUES (?, ?)", (taken, BODY))
        made += 1
    connection.close()
    return made / taken


async def send(queues: Queues, queue: Queue, seconds: float) -> float:
    """Messages a second by `SENDERS` senders, each message with a commit to wait for."""
    until, made = time.perf_counter() + seconds, 0

    async def sender() -> None:
        nonlocal made
        while time.perf_counter() < until:
            await asyncio.wrap_future(queues.messages.send(queue, [queues.outgoing(queue, Contents(BODY, "me"), ME)]))
            made += 1

    begin = time.perf_counter()
    await asyncio.gather(*(sender() for _ in range(SENDERS)))
    return made / (time.perf_counter() - begin)


async def receive(queues: Queues, queue: Queue, seconds: float) -> float:
    """Messages a second, received ten at a time by 16 receivers and deleted."""
    until, made = time.perf_counter() + seconds, 0

    async def receiver() -> None:
        nonlocal made
        while time.perf_counter() < until:
            taken = await queues.messages.receive(queue, Asking(party=ME, most=10))
            if not taken.messages:
                return
            await asyncio.wrap_future(queues.messages.remove(queue, [message.receipt_handle for message in taken.messages]))
            made += len(taken.messages)

    begin = time.perf_counter()
    await asyncio.gather(*(receiver() for _ in range(16)))
    return made / (time.perf_counter() - begin)


async def fill(queues: Queues, queue: Queue, count: int) -> None:
    for _ in range(0, count, 1000):
        batch = [queues.outgoing(queue, Contents(BODY, "me"), ME) for _ in range(1000)]
        await asyncio.wrap_future(queues.messages.send(queue, batch))


async def one_receive(queues: Queues, queue: Queue, count: int) -> float:
    """Seconds that one receive of ten messages takes, the median of `count`."""
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        await queues.messages.receive(queue, Asking(party=ME, most=10))
        times.append(time.perf_counter() - begin)
    return percentile(times, 0.5)


async def run(folder: Path, seconds: float, full: int) -> dict[str, float]:
    database = Database.at(folder / "messages.db")
    queues = Queues(database, SystemClock(), vault=Vault.open(folder / "keys"), secret=b"bench", keys=NoKeys())  # type: ignore[arg-type]
    made = {name: await asyncio.to_thread(queues.control.create, place(name), {}, {}) for name in ("work", "few", "full")}
    found = {"sends": await send(queues, made["work"], seconds), "receives": await receive(queues, made["work"], seconds)}
    await fill(queues, made["few"], 1000)
    found["few"] = await one_receive(queues, made["few"], 50)
    await fill(queues, made["full"], full)
    found["full"] = await one_receive(queues, made["full"], 50)
    await asyncio.to_thread(queues.close)
    database.close()
    return found


def place(name: str) -> Place:
    return Place(account_id="123456789012", region="us-east-1", name=name)


def main() -> None:
    chosen = options(__doc__)
    seconds, full = (1.0, 10_000) if chosen.quick else (8.0, FULL)
    with work_folder() as folder:
        commits = plain(Path(folder), seconds)
        found = asyncio.run(run(Path(folder), seconds, full))
    send_ratio, receive_ratio, full_ratio = found["sends"] / commits, found["receives"] / commits, found["full"] / found["few"]
    lines = [
        Line(
            what="queues: messages sent, each on disk, 64 senders",
            reached=f"{found['sends']:,.0f}/s",
            ratio=f"{send_ratio:.1f} x plain commits ({commits:,.0f}/s)",
            goal=f"at least {GOAL_SEND:g} x",
            met=send_ratio >= GOAL_SEND,
            limit="Python: a message takes some 0.2 ms of one core",
        ),
        Line(
            what="queues: messages received and deleted, ten at a time",
            reached=f"{found['receives']:,.0f}/s",
            ratio=f"{receive_ratio:.1f} x plain commits",
            goal=f"at least {GOAL_RECEIVE:g} x",
            met=receive_ratio >= GOAL_RECEIVE,
            limit="Python: a message takes some 0.1 ms of one core",
        ),
        Line(
            what=f"queues: one receive with {full:,} messages in the queue",
            reached=f"{1000 * found['full']:.1f} ms",
            ratio=f"{full_ratio:.2f} x one with 1,000",
            goal=f"at most {GOAL_FULL:g} x",
            met=full_ratio <= GOAL_FULL,
            limit="the disk's sync",
        ),
    ]
    finish(lines, {**found, "plain_commits": commits}, chosen)


if __name__ == "__main__":
    main()
