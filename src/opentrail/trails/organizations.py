"""What a trail has to know of organizations; `server/` gives what knows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy.engine import Connection


class Membership(Protocol):
    """The organization that an account is in."""

    @property
    def organization_id(self) -> str: ...
    @property
    def management_account_id(self) -> str: ...
    @property
    def feature_set(self) -> str: ...
    @property
    def account_ids(self) -> Sequence[str]: ...


class Organizations(Protocol):
    """What has to be known of organizations, within the transaction of `connection`."""

    def of(self, connection: Connection, account_id: str) -> Membership | None:
        """The organization of an account, `None` outside of organizations."""

    def trusts(self, connection: Connection, account_id: str, service_principal: str) -> bool:
        """Whether the organization of an account trusts a service."""

    def is_delegated(self, connection: Connection, account_id: str, service_principal: str) -> bool:
        """Whether an account is a delegated administrator of a service."""


class NoOrganizations:
    """No account is in any organization."""

    def of(self, connection: Connection, account_id: str) -> Membership | None:
        return None

    def trusts(self, connection: Connection, account_id: str, service_principal: str) -> bool:
        return False

    def is_delegated(self, connection: Connection, account_id: str, service_principal: str) -> bool:
        return False
