"""Names of queues, and what they are called by: ARN and URL. Pure.

A queue URL is `<endpoint>/<account>/<name>`. Only its path counts: one server is reached by many names, so the host is not looked at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from opentrail.messaging.queues.faults import InvalidParameterValue

FIFO = ".fifo"
"""How the name of every FIFO queue ends, and of no other."""
MAX_URL = 2048
"""Characters of a URL that are looked at."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}\Z")
_FIFO_NAME = re.compile(r"[A-Za-z0-9_-]{1,75}\.fifo\Z")
_ACCOUNT = re.compile(r"[0-9]{12}\Z")
_ARN = re.compile(r"arn:(?P<partition>aws[a-z-]*):sqs:(?P<region>[a-z0-9-]{1,64}):(?P<account>[0-9]{12}):(?P<name>[A-Za-z0-9_.-]{1,80})\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a queue is, or would be."""

    account_id: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        return f"arn:aws:sqs:{self.region}:{self.account_id}:{self.name}"


def check_name(name: str, *, fifo: bool) -> None:
    """Raises `InvalidParameterValue` for what cannot be the name of a new queue of this kind."""
    if fifo and not _FIFO_NAME.match(name):
        raise InvalidParameterValue(
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be "
            "1 to 80 in length."
        )
    if not fifo and not _NAME.match(name):
        raise InvalidParameterValue("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")


def is_name(name: str) -> bool:
    """Whether a queue of either kind can be called so."""
    return bool(_NAME.match(name) or _FIFO_NAME.match(name))


def of_url(url: str, account_id: str, region: str) -> Place | None:
    """The queue that a URL (or its path) ends in; one that ends in a bare name is of `account_id`. `None`: no queue is called so."""
    try:
        path = unquote(urlsplit(url[:MAX_URL]).path)
    except ValueError:
        return None
    parts = path.rstrip("/").split("/")
    name = parts[-1]
    owner = parts[-2] if len(parts) > 1 and parts[-2] else account_id
    return Place(account_id=owner, region=region, name=name) if is_name(name) and _ACCOUNT.match(owner) else None


def of_arn(arn: str) -> Place | None:
    """The queue of an ARN; `None` when it is none of a queue."""
    found = _ARN.match(arn)
    if found is None or not is_name(found["name"]):
        return None
    return Place(account_id=found["account"], region=found["region"], name=found["name"])


def url(endpoint: str, account_id: str, name: str) -> str:
    """The URL of a queue below `endpoint` (`http://127.0.0.1:4747`)."""
    return f"{endpoint}/{account_id}/{name}"
