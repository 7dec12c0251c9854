"""AWS calls over plain connections: what `opentrail validate` needs of S3 and CloudTrail, without the start-up and the cost of botocore.

Failures are told in botocore's words, which people know and search for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import orjson

from opentrail import __version__
from opentrail.cli.failures import CallFailed
from opentrail.cli.line import BrokenOff, Line, NotHTTP, Received, Unreachable, tls
from opentrail.cli.reach import Connection
from opentrail.wire import sigv4, xmltree
from opentrail.wire.http import Headers, Request
from opentrail.wire.malformed import Malformed

ATTEMPTS = 2
_PASSING = (500, 502, 503, 504)
"""Statuses after which a call is tried again."""
_CLOUDTRAIL = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101"
_ORGANIZATIONS = "AWSOrganizationsV20161128"


class Refused(CallFailed):
    """The server answered with a fault."""

    def __init__(self, operation: str, code: str, message: str) -> None:
        super().__init__(f"An error occurred ({code}) when calling the {operation} operation: {message}")
        self.code = code


class Caller:
    """Signs and sends. Any thread may use it; each has a connection of its own."""

    def __init__(self, connection: Connection) -> None:
        """Raises `CallFailed` for an endpoint that is no URL, and where no keys are found."""
        self._connection = connection
        self._endpoint = connection.endpoint.rstrip("/")
        try:
            parts = urlsplit(self._endpoint)
            port = parts.port
        except ValueError as error:
            raise CallFailed(f"Invalid endpoint: {connection.endpoint}") from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise CallFailed(f"Invalid endpoint: {connection.endpoint}")
        self._secure = parts.scheme == "https"
        self._host = parts.hostname
        self._port = port or (443 if self._secure else 80)
        self._authority = parts.netloc.rpartition("@")[2]
        self._path = parts.path
        self._tls = tls(connection.ca_bundle) if self._secure else None
        self._keys = connection.keys()
        self._own = threading.local()
        self._lines: list[Line] = []

    def close(self) -> None:
        """Hang up; after the last call."""
        for line in self._lines:
            line.close()

    def cloudtrail(self, operation: str, parameters: Mapping[str, Any], region: str) -> dict[str, Any]:
        """The result of a CloudTrail operation. Raises `CallFailed`."""
        return self._json("cloudtrail", _CLOUDTRAIL, operation, parameters, region, {})[0]

    def cloudtrail_told(
        self, operation: str, parameters: Mapping[str, Any], region: str, more: Mapping[str, str]
    ) -> tuple[dict[str, Any], Mapping[str, str]]:
        """The same, called with further headers; the headers of the answer too, their names in lower case."""
        return self._json("cloudtrail", _CLOUDTRAIL, operation, parameters, region, more)

    def organizations(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The result of an operation of Organizations. Raises `CallFailed`."""
        return self._json("organizations", _ORGANIZATIONS, operation, parameters, "us-east-1", {})[0]

    def _json(
        self, service: str, target: str, operation: str, parameters: Mapping[str, Any], region: str, more: Mapping[str, str]
    ) -> tuple[dict[str, Any], Mapping[str, str]]:
        headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", f"{target}.{operation}"), *more.items()]
        received = self._call("POST", "/", "", headers, orjson.dumps(parameters), service, region)
        try:
            found = orjson.loads(received.body)
        except orjson.JSONDecodeError:
            found = None
        if received.status == 200 and isinstance(found, dict):
            return found, received.headers
        if received.status == 200 or not isinstance(found, dict) or "__type" not in found:
            raise self._strange(operation, received)
        raise Refused(operation, str(found["__type"]).rpartition("#")[2], str(found.get("message") or found.get("Message") or ""))

    def s3(self, operation: str, path: str, query: Mapping[str, str] = {}) -> Received:
        """The answer to a GET of `/bucket` or `/bucket/key` (not encoded). Raises `CallFailed`."""
        text = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
        received = self._call("GET", quote(path, safe="/~"), text, [], b"", "s3", self._connection.region)
        if received.status == 200:
            return received
        try:
            error = xmltree.read(received.body)
        except Malformed:
            raise self._strange(operation, received) from None
        code, message = error.first("Code"), error.first("Message")
        if error.name != "Error" or code is None:
            raise self._strange(operation, received)
        raise Refused(operation, code.text, message.text if message is not None else "")

    def _call(
        self, method: str, path: str, query: str, headers: list[tuple[str, str]], body: bytes, signing_name: str, region: str
    ) -> Received:
        line = getattr(self._own, "line", None)
        if line is None:
            line = self._own.line = Line(self._host, self._port, tls=self._tls)
            self._lines.append(line)
        url = f"{self._endpoint}{path}"
        left = ATTEMPTS
        while True:
            left -= 1
            try:
                received = line.exchange(self._signed(method, path, query, headers, body, signing_name, region))
            except Unreachable as error:
                raise CallFailed(f'Could not connect to the endpoint URL: "{url}" ({error})') from error
            except NotHTTP as error:
                raise CallFailed(f'What answers at the endpoint URL "{url}" does not speak HTTP: {error}') from error
            except BrokenOff as error:
                if not left:
                    raise CallFailed(f'Connection was closed before we received a valid response from endpoint URL: "{url}".') from error
            else:
                if not left or received.status not in _PASSING:
                    return received
            time.sleep(0.2)

    def _signed(
        self, method: str, path: str, query: str, headers: list[tuple[str, str]], body: bytes, signing_name: str, region: str
    ) -> bytes:
        keys = self._keys()
        common = [("host", self._authority), ("user-agent", f"opentrail-cli/{__version__}")]
        request = sigv4.sign(
            Request(method=method, path=self._path + path, query=query, headers=Headers([*common, *headers]), body=body),
            access_key_id=keys.access_key_id,
            secret_access_key=keys.secret_access_key,
            session_token=keys.session_token,
            region=region,
            signing_name=signing_name,
            now=time.time(),
        )
        target = f"{request.path}?{request.query}" if request.query else request.path
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in request.headers)]
        if body:
            lines.append(f"content-length: {len(body)}")
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body

    def _strange(self, operation: str, received: Received) -> CallFailed:
        return CallFailed(f"{self._endpoint} does not answer {operation} as AWS would (HTTP status {received.status}); is it OpenTrail?")
