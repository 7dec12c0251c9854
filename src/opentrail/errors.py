"""Failures that are not AWS faults: the whole tree, seen at once.

`OpenTrailError`
 ├─ `SettingError`        a setting or command line that cannot be used
 ├─ `JournalError`
 │   ├─ `JournalFull`         the journal's bound is reached
 │   ├─ `JournalUnavailable`  the disk or the database refuses
 │   ├─ `JournalCorrupt`      what is stored is not what was written
 │   └─ `JournalTrimmed`      the records asked for are not kept any more
 └─ `UpstreamError`       an upstream endpoint cannot be reached or broke off

The docstring is the default message. What a client of the AWS API sees is a `wire.faults.Fault`; a door turns one into the other.
"""

from __future__ import annotations

import inspect


class OpenTrailError(Exception):
    """OpenTrail could not do what was asked."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or inspect.getdoc(type(self)) or type(self).__name__)


class SettingError(OpenTrailError):
    """A setting has a value that cannot be used."""


class JournalError(OpenTrailError):
    """The journal could not take or give the record."""


class JournalFull(JournalError):
    """The journal has reached its bound (journal.max_bytes); its followers must catch up first."""


class JournalUnavailable(JournalError):
    """The journal cannot write to its disk at the moment."""


class JournalCorrupt(JournalError):
    """The journal's file is damaged: what it holds is not what was written."""


class JournalTrimmed(JournalError):
    """The journal does not keep the records that were asked for any more."""


class UpstreamError(OpenTrailError):
    """The upstream endpoint cannot be reached."""
