"""Which files to merge: a commit a minute makes 1,440 files a day, and each one costs every question something.

Files of similar size are merged, eight at a time, so that some dozens remain while each event is rewritten only a few times. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from opentrail.eventstore.cold import ColdFile

STEP: Final = 8
"""How much larger the files of the next size class are."""

CLOSED_AFTER: Final = 2
"""Age in days at which a day counts as closed: hardly anything is added any more, so fewer small files are put up with."""

CLOSED_FILES: Final = 4
"""How many small files make a merge worth it in a closed day."""


def choose(files: Iterable[ColdFile], *, today: int, at_least: int, target: int) -> list[ColdFile]:
    """The next files to merge into one, all of one day; none when every day is in order.

    `today` counts days since the epoch. Files of `target` bytes and more are left alone; a merge takes at most twice that.
    """
    classes: dict[tuple[int, int], list[ColdFile]] = {}
    for file in files:
        if file.size < target:
            closed = file.day <= today - CLOSED_AFTER
            classes.setdefault((file.day, 0 if closed else _size_class(file.size, target)), []).append(file)
    for (day, _), members in sorted(classes.items(), key=lambda item: item[0]):
        needed = min(CLOSED_FILES, at_least) if day <= today - CLOSED_AFTER else at_least
        if len(members) >= needed:
            return _smallest(members, 2 * target)
    return []


def _size_class(size: int, target: int) -> int:
    number = 0
    while size * STEP < target:
        size *= STEP
        number += 1
    return number


def _smallest(files: list[ColdFile], most: int) -> list[ColdFile]:
    chosen: list[ColdFile] = []
    size = 0
    for file in sorted(files, key=lambda file: file.size):
        size += file.size
        if size > most and len(chosen) > 1:
            break
        chosen.append(file)
    return chosen
