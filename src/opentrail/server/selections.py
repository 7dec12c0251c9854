"""Who selects data events and network activity events: trails, and event data stores."""

from __future__ import annotations

from opentrail.api.recording import Selection


class Selections:
    """Several selections as one: somebody wants an event when any of them does."""

    def __init__(self, *selections: Selection) -> None:
        self._selections = selections

    def may(self, category: str, source: str, name: str) -> bool:
        """Whether anybody could want an event of this category, source and name."""
        return any(one.may(category, source, name) for one in self._selections)

    def may_in(self, account_id: str, category: str, source: str, name: str) -> bool:
        """The same in one account."""
        return any(one.may_in(account_id, category, source, name) for one in self._selections)

    def takes(self, account_id: str, record: bytes) -> bool:
        """Whether somebody takes this record of the account."""
        return any(one.takes(account_id, record) for one in self._selections)
