"""The certificate with which subscribers check the signatures of messages: a page that anybody may read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from opentrail.messaging.topics.envelopes import certificate_path
from opentrail.messaging.topics.signing import MessageSigner
from opentrail.wire.http import Response


def certificate_pages(signer: MessageSigner) -> Mapping[str, Callable[[], Awaitable[Response]]]:
    """The page, for `asgi.Application`."""

    async def page() -> Response:
        return Response(status=200, headers=(("content-type", "application/x-pem-file"),), body=signer.certificate)

    return {certificate_path(signer): page}
