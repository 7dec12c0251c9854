"""GET over HTTP(S) for feeds: bounded, without redirects (a token goes where it was meant to go, and nowhere else)."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from typing import Any, Final

from opentrail import __version__
from opentrail.lake.integrations.feeds import Ask, FeedTrouble, Told

PATIENCE: Final = 60.0
"""Seconds that a source may take to answer."""
MAX_BODY: Final = 64 << 20
"""Bytes of one answer."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class Fetch:
    """Fetches. Thread-safe."""

    def __init__(self, *, trust: ssl.SSLContext | None = None, patience: float = PATIENCE) -> None:
        https = urllib.request.HTTPSHandler(context=trust or ssl.create_default_context())
        self._opener = urllib.request.build_opener(_NoRedirects, https)
        self._patience = patience

    def __call__(self, ask: Ask) -> Told:
        """The answer, whatever its status. Raises `FeedTrouble` when there is none."""
        request = urllib.request.Request(ask.url, headers={**ask.headers, "user-agent": f"opentrail/{__version__}"})
        try:
            try:
                answer = self._opener.open(request, timeout=self._patience)
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                body = answer.read(MAX_BODY + 1)
                headers = {name.lower(): value for name, value in answer.headers.items()}
                status = int(answer.status or 0)
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise FeedTrouble(f"The source cannot be reached: {reason}.") from None
        if len(body) > MAX_BODY:
            raise FeedTrouble(f"The source answered with more than {MAX_BODY} bytes.")
        return Told(status, headers, body)
