"""Encryption contexts: pairs of text that are authenticated with a ciphertext, and must be given again to decrypt it. Pure."""

from __future__ import annotations

import struct
from collections.abc import Mapping

Context = Mapping[str, str]


def canonical(context: Context) -> bytes:
    """`context` as bytes: the same for equal maps in any order, different for different ones.

    Every text goes with its length before it, so no two maps can be mistaken for each other; nothing is normalised, for contexts are
    compared exactly. An empty context is the same as none.
    """
    pairs = sorted((_bytes(key), _bytes(value)) for key, value in context.items())
    return b"".join(struct.pack(">I", len(text)) + text for pair in pairs for text in pair)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
