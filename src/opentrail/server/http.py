"""uvicorn's HTTP protocol with a bound on the head of a request.

uvicorn keeps header lines until the head is complete, however many come. A stranger must not fill our memory with them.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_REFUSAL = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>RequestHeaderSectionTooLarge</Code>'
    b"<Message>Your request header and query parameters used to make the request exceed the maximum allowed size.</Message></Error>"
)


def bounded_protocol(max_head: int) -> type[HttpToolsProtocol]:
    """The protocol class for `uvicorn.Config(http=…)`: heads beyond `max_head` bytes are answered with 431 and the connection is closed."""

    class BoundedHttp(HttpToolsProtocol):
        _head_open = True
        _head_bytes = 0

        def on_message_begin(self) -> None:
            self._head_open = True
            self._head_bytes = 0
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            self._head_open = False
            super().on_headers_complete()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if not self._head_open or self.transport.is_closing():
                return
            self._head_bytes += len(data)
            if self._head_bytes > max_head:
                self._refuse()

        def _refuse(self) -> None:
            head = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/xml\r\nconnection: close\r\n"
            self.transport.write(head + b"content-length: %d\r\n\r\n" % len(_REFUSAL) + _REFUSAL)
            self.transport.close()

        # A request to become a WebSocket is an ordinary request here.
        def _should_upgrade_to_ws(self) -> bool:
            return False

    made: type[Any] = BoundedHttp
    return made
