"""Endpoints: where a subscription's messages go, and what can be one for each protocol. Pure."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from opentrail.messaging.topics import names
from opentrail.messaging.topics.faults import InvalidParameterException, invalid

PROTOCOLS: Final = ("http", "https", "email", "email-json", "sms", "sqs")
UNSERVED: Final = ("application", "firehose", "lambda")
CHAT: Final = "@chat.opentrail"
"""End of the mail addresses that stand for the chat channels of the settings."""

_ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*")
_PHONE: Final = re.compile(r"\+[1-9][0-9]{1,14}")
_SECRET: Final = re.compile(r"^(https?://[^/@:]*):[^/@]*@")


def check(protocol: str, endpoint: str) -> None:
    """Whether `endpoint` can be subscribed by `protocol`. Raises `InvalidParameter`."""
    if protocol in UNSERVED:
        raise InvalidParameterException(
            f"Invalid parameter: Protocol Reason: OpenTrail does not deliver to {protocol}. It delivers to {', '.join(PROTOCOLS)}."
        )
    if protocol not in PROTOCOLS:
        raise invalid(f"Amazon SNS does not support this protocol string: {protocol[:100]}")
    if protocol in ("http", "https"):
        _check_url(protocol, endpoint)
    elif protocol == "sqs" and names.queue(endpoint) is None:
        raise invalid("SQS endpoint ARN Reason: the ARN of a standard queue is expected: arn:aws:sqs:REGION:ACCOUNT:NAME")
    elif protocol == "sms" and not _PHONE.fullmatch(endpoint):
        raise invalid(f"Invalid SMS endpoint: {endpoint[:100]}")
    elif protocol in ("email", "email-json") and (not _ADDRESS.fullmatch(endpoint) or len(endpoint) > 254):
        raise invalid("Email address")


def shown(endpoint: str) -> str:
    """An endpoint as it is told to people: without the password that a URL may hold."""
    return _SECRET.sub(r"\1:****@", endpoint)


def _check_url(protocol: str, endpoint: str) -> None:
    wrong = invalid(f"Endpoint must match the specified protocol: {protocol}://HOST[:PORT][/PATH]")
    if not endpoint.startswith(f"{protocol}://") or len(endpoint) > 2048 or not endpoint.isascii() or not endpoint.isprintable():
        raise wrong
    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError:
        raise wrong from None
    if not parts.hostname or " " in endpoint or port == 0:
        raise wrong
