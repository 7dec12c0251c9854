"""What the readers of the wire raise among themselves; `parse` turns it into the fault of the protocol at hand."""

from __future__ import annotations

MAX_DEPTH = 100
"""Levels of nesting that a body may have: no AWS request comes near, and Python's own recursion limit stays out of reach."""


class Malformed(ValueError):
    """The request cannot be read.

    `place` says where the mistake is, for protocols that answer differently: `body` (it does not even parse), `value` (a value in the body
    is not of its type), `binding` (a header, label or query parameter).
    """

    def __init__(self, message: str, place: str = "value") -> None:
        super().__init__(message)
        self.message = message
        self.place = place
