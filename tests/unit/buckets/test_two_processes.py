"""Several processes over one data folder: the front serving S3, the followers delivering, and starts while others are at work."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from opentrail.buckets import files
from opentrail.buckets.faults import NoSuchKey

ROUNDS = 25
WHOLE = (b"a" * 5000, b"b" * 5000)


def in_child(work: Callable[[], None]) -> int:
    """Run `work` in a process of its own; its process id."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return child


def test_writers_of_the_same_keys_never_mix_their_data(process: Any, tmp_path: Path) -> None:
    first = process(tmp_path)
    first.bucket()
    first.close()

    def writer(mark: bytes) -> Callable[[], None]:
        def work() -> None:
            mine = process(tmp_path)
            for round_ in range(ROUNDS):
                mine.put("shared/key", mark * 5000)
                mine.put(f"shared/{mark.decode()}/{round_ % 3}", mark)
                with suppress(NoSuchKey):
                    assert mine.get("shared/key") in WHOLE
                if round_ % 3 == 0:
                    mine.delete(["shared/key", f"shared/{mark.decode()}/0"])
                    mine.put("shared/key", mark * 5000)

        return work

    def starter() -> None:
        for _ in range(ROUNDS // 2):  # each start sweeps: nothing that lives may be swept
            mine = process(tmp_path)
            with suppress(NoSuchKey):  # between a removal and the next put
                assert mine.get("shared/key") in WHOLE
            mine.close()

    children = [in_child(writer(b"a")), in_child(writer(b"b")), in_child(starter)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    last = process(tmp_path)
    last.put("shared/key", WHOLE[0])  # the last to come may have removed it
    stored = last.buckets.list("example-logs").entries
    assert last.files() == {f"example-logs/{found.file}" for found in stored}
    assert last.get("shared/key") == WHOLE[0]
    last.close()


def test_versions_of_one_key_by_several_processes_are_all_kept(process: Any, tmp_path: Path) -> None:
    first = process(tmp_path)
    first.bucket()
    first.buckets.retention.put_versioning("example-logs", "Enabled", None)
    first.close()

    def writer(mark: bytes) -> Callable[[], None]:
        def work() -> None:
            mine = process(tmp_path)
            for round_ in range(ROUNDS):
                stored = mine.put("shared/key", mark * 5000)
                if round_ % 4 == 1:
                    mine.delete(["shared/key"])
                if round_ % 4 == 2:  # often the latest: the one before it comes back
                    mine.delete_version("shared/key", stored.version_id)

        return work

    def starter() -> None:
        for _ in range(ROUNDS // 2):
            process(tmp_path).close()

    children = [in_child(writer(b"a")), in_child(writer(b"b")), in_child(starter)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    last = process(tmp_path)
    stored = last.versions()
    removed = len(range(2, ROUNDS, 4))
    assert sum(not one.marker for one in stored) == 2 * (ROUNDS - removed)
    assert sum(one.marker for one in stored) == 2 * len(range(1, ROUNDS, 4))
    assert {last.get(one.key, version_id=one.version_id) for one in stored if not one.marker} == set(WHOLE)
    assert [one.superseded is None for one in stored] == [True] + [False] * (len(stored) - 1)
    assert last.files() == {"/".join(one.place) for one in stored if not one.marker}
    last.close()


def test_a_start_leaves_the_drafts_of_the_living_alone(process: Any, tmp_path: Path) -> None:
    one = process(tmp_path)
    one.bucket()
    draft = one.buckets.objects.draft()
    draft.write(b"half")
    other = process(tmp_path)
    assert draft.file.exists()
    draft.write(b"-whole")
    assert draft.seal().size == 10
    draft.give_up()
    other.close()
    one.close()


def test_a_change_of_policy_is_seen_by_the_other_process(process: Any, tmp_path: Path) -> None:
    one, other = process(tmp_path), process(tmp_path)
    one.bucket()
    policy = '{"Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::example-logs/*"}}'
    assert other.buckets.configurations.access("example-logs").policy is None
    one.buckets.configurations.put_policy("example-logs", policy)
    assert one.buckets.configurations.access("example-logs").policy == policy
    assert other.buckets.configurations.access("example-logs", fresh=True).policy == policy
    one.buckets.configurations.delete_policy("example-logs")
    other.clock.advance(1.0)
    assert other.buckets.configurations.access("example-logs").policy is None
    one.close()
    other.close()


@pytest.mark.parametrize("times", [1, 2])
def test_a_closed_session_leaves_nothing(process: Any, tmp_path: Path, times: int) -> None:
    one = process(tmp_path)
    for _ in range(times):
        one.close()
    assert os.listdir(tmp_path / "buckets/.staging") == ["claims"]


def test_a_folder_that_another_process_removed_is_made_durable_anew(process: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    followers, front = process(tmp_path), process(tmp_path)
    front.bucket()
    followers.put("AWSLogs/a/1", b"1")
    front.delete(["AWSLogs/a/1"])  # its folders go with it
    synced: list[str] = []
    syncing = files._sync
    monkeypatch.setattr(files, "_sync", lambda folder: (synced.append(str(folder.relative_to(tmp_path))), syncing(folder)))
    followers.put("AWSLogs/a/2", b"2")
    assert synced == ["buckets/example-logs/AWSLogs/a", "buckets/example-logs/AWSLogs", "buckets/example-logs"]
    followers.put("AWSLogs/a/3", b"3")
    assert synced[3:] == ["buckets/example-logs/AWSLogs/a"]
    followers.close()
    front.close()
