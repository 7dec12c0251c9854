"""Reading the buckets of a data folder in place finds what `Buckets` finds, and leaves no trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opentrail.buckets import in_place
from opentrail.buckets.in_place import BucketsInPlace, Encrypted
from opentrail.buckets.listing import Position
from opentrail.buckets.values import Attributes, SseKms
from opentrail.storage.read_only import ReadOnlyDatabase, Unreadable

BUCKET = "example-logs"


@pytest.fixture
def seen(simulated: Any) -> Iterator[BucketsInPlace]:
    database = ReadOnlyDatabase(simulated.folder / "state.db")
    yield BucketsInPlace(database, simulated.folder / "buckets")
    database.close()


def test_an_object_with_its_metadata(simulated: Any, seen: BucketsInPlace) -> None:
    simulated.put("a/ü ~.gz", b"data", attributes=Attributes(metadata={"signature": "00"}, headers={"ContentType": "text/plain"}))
    simulated.put("empty", b"")
    found = seen.read(BUCKET, "a/ü ~.gz")
    assert found is not None
    assert (found.body, found.metadata) == (b"data", {"signature": "00"})
    empty = seen.read(BUCKET, "empty")
    assert empty is not None
    assert (empty.body, empty.metadata) == (b"", {})


def test_an_encrypted_object_is_not_read_as_if_it_were_data(simulated: Any, seen: BucketsInPlace) -> None:
    sse = SseKms(key_arn="arn:aws:kms:us-east-1:111122223333:key/1", data_key=b"x", context={})
    simulated.put("k", b"what looks like data", attributes=Attributes(sse_kms=sse))
    with pytest.raises(Encrypted, match="key/1"):
        seen.read(BUCKET, "k")
    assert next(iter(seen.list(BUCKET, "", "")))[0] == "k"


def test_what_is_not_there(simulated: Any, seen: BucketsInPlace) -> None:
    simulated.put("a", b"1")
    assert (seen.exists(BUCKET), seen.exists("other-logs")) == (True, False)
    assert seen.read(BUCKET, "b") is None
    assert seen.read("other-logs", "a") is None
    assert list(seen.list("other-logs", "", "")) == []
    (simulated.folder / "buckets" / BUCKET / "a").unlink()
    assert seen.read(BUCKET, "a") is None


def test_what_somebody_appended_on_disk_is_seen(simulated: Any, seen: BucketsInPlace) -> None:
    simulated.put("a", b"1")
    with (simulated.folder / "buckets" / BUCKET / "a").open("ab") as file:
        file.write(b"2" * 200_000)
    found = seen.read(BUCKET, "a")
    assert found is not None
    assert found.body == b"1" + b"2" * 200_000


def test_a_link_in_place_of_the_data_is_not_followed(simulated: Any, seen: BucketsInPlace, tmp_path: Path) -> None:
    simulated.put("a", b"1")
    data = simulated.folder / "buckets" / BUCKET / "a"
    data.unlink()
    data.symlink_to(tmp_path / "state.db")
    with pytest.raises(OSError, match="symbolic links"):
        seen.read(BUCKET, "a")


def test_an_object_replaced_while_it_is_read_is_read_again(simulated: Any, seen: BucketsInPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    simulated.put("a", b"old")
    original: Callable[[str], bytes | None] = in_place._data
    puts = iter((b"new", b"newer"))

    def meanwhile(path: str) -> bytes | None:
        found = original(path)
        replacement = next(puts, None)
        if replacement is not None:
            simulated.put("a", replacement)
        return found

    monkeypatch.setattr(in_place, "_data", meanwhile)
    found = seen.read(BUCKET, "a")
    assert found is not None
    assert found.body == b"newer"


keys = st.lists(st.sampled_from("ab/~\u00fc\U0010ffff"), min_size=1, max_size=4).map("".join)


@given(st.sets(keys, max_size=12), st.sampled_from(["", "a", "a/", "b", "ü"]), st.sampled_from(["", "a", "a/a", "zz"]))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_lists_agree_with_those_of_the_bucket(
    process: Any, tmp_path_factory: pytest.TempPathFactory, names: set[str], prefix: str, after: str
) -> None:
    folder = tmp_path_factory.mktemp("lists")
    owner = process(folder)
    owner.bucket()
    for name in names:
        owner.put(name, b"x")
    database = ReadOnlyDatabase(folder / "state.db")
    seen = BucketsInPlace(database, folder / "buckets")
    page = owner.buckets.list(BUCKET, prefix=prefix, after=Position(max(prefix, after)))
    assert list(seen.list(BUCKET, prefix, after)) == [(entry.key, entry.modified) for entry in page.entries]
    below = owner.buckets.list(BUCKET, prefix=prefix, delimiter="/")
    assert list(seen.folders(BUCKET, prefix)) == [name[len(prefix) : -1] for name in below.prefixes]
    database.close()
    owner.close()


def test_a_list_of_several_pages_and_the_usual_size(simulated: Any, seen: BucketsInPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_place, "PAGE", 3)
    for number in range(7):
        simulated.put(f"a/{number}", b"x" * number)
    assert [key for key, _ in seen.list(BUCKET, "a/", "a/1")] == [f"a/{number}" for number in range(2, 7)]
    assert seen.usual_size(BUCKET, "a/") == 3
    assert seen.usual_size(BUCKET, "b/") == 0


def test_a_folder_without_tables_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "state.db").touch()
    database = ReadOnlyDatabase(tmp_path / "state.db")
    assert not BucketsInPlace(database, tmp_path).exists(BUCKET)
    database.close()


def test_what_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"something else" * 100)
    with pytest.raises(Unreadable, match=r"state\.db cannot be read: file is not a database"):
        ReadOnlyDatabase(tmp_path / "state.db")
    with pytest.raises(Unreadable, match="unable to open"):
        ReadOnlyDatabase(tmp_path / "missing.db")
