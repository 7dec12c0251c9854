"""One PutAuditEvents, and what its answer means for each event."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from opentrail.clock import Clock
from opentrail.errors import OpenTrailError
from opentrail.events import activity
from opentrail.middleware.event import Written
from opentrail.middleware.settings import AuditSettings
from opentrail.wire import sigv4
from opentrail.wire.http import Headers, Request

MAX_ANSWER = 4 << 20
"""Bytes of an answer that are read."""

AGAIN = frozenset({"Throttling", "InternalFailure", "AccountNotSubscribed"})
"""Errors of single events that pass."""

CONTENT = frozenset({"ValidationException", "SerializationException", "DuplicatedAuditEventId", "RequestEntityTooLarge", "RequestTooLarge"})
"""Errors of whole requests that lie in what was sent. All others are about the way: keys, permission, channel, load."""


class Unavailable(OpenTrailError):
    """OpenTrail did not take the events; they may be sent again later."""


class Unfit(OpenTrailError):
    """OpenTrail refused a whole request for what is in it; fewer events at a time may be taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of the events of one request, by their ids."""

    taken: frozenset[str]
    refused: Mapping[str, str] = field(default_factory=dict)
    """For good, and why."""


class Door(Protocol):
    """Where the sender puts events: `PutAuditEvents`, or a simulator."""

    def send(self, events: Sequence[Written]) -> Outcome:
        """Send at most 100 events. What is neither taken nor refused may be sent again. Raises `Unavailable`, `Unfit`."""

    def close(self) -> None:
        """Hang up."""

    def abandon(self) -> None:
        """Forget the connection without a word: after a fork it is the parent's."""


class PutAuditEvents:
    """The real one, over a connection that is kept. For one thread at a time."""

    def __init__(self, settings: AuditSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._account_id = settings.account_id
        parts = urlsplit(settings.endpoint)
        self._tls = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port
        self._authority = parts.netloc.rpartition("@")[2]
        self._base = parts.path.rstrip("/")
        self._connection: http.client.HTTPConnection | None = None

    def send(self, events: Sequence[Written]) -> Outcome:
        account_id = self._account()
        body = json.dumps(
            {"auditEvents": [{"id": event.id, "eventData": event.complete(account_id)} for event in events]},
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode()
        query = f"channelArn={quote(self._settings.channel, safe='')}"
        if self._settings.external_id is not None:
            query += f"&externalId={quote(self._settings.external_id, safe='')}"
        answer = self._call("cloudtrail-data", "/PutAuditEvents", query, "application/json", body)
        return _outcome(answer, events)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def abandon(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and connection.sock is not None:
            with contextlib.suppress(OSError):
                connection.sock.close()

    def _account(self) -> str:
        """The account whose channel it is. Asked once."""
        if self._account_id is None:
            body = b"Action=GetCallerIdentity&Version=2011-06-15"
            answer = self._call("sts", "/", "", "application/x-www-form-urlencoded; charset=utf-8", body)
            found = re.search(rb"<Account>(\d{12})</Account>", answer)
            if found is None:
                raise Unavailable("sts GetCallerIdentity does not tell the account: give account_id= or AWS_ACCOUNT_ID.")
            self._account_id = found[1].decode()
        return self._account_id

    def _call(self, service: str, path: str, query: str, content_type: str, body: bytes) -> bytes:
        """The body of a good answer. Raises `Unavailable`, `Unfit`."""
        try:
            keys = self._settings.current_keys()
        except Exception as error:
            raise Unavailable(f"The keys cannot be had: {type(error).__name__}.") from error
        request = sigv4.sign(
            Request(
                method="POST",
                path=self._base + path,
                query=query,
                headers=Headers((("host", self._authority), ("content-type", content_type), ("content-length", str(len(body))))),
                body=body,
            ),
            access_key_id=keys.access_key_id,
            secret_access_key=keys.secret_access_key,
            session_token=keys.session_token,
            region=self._settings.region,
            signing_name=service,
            now=self._clock.time(),
        )
        try:
            status, error_type, answer = self._exchange(request)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise Unavailable(f"{self._settings.endpoint} cannot be reached: {error or type(error).__name__}") from error
        if status == 200:
            return answer
        code = _code(error_type, answer)
        told = f"{self._settings.endpoint} answered {status} {code}"
        if status == 413 or (400 <= status < 500 and code in CONTENT):
            raise Unfit(told)
        raise Unavailable(told)

    def _exchange(self, request: Request) -> tuple[int, str, bytes]:
        if self._connection is not None:
            with contextlib.suppress(OSError, http.client.HTTPException):  # it was kept, and may have been closed at the other end
                return self._exchange_on(self._connection, request)
            self.close()
        kind = http.client.HTTPSConnection if self._tls else http.client.HTTPConnection
        self._connection = kind(self._host, self._port, timeout=self._settings.timeout)
        return self._exchange_on(self._connection, request)

    def _exchange_on(self, connection: http.client.HTTPConnection, request: Request) -> tuple[int, str, bytes]:
        target = f"{request.path}?{request.query}" if request.query else request.path
        connection.request(request.method, target, body=request.body, headers=dict(request.headers))
        response = connection.getresponse()
        body = response.read(MAX_ANSWER)
        if not response.isclosed():  # longer than anything OpenTrail says
            self.close()
        return response.status, response.getheader("x-amzn-errortype", ""), body


def _outcome(answer: bytes, events: Sequence[Written]) -> Outcome:
    try:
        told: Any = json.loads(answer)
        taken = frozenset(item["id"] for item in told["successful"])
        failed = {item["id"]: str(item["errorCode"]) for item in told["failed"]}
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Unavailable("What answers is no PutAuditEvents.") from error
    ours = {event.id for event in events}
    return Outcome(taken=taken & ours, refused={name: code for name, code in failed.items() if name in ours and code not in AGAIN})


def _code(error_type: str, answer: bytes) -> str:
    """The error's code; nothing else of an answer is repeated in a log."""
    if not error_type:
        try:
            told = json.loads(answer)
            error_type = str(told.get("__type") or told.get("code") or "") if isinstance(told, dict) else ""
        except (ValueError, RecursionError):
            found = re.search(rb"<Code>([A-Za-z.]{1,128})</Code>", answer[:4096])
            error_type = found[1].decode() if found else ""
    return re.sub(r"[^A-Za-z0-9.]", "", error_type.partition(":")[0].rpartition("#")[2])[:128]


MOST_EVENTS = activity.MAX_EVENTS
MOST_BYTES = activity.MAX_REQUEST * 3 // 4
"""Bytes of `eventData` that go into one request: quotes are escaped on the way, and an entry has an id."""
