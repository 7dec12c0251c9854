"""Killed at any step, a folder has the old object or the new one, whole, and nothing else after the next start.

A child process counts the calls that change files or the database and kills itself (SIGKILL) before the n-th, for every n.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

import pytest

from opentrail.buckets.multipart import NamedPart
from opentrail.buckets.values import Conditions, Upload, Writing

STEPS = frozenset(
    [
        "open",
        "write",
        "fsync",
        "close",
        "replace",
        "symlink",
        "unlink",
        "mkdir",
        "rmdir",
        "execute",
        "copy_file_range",
        "flock",
        "scandir",
        "link",
    ]
)
OLD, NEW = b"old" * 1000, b"new" * 2000
PARTS = [b"1" * 4096, b"2" * 100]


def die_before(count: int) -> None:
    """Kill this process before its `count`-th step."""
    left = count

    def profile(_frame: FrameType, event: str, function: Any) -> None:
        nonlocal left
        if event == "c_call" and function.__name__ in STEPS:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(profile)


def overwrite(process: Any) -> None:
    process.put("folder/key", NEW)


def remove(process: Any) -> None:
    process.delete(["folder/key"])


def put_first(process: Any) -> None:
    process.put("deep/er/key", NEW)


def begin_upload(process: Any) -> None:
    process.buckets.uploads.create(
        Writing(bucket="example-logs", key="folder/key", owner="1"), initiator="", checksum_algorithm=None, checksum_type=None
    )


def upload_parts(process: Any) -> None:
    for number, data in enumerate(PARTS, 1):
        draft = process.buckets.objects.draft()
        draft.write(data)
        process.buckets.uploads.put_part(under_way(process)[0], number, draft.seal(), None)


def begin_and_upload(process: Any) -> None:
    begin_upload(process)
    upload_parts(process)


def complete(process: Any) -> None:
    named = [NamedPart(number=number, etag=hashlib.md5(data).hexdigest()) for number, data in enumerate(PARTS, 1)]
    upload_id = under_way(process)[0].upload_id
    process.buckets.uploads.complete("example-logs", "folder/key", upload_id, named, conditions=Conditions())


def under_way(process: Any) -> Sequence[Upload]:
    return process.buckets.uploads.list("example-logs", prefix="", delimiter="", after=None, after_id=None, limit=10).entries


@dataclass(frozen=True)
class Scenario:
    action: Callable[[Any], None]
    outcomes: Sequence[bytes | None]
    """What may be under the key: before, after."""
    key: str = "folder/key"
    prepare: Callable[[Any], None] = lambda process: None


SCENARIOS = {
    "overwrite": Scenario(overwrite, [OLD, NEW]),
    "remove": Scenario(remove, [OLD, None]),
    "put_first": Scenario(put_first, [None, NEW], key="deep/er/key"),
    "complete": Scenario(complete, [OLD, b"".join(PARTS)], prepare=begin_and_upload),
    "upload_parts": Scenario(upload_parts, [OLD], prepare=begin_upload),
}


@pytest.fixture
def fast_folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where the machine offers it: a killed process needs no disk to lose what it had not written."""
    with TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else tmp_path) as folder:
        yield Path(folder)


@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_at_every_step(process: Any, fast_folder: Path, name: str) -> None:
    scenario = SCENARIOS[name]
    key, outcomes = scenario.key, scenario.outcomes
    start = fast_folder / "start"
    start.mkdir()
    before = process(start)
    before.bucket()
    before.put("folder/key", OLD)
    scenario.prepare(before)
    before.close()
    seen: list[bytes | None] = []
    finished = False
    while not finished:
        folder = fast_folder / "run"
        shutil.copytree(start, folder)
        finished = not child_dies(process, folder, scenario.action, len(seen) + 1)
        after = process(folder)
        stored = {stored.key: stored for stored in after.buckets.list("example-logs").entries}
        data = after.get(key) if key in stored else None
        assert data in outcomes, f"half an object after step {len(seen) + 1}"
        if data is not None and "-" not in stored[key].etag:
            assert stored[key].etag == hashlib.md5(data).hexdigest()
        for upload in under_way(after):
            after.buckets.uploads.abort("example-logs", upload.key, upload.upload_id)
        # The folder holds the data of the objects and nothing else: what the dead process left was swept.
        assert after.files() == {f"example-logs/{found.file}" for found in stored.values()}
        assert len(os.listdir(folder / "buckets/.staging")) == 2
        seen.append(data)
        after.put(key, NEW)
        assert after.get(key) == NEW
        after.close()
        shutil.rmtree(folder)
    assert (seen[0], seen[-1]) == (outcomes[0], outcomes[-1])
    assert seen == sorted(seen, key=outcomes.index), "once new, always new"
    assert len(seen) > 10


def put_over(process: Any) -> None:
    process.put("folder/key", NEW)


def hide(process: Any) -> None:
    process.delete(["folder/key"])


def remove_latest(process: Any) -> None:
    process.delete_version("folder/key", process.versions()[0].version_id)


def kept(process: Any) -> list[bytes | None]:
    """The versions, newest first; a marker is `None`."""
    return [None if one.marker else process.get(one.key, version_id=one.version_id) for one in process.versions()]


VERSION_SCENARIOS: dict[str, tuple[Callable[[Any], None], list[bytes | None]]] = {
    "put_over": (put_over, [NEW, OLD, b"older"]),
    "hide": (hide, [None, OLD, b"older"]),
    "remove_latest": (remove_latest, [b"older"]),
}


@pytest.mark.parametrize("name", VERSION_SCENARIOS)
def test_versions_are_the_old_ones_or_the_new_ones_when_killed_at_any_step(process: Any, fast_folder: Path, name: str) -> None:
    action, outcome = VERSION_SCENARIOS[name]
    before = [OLD, b"older"]
    start = fast_folder / "start"
    start.mkdir()
    first = process(start)
    first.bucket()
    first.put("folder/key", b"older")  # the version null
    first.buckets.retention.put_versioning("example-logs", "Enabled", None)
    first.put("folder/key", OLD)
    first.close()
    seen: list[list[bytes | None]] = []
    finished = False
    while not finished:
        folder = fast_folder / "run"
        shutil.copytree(start, folder)
        finished = not child_dies(process, folder, action, len(seen) + 1)
        after = process(folder)
        seen.append(kept(after))
        assert seen[-1] in (before, outcome), f"half a change after step {len(seen)}"
        assert after.files() == {"/".join(one.place) for one in after.versions() if not one.marker}
        assert len(os.listdir(folder / "buckets/.staging")) == 2
        after.close()
        shutil.rmtree(folder)
    assert (seen[0], seen[-1]) == (before, outcome)
    assert seen == sorted(seen, key=[before, outcome].index), "once new, always new"
    assert len(seen) > 10


def child_dies(process: Any, folder: Path, action: Callable[[Any], None], count: int) -> bool:
    """Run `action` in a process of its own; whether it was killed on the way."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            mine = process(folder, min_part=1)
            die_before(count)
            action(mine)
            sys.setprofile(None)
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)
