"""Who works for whole organizations and changes with them: told inside the transaction of the deed, so that both are there or neither."""

from __future__ import annotations

from typing import Protocol

from sqlalchemy import Connection


class Companion(Protocol):
    """Changes what is its own, within the transaction of `connection`, in which the deed is done already."""

    def joined(self, connection: Connection, organization_id: str, account_id: str) -> None:
        """The account is a member now."""

    def departed(self, connection: Connection, organization_id: str, account_id: str) -> None:
        """The account is a member no longer. The management account departs when the organization is deleted, as the last one."""

    def distrusted(self, connection: Connection, organization_id: str, service_principal: str) -> None:
        """The organization trusts the service no longer."""
