"""Which files are merged, and that merging them comes to an end with few files."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyiceberg.manifest import DataFile

from opentrail.eventstore.cold import ColdFile
from opentrail.eventstore.compaction import choose

TODAY = 20_000
MB = 1 << 20
ENTRY = DataFile()


def file(name: str, size: int, *, day: int = TODAY) -> ColdFile:
    return ColdFile(Path(name), day, 1, size, day * 86_400, day * 86_400, ENTRY)


@pytest.mark.parametrize(
    ("sizes", "day", "merged"),
    [
        ([], TODAY, 0),
        ([MB] * 7, TODAY, 0),
        ([MB] * 8, TODAY, 8),
        ([MB] * 7 + [20 * MB], TODAY, 0),
        ([64 * MB] * 20, TODAY, 0),
        ([40 * MB] * 8, TODAY, 3),
        ([MB, 20 * MB, 30 * MB], TODAY - 2, 0),
        ([MB, 20 * MB, 30 * MB, 5], TODAY - 2, 4),
        ([MB, 20 * MB, 64 * MB, 64 * MB, 64 * MB], TODAY - 2, 0),
    ],
)
def test_files_of_like_size_are_merged(sizes: list[int], day: int, merged: int) -> None:
    files = [file(str(number), size, day=day) for number, size in enumerate(sizes)]
    assert len(choose(files, today=TODAY, at_least=8, target=64 * MB)) == merged


def test_days_are_not_mixed() -> None:
    files = [file(f"{day}-{number}", MB, day=day) for day in (TODAY, TODAY - 1) for number in range(5)]
    assert choose(files, today=TODAY, at_least=8, target=64 * MB) == []


def test_a_day_of_commits_stays_at_few_files_with_few_rewrites() -> None:
    files: list[ColdFile] = []
    rewritten = 0
    for minute in range(1440):
        files.append(file(str(minute), 100 << 10))
        while chosen := choose(files, today=TODAY, at_least=8, target=64 * MB):
            size = sum(each.size for each in chosen)
            rewritten += size
            files = [each for each in files if each not in chosen] + [file(f"{minute}+{rewritten}", size)]
    assert len(files) < 32
    assert rewritten < 5 * 1440 * (100 << 10)
    while chosen := choose(files, today=TODAY + 2, at_least=8, target=64 * MB):
        files = [each for each in files if each not in chosen] + [file("merged" + str(len(files)), sum(each.size for each in chosen))]
    assert len(files) < 8
