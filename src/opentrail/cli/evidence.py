"""What `opentrail validate` asks for, whoever answers: a server's API (`served`), or the data folder in place (`local`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from opentrail.trails.stretch import Known
from opentrail.trails.validate import Source


@dataclass(frozen=True, kw_only=True)
class TrailFacts:
    """What has to be known of a trail to check it."""

    bucket: str
    prefix: str | None
    home_region: str
    is_multi_region: bool
    organization_id: str | None
    """The organization whose accounts it serves."""
    logs_since: float | None
    """Since when it is logging and validated, so that digests must go on to the present; `None` when it is not."""


class Evidence(Protocol):
    """Where trail, objects and keys are read."""

    @property
    def source(self) -> Source: ...
    @property
    def digest_interval(self) -> float | None: ...
    def workers(self, bucket: str, log_folder: str) -> int:
        """How many threads had best read the log files."""

    def trail(self, arn: str) -> TrailFacts | None:
        """The trail as it is set up now, or `None`."""

    def known(self, arn: str, account_id: str, region: str, start: int, end: int) -> Known | None:
        """What is known of the digests of the account in a Region, of a time range; `None` where nothing is."""

    def public_keys(self, region: str) -> Callable[[int, int], Mapping[str, bytes]]:
        """ListPublicKeys of `region`: keys by fingerprint for a time range."""

    def member_since(self, arn: str, account_id: str) -> float | None:
        """Since when the organization trail serves an account that does not own it; `None` when it does not, or nobody may tell."""

    def folders(self, bucket: str, prefix: str) -> tuple[str, ...]:
        """The names between `prefix`, which ends with `/`, and the next `/` of the keys below it."""

    def close(self) -> None:
        """Give back connections and files."""
