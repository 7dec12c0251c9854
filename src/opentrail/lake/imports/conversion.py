"""What a worker is asked and what it answers. Pure: the importer speaks of it without loading pyarrow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

from opentrail.lake.families import Family

SUM: Final = 12
"""Bytes of a record's SHA-256 by which it is known again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file to be converted."""

    body: bytes
    """As it is stored: gzip, or plain JSON."""
    oldest: float
    """Events before this (epoch seconds) are too old for the store."""
    before: float | None = None
    """Only events before this: the store has the later ones already."""
    skip: bytes = b""
    """Sums (`SUM` bytes each) of records that the store has already, from this file when it was damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Files that become drafts together."""

    family: Family
    draft: str
    """Path that may be written, and, beside it, those of `sibling`."""
    files: Sequence[File]


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What came of one file."""

    events: int = 0
    """Rows in the drafts."""
    too_old: int = 0
    damage: str | None = None
    """Which records are none, and why; the others are in the drafts."""
    sums: bytes = b""
    """Of a damaged file: the sums of the records that are in the drafts, and of those that were skipped."""
    error: tuple[str, str] | None = None
    """Type and message, when nothing of the file is in the drafts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The answer to a task."""

    files: Sequence[Came]
    """In the order of the task's."""
    drafts: Sequence[str]
    """Those that were written, durably; none where there is no event."""


class WorkerDied(Exception):
    """The worker is gone; nothing that it wrote counts."""


class Converts(Protocol):
    """Who carries out tasks, several at a time."""

    def convert(self, task: Task) -> Done:
        """Carry out a task. Blocking; raises `WorkerDied`."""

    def rest(self) -> None:
        """There is nothing to do for a while: give back memory."""


def sibling(draft: Path, number: int) -> Path:
    """The draft of this number, from 0, of one task."""
    return draft.with_name(f"{draft.stem}-{number}{draft.suffix}")


def halves(task: Task) -> tuple[Task, Task]:
    """`task` in two, of about as many bytes each; `remove_drafts` of the draft of the whole removes what either has written."""
    half = sum(len(file.body) for file in task.files) / 2
    middle = size = 0
    while middle < len(task.files) - 1 and (not middle or size < half):
        size += len(task.files[middle].body)
        middle += 1
    path = Path(task.draft)
    second = path.with_name(f"{path.stem}-second{path.suffix}")
    return replace(task, files=task.files[:middle]), replace(task, draft=str(second), files=task.files[middle:])


def remove_drafts(draft: str) -> None:
    """Remove what a task has written that came to nothing."""
    path = Path(draft)
    for one in path.parent.glob(f"{path.stem}-*{path.suffix}"):
        one.unlink(missing_ok=True)


def task_as_dict(task: Task) -> dict[str, Any]:
    """For the way to the worker."""
    return {
        "family": task.family.value,
        "draft": task.draft,
        "files": [[one.body, one.oldest, one.before, one.skip] for one in task.files],
    }


def task_of(told: Mapping[str, Any]) -> Task:
    """What `task_as_dict` told."""
    files = [File(body=body, oldest=oldest, before=before, skip=skip) for body, oldest, before, skip in told["files"]]
    return Task(family=Family(told["family"]), draft=told["draft"], files=files)


def done_as_dict(done: Done) -> dict[str, Any]:
    """For the way back."""
    return {"files": [[one.events, one.too_old, one.damage, one.sums, one.error] for one in done.files], "drafts": list(done.drafts)}


def done_of(told: Mapping[str, Any]) -> Done:
    """What `done_as_dict` told."""
    files = [
        Came(events=events, too_old=too_old, damage=damage, sums=sums, error=None if error is None else (error[0], error[1]))
        for events, too_old, damage, sums, error in told["files"]
    ]
    return Done(files=files, drafts=told["drafts"])
