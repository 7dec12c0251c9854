"""What Organizations reports by itself, in the management account: results of requests, accounts that come and go.

Each event is put into the outbox, and the companions are told, in the transaction of the deed, so after a crash all is there or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import Connection

from opentrail.clock import iso_seconds
from opentrail.events.service_event import ServiceEvent
from opentrail.identity.organizations.companions import Companion
from opentrail.identity.organizations.tree import Organization
from opentrail.storage.outbox import Outbox

REGION = "us-east-1"
"""Where the events of this global service are recorded (reference of trails, §5)."""

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"


class Events:
    """Leaves the service events of Organizations in the outbox, and tells the `companions` of what concerns them."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self.companions: list[Companion] = []
        """In the order in which they are told."""

    def create_account_result(self, connection: Connection, organization: Organization, status: Mapping[str, Any], now: float) -> None:
        """`status`: id, state and account id or failure reason, as the record spells them; the name is never recorded."""
        details = {
            "createAccountStatus": {
                **status,
                "accountName": HIDDEN,
                "requestedTimestamp": iso_seconds(now),
                "completedTimestamp": iso_seconds(now),
            }
        }
        self._put(connection, organization, "CreateAccountResult", details, now)

    def close_account_result(self, connection: Connection, organization: Organization, account_id: str, now: float) -> None:
        """The account has been closed."""
        details = {
            "closeAccountStatus": {
                "accountId": account_id,
                "state": "SUCCEEDED",
                "requestedTimestamp": iso_seconds(now),
                "completedTimestamp": iso_seconds(now),
            }
        }
        self._put(connection, organization, "CloseAccountResult", details, now)

    def joined(
        self, connection: Connection, organization: Organization, account_id: str, method: Literal["CREATED", "INVITED"], now: float
    ) -> None:
        """The account is a member from now on."""
        details = {"accountId": account_id, "joinedMethod": method, "joinedTime": iso_seconds(now)}
        self._put(connection, organization, "AccountJoinedOrganization", details, now)
        for companion in self.companions:
            companion.joined(connection, organization.id, account_id)

    def departed(
        self, connection: Connection, organization: Organization, account_id: str, method: Literal["LEFT", "REMOVED", "CLEANED"], now: float
    ) -> None:
        """The account is a member no longer; `CLEANED`: it was closed long enough ago."""
        details = {"accountId": account_id, "departureMethod": method, "departureTime": iso_seconds(now)}
        self._put(connection, organization, "AccountDepartedOrganization", details, now)
        for companion in self.companions:
            companion.departed(connection, organization.id, account_id)

    def distrusted(self, connection: Connection, organization: Organization, service_principal: str) -> None:
        """The organization trusts the service no longer, of which the record of the call tells."""
        for companion in self.companions:
            companion.distrusted(connection, organization.id, service_principal)

    def _put(self, connection: Connection, organization: Organization, name: str, details: Mapping[str, Any], now: float) -> None:
        event = ServiceEvent(
            event_source="organizations.amazonaws.com",
            event_name=name,
            account_id=organization.management_account_id,
            region=REGION,
            time=now,
            details=details,
        )
        self._outbox.put(connection, event)
