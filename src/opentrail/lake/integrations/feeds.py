"""What is fetched, page by page: GitHub's audit log and Okta's System Log.

A feed is pure: it says which request comes next, and reads its answer. How far it has come is a *cursor*, a small JSON object; the cursor
of a page is saved only once the events of the page are durable, so a page may come twice after a crash, and its events are known then by
their content.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from opentrail.clock import iso_seconds
from opentrail.errors import OpenTrailError
from opentrail.lake.integrations.integration import Integration
from opentrail.lake.integrations.values import KINDS

OVERLAP: Final = timedelta(minutes=10)
"""How far back a new walk over GitHub's log begins: events may come into it late."""
GITHUB_PAGE: Final = 100
OKTA_PAGE: Final = 1000

_LINK: Final = re.compile(r'<([^<>]*)>\s*;[^,<]*?\brel="?next"?')


class FeedTrouble(OpenTrailError):
    """The source did not answer as it should."""

    def __init__(self, message: str, *, wait: float | None = None) -> None:
        """`wait`: seconds after which the source wants to be asked again, where it says so."""
        super().__init__(message)
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Ask:
    """A GET request."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    """The token is in them."""


@dataclass(frozen=True, slots=True)
class Told:
    """Its answer; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """Events, oldest first, and where to go on once they are durable."""

    events: Sequence[Mapping[str, Any]]
    cursor: Mapping[str, Any]
    more: bool
    """Whether there is another page now."""


def start(kind: str, now: float, since: float | None = None) -> Mapping[str, Any]:
    """The cursor of a new integration: from `since` on (epoch seconds), else from now on."""
    return {"since": iso_seconds(now if since is None else since)} if kind in FEEDS else {}


def github_ask(integration: Integration) -> Ask:
    """The next page of `/orgs/ORG/audit-log` or `/enterprises/ENTERPRISE/audit-log`."""
    cursor = integration.cursor
    query = {"phrase": f"created:>={cursor['since']}", "include": "all", "order": "asc", "per_page": str(GITHUB_PAGE)}
    if after := cursor.get("after"):
        query["after"] = after
    headers = {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"}
    return Ask(
        f"{integration.settings['url'].rstrip('/')}/audit-log?{urlencode(query)}",
        {**headers, "authorization": f"Bearer {integration.secret}"},
    )


def github_page(integration: Integration, told: Told) -> Page:
    """Reads an answer. At the end of a walk the next one begins a little before the newest event."""
    events = _events(told)
    newest = max([integration.cursor.get("newest") or "", *(_github_time(event) for event in events)])
    after = _next(told, "after")
    if after is not None and events:
        return Page(events, {**integration.cursor, "newest": newest, "after": after}, True)
    since = integration.cursor["since"]
    if newest:
        back = datetime.fromisoformat(newest) - OVERLAP
        since = max(since, iso_seconds(back.timestamp()))
    return Page(events, {"since": since}, False)


def _github_time(event: Mapping[str, Any]) -> str:
    return KINDS["milliseconds"](event.get("@timestamp") or event.get("created_at")) or ""


def okta_ask(integration: Integration) -> Ask:
    """The next page of `/api/v1/logs`."""
    cursor = integration.cursor
    query = {"sortOrder": "ASCENDING", "limit": str(OKTA_PAGE), "since": cursor["since"]}
    if after := cursor.get("after"):
        query["after"] = after
    return Ask(
        f"{integration.settings['url'].rstrip('/')}/api/v1/logs?{urlencode(query)}",
        {"accept": "application/json", "authorization": f"SSWS {integration.secret}"},
    )


def okta_page(integration: Integration, told: Told) -> Page:
    """Reads an answer. Okta gives a next link always, also at the end: there it tells later what has come since."""
    events = _events(told)
    after = _next(told, "after")
    cursor = integration.cursor if after is None else {**integration.cursor, "after": after}
    return Page(events, cursor, after is not None and len(events) > 0)


FEEDS: Final[Mapping[str, tuple[Callable[[Integration], Ask], Callable[[Integration, Told], Page]]]] = {
    "github": (github_ask, github_page),
    "okta": (okta_ask, okta_page),
}


def check(told: Told, now: float) -> None:
    """Raises `FeedTrouble` for an answer that is no page."""
    if told.status == 200:
        return
    wait = _wait(told.headers, now)
    if told.status == 429 or (told.status == 403 and wait is not None):
        raise FeedTrouble("The source is asked too often.", wait=wait)
    if told.status in (401, 403):
        raise FeedTrouble(f"The source refuses the token (HTTP status {told.status}): is it valid, and may it read the log?")
    if told.status == 404:
        raise FeedTrouble("The source has no such log (HTTP status 404): is the URL right, and may the token read it?")
    raise FeedTrouble(f"The source answered with HTTP status {told.status}.", wait=wait)


def _wait(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until the source wants to be asked again (`Retry-After`, GitHub's and Okta's limits)."""
    after = headers.get("retry-after", "")
    if after.isdecimal():
        return min(float(after), 3600.0)
    for left, reset in (("x-ratelimit-remaining", "x-ratelimit-reset"), ("x-rate-limit-remaining", "x-rate-limit-reset")):
        if headers.get(left) == "0" and headers.get(reset, "").isdecimal():
            return min(max(float(headers[reset]) - now, 1.0), 3600.0)
    return None


def _events(told: Told) -> list[Mapping[str, Any]]:
    try:
        found = json.loads(told.body)
    except (ValueError, RecursionError):
        raise FeedTrouble("The source did not answer with JSON.") from None
    if not isinstance(found, list) or not all(isinstance(event, dict) for event in found):
        raise FeedTrouble("The source did not answer with a list of events.")
    return found


def _next(told: Told, name: str) -> str | None:
    """The parameter `name` of the link to the next page. Only that: where to ask is never the answer's to say."""
    match = _LINK.search(told.headers.get("link", ""))
    if match is None:
        return None
    found = parse_qs(urlsplit(match[1]).query).get(name)
    return found[0] if found else None
