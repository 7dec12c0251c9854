"""Ciphertext blobs: whatever goes in comes out under the same key, material and context, and under no other."""

from __future__ import annotations

import os
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.kms import envelope
from opentrail.kms.context import canonical
from opentrail.kms.faults import InvalidCiphertextException

KEY_ID = "00000000-0000-4000-8000-000000000001"
MATERIAL = bytes(range(32))

contexts = st.dictionaries(st.text(max_size=12), st.text(max_size=12), max_size=4)
plaintexts = st.binary(min_size=1, max_size=200)


def opened(blob: bytes, context: dict[str, str], material: bytes = MATERIAL) -> bytes:
    return envelope.unseal(material, envelope.read(blob), context)


@given(plaintexts, contexts)
def test_what_was_sealed_can_be_opened_with_the_same_context(plaintext: bytes, context: dict[str, str]) -> None:
    blob = envelope.seal(MATERIAL, KEY_ID, 7, plaintext, context)
    head = envelope.read(blob)
    assert (head.key_id, head.number) == (KEY_ID, 7)
    assert opened(blob, dict(reversed(context.items()))) == plaintext


@given(plaintexts, contexts, contexts)
def test_no_other_context_opens_it(plaintext: bytes, context: dict[str, str], other: dict[str, str]) -> None:
    blob = envelope.seal(MATERIAL, KEY_ID, 1, plaintext, context)
    if other == context:
        assert opened(blob, other) == plaintext
    else:
        with pytest.raises(InvalidCiphertextException):
            opened(blob, other)


@given(plaintexts, contexts, st.data())
def test_no_changed_byte_goes_unseen(plaintext: bytes, context: dict[str, str], data: st.DataObject) -> None:
    blob = bytearray(envelope.seal(MATERIAL, KEY_ID, 1, plaintext, context))
    at = data.draw(st.integers(0, len(blob) - 1))
    blob[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(InvalidCiphertextException):
        opened(bytes(blob), context)


@given(plaintexts, st.data())
def test_nothing_can_be_cut_off_or_added(plaintext: bytes, data: st.DataObject) -> None:
    blob = envelope.seal(MATERIAL, KEY_ID, 1, plaintext, {})
    with pytest.raises(InvalidCiphertextException):
        opened(blob[: data.draw(st.integers(0, len(blob) - 1))], {})
    with pytest.raises(InvalidCiphertextException):
        opened(blob + data.draw(st.binary(min_size=1, max_size=8)), {})


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_no_ciphertext(blob: bytes) -> None:
    with pytest.raises(InvalidCiphertextException):
        opened(blob, {})


def test_the_plaintext_is_not_in_the_blob() -> None:
    assert b"a text that is easily found" not in envelope.seal(MATERIAL, KEY_ID, 1, b"a text that is easily found", {})


def test_other_key_material_does_not_open_it() -> None:
    blob = envelope.seal(MATERIAL, KEY_ID, 1, b"text", {})
    with pytest.raises(InvalidCiphertextException):
        opened(blob, {}, os.urandom(32))


def test_a_blob_cannot_be_passed_off_as_another_keys() -> None:
    blob = bytearray(envelope.seal(MATERIAL, KEY_ID, 1, b"text", {}))
    other = uuid.uuid4()
    blob[4:20] = other.bytes
    assert envelope.read(bytes(blob)).key_id == str(other)
    with pytest.raises(InvalidCiphertextException):
        opened(bytes(blob), {})


def test_the_same_plaintext_never_looks_the_same() -> None:
    assert len({envelope.seal(MATERIAL, KEY_ID, 1, b"text", {}) for _ in range(50)}) == 50


@given(contexts, contexts)
def test_contexts_are_the_same_bytes_exactly_when_they_are_equal(one: dict[str, str], other: dict[str, str]) -> None:
    assert (canonical(one) == canonical(other)) == (one == other)


def test_pairs_cannot_run_into_each_other() -> None:
    spellings = [{"a": "bc"}, {"ab": "c"}, {"a": "b", "c": ""}, {"abc": ""}, {"": "abc"}, {"a": "", "bc": ""}]
    assert len({canonical(context) for context in spellings}) == len(spellings)
    assert canonical({}) == b""
