"""The file that vouches for delivered results, made when the query has finished and before anything is delivered.

The pair that signs is made, where there is none yet, before the time that the file names as the end of the query: whoever verifies looks
for a key that was valid at that time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from opentrail.clock import Clock
from opentrail.lake.queries import places
from opentrail.lake.queries.query import Query

log = logging.getLogger("opentrail.lake")

Vouch = Callable[[Sequence[str]], bytes | None]
"""Hashes of the parts → the file; `None` when nothing can be signed at the moment."""


class Keys(Protocol):
    """`signing.SigningKeys`, as far as it is needed."""

    def current(self, region: str) -> object:
        """The pair of `region` that signs now; made if there is none."""

    def sign(self, region: str, message: bytes) -> tuple[str, bytes]:
        """Fingerprint of the current pair, and its signature of `message`."""


class Vouching:
    """Signs for the Region of each query."""

    def __init__(self, keys: Keys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def of(self, query: Query) -> Vouch:
        """What signs the parts of `query`."""

        def vouch(hashes: Sequence[str]) -> bytes | None:
            try:
                self._keys.current(query.region)
                completed = self._clock.time()
                fingerprint, signature = self._keys.sign(query.region, places.to_sign(hashes))
            except Exception:
                log.exception("the results of query %s could not be signed", query.id)
                return None
            return places.sign_document(
                region=query.region, hashes=hashes, completed=completed, signature=signature, fingerprint=fingerprint
            )

        return vouch
