"""Where in a source the files are: the prefixes that an import goes through, and the files of each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from opentrail.lake.imports.layout import FOLDERS, Scope
from opentrail.lake.imports.location import FILES
from opentrail.lake.imports.source import ImportSource

DEEPEST: Final = 6
"""Folders above `AWSLogs/` that are looked through for it: the prefix of a trail may have some."""
MOST: Final = 10_000
"""Folders that are looked into for `AWSLogs/`; a bucket with more is asked for its prefix."""
_LOGS: Final = re.compile(r"(?:^|/)AWSLogs/$")
_ORGANIZATION: Final = re.compile(r"(?:^|/)AWSLogs/o-[a-z0-9]{10,32}/$")
_ACCOUNT: Final = re.compile(r"(?:^|/)AWSLogs/(?:o-[a-z0-9]{10,32}/)?\d{12}/$")
_FOLDER: Final = re.compile(r"(?:^|/)AWSLogs/(?:o-[a-z0-9]{10,32}/)?\d{12}/[^/]+/$")


def prefixes(source: ImportSource, scope: Scope) -> Iterator[str]:
    """The prefixes with files to import, each once: of every account and Region one, or the location itself where it has no folders of
    CloudTrail's. Raises what the source raises."""
    found = False
    for prefix in _below(source, scope, scope.prefix):
        found = True
        yield prefix
    if not found and scope.names_prefix and not scope.names_folder and _holds_any(source, scope):
        yield scope.prefix


def files(source: ImportSource, scope: Scope, prefix: str) -> Iterator[str]:
    """The keys to import in a prefix, in order. Raises what the source raises."""
    for key in source.list(prefix, scope.first_key(prefix)):
        if scope.is_behind(prefix, key):
            return
        if scope.takes(key):
            yield key


def _below(source: ImportSource, scope: Scope, start: str) -> Iterator[str]:
    if scope.names_folder or start.endswith(FILES):
        yield from _regions(source, start) if _FOLDER.search(start) else (start,)
        return
    waiting = [(start, 0)]
    looked = 0
    while waiting:
        prefix, depth = waiting.pop()
        if _ACCOUNT.search(prefix):
            wanted = prefix + FOLDERS[scope.family] + "/"
            if next(iter(source.list(wanted)), None) is not None:
                yield from _regions(source, wanted)
            continue
        inside = bool(_LOGS.search(prefix) or _ORGANIZATION.search(prefix))
        looked += 1
        if not inside and (depth > DEEPEST or looked > MOST):
            continue
        below = [f"{prefix}{name}/" for name in source.folders(prefix)]
        if inside:
            below = [one for one in below if _ACCOUNT.search(one) or _ORGANIZATION.search(one)]
        waiting += [(one, depth + 1) for one in reversed(below)]


def _regions(source: ImportSource, folder: str) -> Iterator[str]:
    """The folders of Regions in the folder of an account, or that folder where it has none."""
    found = [f"{folder}{name}/" for name in source.folders(folder)]
    yield from found or [folder]


def _holds_any(source: ImportSource, scope: Scope) -> bool:
    return next(iter(source.list(scope.prefix)), None) is not None
