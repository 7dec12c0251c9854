"""One request at the sign-in door: where it comes from, whether a page of another origin sent it, and what it is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from opentrail.api.arrival import Arrival
from opentrail.api.authorisation import is_local
from opentrail.recorder import Tls
from opentrail.recorder.sign_in import Name, SignInEvent, sign_in_event
from opentrail.wire.hosts import host_name
from opentrail.wire.http import Response

GLOBAL_REGION: Final = "us-east-1"
"""Where the global sign-in endpoint records (`spec/trails.md` §5)."""
MOST_LINK: Final = 2048
"""Characters of a page's address."""

_HEADERS: Final = (
    ("content-type", "application/json"),
    ("cache-control", "no-store"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
)


class Turned(Exception):
    """The request is turned away before it is an attempt to sign in; nothing is recorded of it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.response = told(status, {"code": code, "message": message})


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Where a request comes from, and when."""

    source_ip: str
    user_agent: str
    host: str
    secure: bool
    region: str
    """Of the sign-in endpoint that was asked."""
    time: float
    tls: Tls | None = None

    @classmethod
    def of(cls, arrival: Arrival, regions: Sequence[str] | frozenset[str]) -> Visit:
        """A Regional sign-in endpoint is told by its host: `eu-west-1.signin.…`."""
        host = arrival.request.headers.get("host") or ""
        labels = host_name(host).split(".", 2)
        regional = len(labels) == 3 and labels[1] == "signin" and labels[0] in regions
        return cls(
            source_ip=arrival.source_ip,
            user_agent=arrival.request.headers.get("user-agent") or "",
            host=host,
            secure=arrival.secure,
            region=labels[0] if regional else GLOBAL_REGION,
            time=arrival.time.timestamp(),
            tls=arrival.tls,
        )

    def event(
        self,
        name: Name,
        identity: Mapping[str, Any],
        account_id: str,
        *,
        error_message: str | None = None,
        response: Mapping[str, Any] | None = None,
        additional: Mapping[str, Any] | None = None,
        region: str | None = None,
    ) -> bytes:
        """The record of a step that was taken in this visit."""
        return sign_in_event(
            SignInEvent(
                name=name,
                identity=identity,
                account_id=account_id,
                region=region or self.region,
                time=self.time,
                source_ip=self.source_ip,
                user_agent=self.user_agent,
                host=self.host,
                error_message=error_message,
                response=response or {},
                additional=additional or {},
                tls=self.tls,
            )
        )

    def absolute(self, link: str) -> str:
        """`link` (one of `own_page`) with scheme and host, as records tell pages."""
        return link if "://" in link.partition("?")[0] else f"{'https' if self.secure else 'http'}://{self.host}{link}"

    def own_page(self, link: str) -> str:
        """`link` when it leads to a page of this server, absolute or not; raises `Turned` for any other."""
        printable = len(link) <= MOST_LINK and all("!" <= character <= "~" for character in link) and "\\" not in link
        try:
            parts = urlsplit(link)
        except ValueError:
            printable = False
        if printable and not parts.scheme and not parts.netloc and link.startswith("/"):
            return link
        if printable and parts.scheme == ("https" if self.secure else "http") and parts.netloc == self.host and self.host:
            return link
        raise Turned(400, "InvalidDestination", "Name a page of this server, by its path: /console/.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What came of a visit: the answer, and the records that must be durable before it is given."""

    response: Response
    records: Sequence[bytes] = ()
    good: bool = True
    """Whether the attempt succeeded."""


def told(status: int, content: Mapping[str, Any], *more: tuple[str, str]) -> Response:
    """An answer in JSON that nobody keeps."""
    return Response(status=status, headers=(*_HEADERS, *more), body=msgspec.json.encode(content) + b"\n")


def guard(arrival: Arrival, *, methods: Sequence[str], from_page: bool, loopback: bool) -> None:
    """Raise `Turned` for what a page of another origin may have made a browser send, and for other methods.

    `from_page`: only our own pages, and programs, may ask (not a link that is followed); `loopback`: the listener is for this machine
    alone, so a `Host` that is not this machine's name is a trick (DNS rebinding), unless a proxy of ours brings it.
    """
    request = arrival.request
    if request.method not in methods:
        raise Turned(405, "MethodNotAllowed", f"Use {' or '.join(methods)} here.")
    host = request.headers.get("host") or ""
    if loopback and is_local(arrival.source_ip) and not _is_this_machine(host_name(host)):
        raise Turned(403, "WrongHost", "This listener is for this machine only: use 127.0.0.1 or localhost.")
    if not from_page:
        return
    origin = request.headers.get("origin")
    if origin is not None and origin.lower() != f"{'https' if arrival.secure else 'http'}://{host}".lower():
        raise Turned(403, "WrongOrigin", "Pages of other origins cannot sign anybody in.")
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Turned(403, "WrongOrigin", "Pages of other origins cannot sign anybody in.")


def require_json(arrival: Arrival) -> None:
    """Raise `Turned` unless the body is JSON: a plain form of another origin cannot send that."""
    kind = (arrival.request.headers.get("content-type") or "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Turned(415, "UnsupportedMediaType", "Send JSON, with Content-Type: application/json.")


def _is_this_machine(name: str) -> bool:
    return name == "localhost" or name.endswith(".localhost") or is_local(name.strip("[]"))
