"""Key pairs that sign digests: made when needed, changed every month, never lost to a crash, private part for the owner only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from opentrail.clock import ManualClock
from opentrail.signing import OVERLAP, VALIDITY, SigningKeys
from opentrail.storage.database import Database
from simulators.trails import KeyStock

DAY = 86400.0


class Room:
    """Signing keys over a folder, opened anew as often as wanted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "keys"
        self.clock = ManualClock()
        self.database = Database.at(folder / "state.db")
        self.stock = KeyStock()
        self.keys = self.opened()

    def opened(self) -> SigningKeys:
        return SigningKeys(self.database, self.folder, self.clock, generate=self.stock)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    yield made
    made.database.close()


def test_a_signature_verifies_with_the_listed_key(room: Room) -> None:
    fingerprint, signature = room.keys.sign("us-east-1", b"message")
    now = room.clock.time()
    (listed,) = room.keys.public_keys("us-east-1", now, now)
    assert listed.fingerprint == fingerprint == hashlib.md5(listed.value).hexdigest()
    public = serialization.load_der_public_key(listed.value)
    assert isinstance(public, rsa.RSAPublicKey)
    assert public.key_size == 2048
    assert public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1) == listed.value
    public.verify(signature, b"message", padding.PKCS1v15(), hashes.SHA256())
    assert listed.end - listed.start == VALIDITY
    assert listed.start <= now < listed.end


def test_the_private_part_is_for_the_owner_only(room: Room) -> None:
    fingerprint = room.keys.current("us-east-1").fingerprint
    (file,) = room.folder.iterdir()
    assert file.name == f"signing-us-east-1-{fingerprint}.pem"
    assert file.stat().st_mode & 0o777 == 0o600
    assert room.folder.stat().st_mode & 0o077 == 0


def test_each_region_has_its_own_and_another_process_finds_it(room: Room) -> None:
    first, second = room.keys.current("us-east-1").fingerprint, room.keys.current("eu-west-1").fingerprint
    assert first != second
    assert room.opened().current("us-east-1").fingerprint == first
    assert room.stock.given == 2


def test_keys_follow_each_other_and_overlap(room: Room) -> None:
    began = room.clock.time()
    used = []
    for _ in range(70):
        used.append(room.keys.current("us-east-1").fingerprint)
        room.clock.advance(DAY)
    assert len(dict.fromkeys(used)) == 3
    listed = room.keys.public_keys("us-east-1", began, room.clock.time())
    assert [key.fingerprint for key in listed] == list(dict.fromkeys(used))
    for older, newer in pairwise(listed):
        assert older.end - newer.start == OVERLAP


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [(-9, -1, 0), (-9, 0, 1), (0, 0, 1), (10 * DAY, 11 * DAY, 1), (VALIDITY, VALIDITY + 1, 1), (VALIDITY + 1, VALIDITY + 2, 0)],
)
def test_keys_are_listed_when_their_validity_overlaps_the_range(room: Room, start: float, end: float, found: int) -> None:
    room.keys.current("us-east-1")
    began = float(int(room.clock.time()))
    room.clock.advance(90 * DAY)
    assert len(room.keys.public_keys("us-east-1", began + start, began + end)) == found


def test_asking_for_now_makes_the_current_key(room: Room) -> None:
    now = room.clock.time()
    assert room.keys.public_keys("us-east-1", now - 20, now - 10) == []
    assert len(room.keys.public_keys("us-east-1", now - 20, now)) == 1
    assert len(room.keys.public_keys("us-east-1", now, now)) == 1


def test_a_lost_or_spoilt_file_means_a_new_pair_and_the_old_stays_listed(room: Room) -> None:
    first = room.keys.current("us-east-1").fingerprint
    (file,) = room.folder.iterdir()
    file.write_text("spoilt")
    second = room.opened().current("us-east-1").fingerprint
    (room.folder / f"signing-us-east-1-{second}.pem").unlink()
    third = room.opened().current("us-east-1").fingerprint
    now = room.clock.time()
    assert len({first, second, third}) == 3
    assert {key.fingerprint for key in room.keys.public_keys("us-east-1", now, now)} == {first, second, third}


def test_a_crash_between_file_and_row_leaves_a_working_folder(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(room.database, "begin", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            room.keys.current("us-east-1")
    made = room.opened().current("us-east-1")
    now = room.clock.time()
    assert [key.fingerprint for key in room.keys.public_keys("us-east-1", now, now)] == [made.fingerprint]
