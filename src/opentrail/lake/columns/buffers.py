"""Arrow arrays out of many JSON values at once, without a Python object for each on the way.

The values are joined with NUL between them, which is in no JSON text, and Arrow splits them again. All must be UTF-8 and without spaces
around them, together below 2 GiB.
"""

from __future__ import annotations

import hashlib
from array import array
from binascii import b2a_base64
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from opentrail.lake.columns.text import as_text
from opentrail.lake.columns.values import Value

JSON = bytes | msgspec.Raw

_NUL: Final = "\0"
_NOTHING: Final = pa.scalar(None, pa.string())
_SPACED: Final = r"(?s)^[{\[].*[ \t\r\n]"
_CHECKSUM: Final = 44
"""Characters of a SHA-256 in base64."""


def spelled(values: Sequence[JSON]) -> pa.StringArray:
    """`values` as the record spells them."""
    return pa.StringArray.from_buffers(len(values), _offsets(map(len, values)), pa.py_buffer(b"".join(values)))


def texts(values: Sequence[JSON], nothing: JSON | None = None) -> pa.StringArray:
    """`values`, each as `text.as_text` says it. `nothing` is the very object that stands for a value that is not there."""
    if not values or (values[0] is nothing and all(value is nothing for value in values)):
        return pa.nulls(len(values), pa.string())
    joined = b"\0" + b"\0".join(values)
    raw = _split(joined)[1:]
    found = pc.ascii_trim(raw, '"')  # all that most strings need
    unusual = pc.match_substring(raw, "\\") if b"\\" in joined else None
    if (b"{" in joined and b"\0{" in joined) or (b"[" in joined and b"\0[" in joined):  # one octet is found much sooner than two
        spaced = pc.match_substring_regex(raw, _SPACED)
        unusual = spaced if unusual is None else pc.or_(unusual, spaced)
    if unusual is not None and pc.any(unusual).as_py():
        mended = [as_text(value.encode()) for value in raw.filter(unusual).to_pylist()]
        found = pc.replace_with_mask(found, unusual, pa.array(mended, pa.string()))
    return pc.if_else(pc.equal(raw, "null"), _NOTHING, found) if b"\0null" in joined else found


def _split(joined: bytes) -> pa.StringArray:
    whole = pa.StringArray.from_buffers(1, pa.py_buffer(array("i", [0, len(joined)])), pa.py_buffer(joined))
    return pc.split_pattern(whole, _NUL).flatten()


def maps(objects: Sequence[dict[str, msgspec.Raw] | None], type_: pa.MapType) -> pa.MapArray:
    """A column of maps out of the members of JSON objects."""
    present = [members for members in objects if members]
    names = pa.array(list(chain.from_iterable(present)), pa.string())
    values = texts([*chain.from_iterable(map(_VALUES, present))])
    entries = pa.StructArray.from_arrays([names, values], fields=[type_.key_field, type_.item_field])
    return lists(objects, type_, entries)


_VALUES: Final = dict.values


def lists(values: Sequence[Any], type_: pa.DataType, elements: pa.Array) -> Any:
    """A column of lists, or maps, whose elements, one list after the other, are `elements`."""
    present = [value is not None for value in values]
    valid = None if all(present) else pa.array(present, pa.bool_()).buffers()[1]
    sizes = [len(value) if value else 0 for value in values]
    return pa.Array.from_buffers(type_, len(sizes), [valid, _offsets(sizes)], children=[elements])


def repeated(values: Sequence[JSON], read: Value, type_: pa.DataType) -> pa.Array:
    """A column of JSON values of which many are the same: each is read once."""
    encoded = spelled(values).dictionary_encode()
    distinct = [read(msgspec.Raw(value.encode())) for value in encoded.dictionary.to_pylist()]
    return pa.array(distinct, type_).take(encoded.indices)


def checksums(values: Sequence[JSON | memoryview]) -> pa.StringArray:
    """Base64 of the SHA-256 of each of `values`."""
    sha256 = hashlib.sha256
    digests = b"".join([sha256(value).digest() + b"\0" for value in values])  # 33 bytes, 44 characters: no padding between them
    encoded = bytearray(b2a_base64(digests, newline=False))
    encoded[_CHECKSUM - 1 :: _CHECKSUM] = b"=" * len(values)
    offsets = array("i", range(0, len(encoded) + 1, _CHECKSUM))
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(offsets), pa.py_buffer(bytes(encoded)))


def _offsets(sizes: Iterable[int]) -> pa.Buffer:
    """Where each of values of these sizes begins when they lie side by side, and where the last ends."""
    return pa.py_buffer(array("i", accumulate(sizes, initial=0)))
