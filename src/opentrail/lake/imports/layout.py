"""Which files of a source an import takes, told by their keys alone (reference of Lake, §5; of delivery, §1). Pure.

    [prefix/]AWSLogs/[o-…/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHMMZ_UNIQUE.json.gz

- Below `AWSLogs/…/ACCOUNT/` only the folder of the store's family is looked into, unless the location itself names another one.
- Files outside of such folders are taken when the location names their prefix, and their names do not say that they are something else.
- The date in a file's name, or else in its folders, is compared with the window before the file is opened.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final

from opentrail.lake.families import Family
from opentrail.lake.imports.location import FILES

FOLDERS: Final[Mapping[Family, str]] = {
    Family.EVENTS: "CloudTrail",
    Family.INSIGHTS: "CloudTrail-Insight",
    Family.CONFIGURATION: "Config",
}
"""The folder of an account that holds a family's files."""
DAY: Final = 86_400.0
_STRUCTURE: Final = re.compile(r"(?:^|/)AWSLogs/(?:o-[a-z0-9]{10,32}/)?\d{12}/([^/]+)/")
_KIND: Final = re.compile(r"(?:^|/)\d{12}_(CloudTrail-Digest|CloudTrail-Insight|CloudTrail-Aggregated|CloudTrail|Config)_[^/]*$")
_NAMED: Final = re.compile(r"_(\d{8})T(\d{4})(?:\d{2})?Z[^/]*$")
_FOLDERS: Final = re.compile(r"/(\d{4})/(\d{1,2})/(\d{1,2})/(?:[^/]+/)*[^/]*$")
_OF_REGION: Final = re.compile(r"(?:^|/)CloudTrail(?:-Insight)?/[a-z0-9-]+/$")


@dataclass(frozen=True, slots=True)
class Period:
    """The moments that the date of a file may mean; epoch seconds, both inclusive."""

    first: float
    last: float


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What of a source is wanted."""

    family: Family
    prefix: str = ""
    """The beginning of all keys, as the location names it."""
    local: bool = False
    """A directory, whose files may be plain JSON and need no folders of CloudTrail's."""
    start: float | None = None
    end: float | None = None
    """The window; epoch seconds, inclusive."""
    oldest: float = 0.0
    """Nothing older than this is kept by the store: files that end before it need not be opened."""

    @cached_property
    def names_folder(self) -> bool:
        """Whether the location itself names the folder of an account that is looked into."""
        return _STRUCTURE.search(self.prefix) is not None

    @property
    def names_prefix(self) -> bool:
        """Whether somebody pointed at files that may lie outside of CloudTrail's folders."""
        return self.local or bool(self.prefix)

    def takes(self, key: str) -> bool:
        """Whether the file `key` is one to be imported."""
        if not key.endswith((*FILES, ".json") if self.local else FILES) or key.endswith(".metadata.json"):
            return False
        if not self.names_folder:
            structure = _STRUCTURE.search(key)
            kind = _KIND.search(key)
            if structure is not None and structure[1] != FOLDERS[self.family]:
                return False
            if structure is None and not self.names_prefix:
                return False
            if kind is not None and kind[1] != FOLDERS[self.family]:
                return False
        return self._in_time(key)

    def _in_time(self, key: str) -> bool:
        period = date_of(key)
        if period is None:
            return True
        start = self.oldest if self.start is None else max(self.start, self.oldest)
        return period.last >= start and (self.end is None or period.first <= self.end)

    def first_key(self, prefix: str) -> str:
        """A key of `prefix` before every one in the window: where its list may begin. Empty where dates are in no order."""
        start = self.oldest if self.start is None else max(self.start, self.oldest)
        return "" if start <= DAY or not _OF_REGION.search(prefix) else prefix + _day(start - DAY)

    def is_behind(self, prefix: str, key: str) -> bool:
        """Whether `key`, and so every key behind it in `prefix`, is later than the window."""
        return self.end is not None and bool(_OF_REGION.search(prefix)) and key > prefix + _day(self.end + 2 * DAY)


def date_of(key: str) -> Period | None:
    """When the file was made, as its name tells to the minute, or its folders to the day; `None` when neither does."""
    named = _NAMED.search(key)
    if named is not None:
        at = _time(named[1] + named[2])
        if at is not None:
            return Period(at, at + 59)
    folders = _FOLDERS.search("/" + key)
    if folders is not None:
        at = _time(f"{folders[1]}{int(folders[2]):02}{int(folders[3]):02}0000")
        if at is not None:
            return Period(at, at + DAY - 1)
    return None


def _time(text: str) -> float | None:
    try:
        return datetime.strptime(text, "%Y%m%d%H%M").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _day(at: float) -> str:
    # Of a moment beyond the calendar there are no files either.
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=min(at, 253_300_000_000))).strftime("%Y/%m/%d")
