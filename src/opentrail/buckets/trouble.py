"""Trouble of the disk and the database, in the words of S3."""

from __future__ import annotations

import errno
import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import OperationalError

from opentrail.buckets.faults import InternalError, SlowDown, StorageFull

_P = ParamSpec("_P")
_T = TypeVar("_T")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def as_faults(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Let `function` raise `StorageFull` for a full disk, `SlowDown` for a busy database, `InternalError` for a disk that fails."""

    @functools.wraps(function)
    def wrapped(*positional: _P.args, **keywords: _P.kwargs) -> _T:
        try:
            return function(*positional, **keywords)
        except OSError as error:
            if error.errno in _FULL:
                raise StorageFull() from error
            if error.errno in (errno.EMFILE, errno.ENFILE):
                raise SlowDown() from error
            raise InternalError(f"The data folder failed: {error.strerror or error}") from error
        except OperationalError as error:
            reason = str(error.orig)
            if "full" in reason:
                raise StorageFull() from error
            if "locked" in reason or "busy" in reason:
                raise SlowDown() from error
            raise InternalError(f"The state database failed: {reason}") from error

    return wrapped
