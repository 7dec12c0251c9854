"""EnableFederation and DisableFederation: what is wanted is noted here, in one transaction, and carried out by the lake's keeper.

Blocking and thread-safe; the faults are those of the reference of Lake, §8.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy.engine import Connection

from opentrail.lake.event_data_store import EventDataStore
from opentrail.lake.faults import (
    AccessDeniedException,
    ConcurrentModificationException,
    EventDataStoreFederationEnabledException,
    InvalidParameterException,
)
from opentrail.lake.federation.statuses import DISABLED, DISABLING, ENABLED, ENABLING
from opentrail.lake.stores import store
from opentrail.lake.stores.control import EventDataStores

LONGEST_ROLE: Final = 125
"""Characters of FederationRoleArn."""
LAKE_FORMATION: Final = "lakeformation.amazonaws.com"
"""Who must be able to assume the role."""
_ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):role/[\w+=,.@/-]+", re.ASCII)

Trust = Callable[[str, str, str, str], bool | None]
"""Whether a role (account, ARN) lets a service assume it for a resource (its ARN); `None` when there is no such role."""


class Federations:
    """What is wanted of the federation of stores."""

    def __init__(self, stores: EventDataStores, trusts: Trust) -> None:
        self._stores = stores
        self._trusts = trusts

    def enable(self, account_id: str, region: str, given: str, role_arn: str) -> EventDataStore:
        """Note that the store is to be shown, under this role (`ENABLING`).

        Raises, in this order, what `Finding.active_to_change` raises; `EventDataStoreFederationEnabledException`,
        `ConcurrentModificationException` while it is being disabled; `InvalidParameterException` for what is not a role of the account;
        `AccessDeniedException` where the role does not let Lake Formation assume it.
        """
        with self._stores.database.read() as connection:
            arn = self._found(connection, account_id, region, given, wanted=ENABLED).arn
        self._check_role(account_id, role_arn, arn)
        with self._stores.changing() as connection:
            found = self._found(connection, account_id, region, given, wanted=ENABLED)
            return self._noted(connection, found.id, {"federation_status": ENABLING, "federation_role_arn": role_arn})

    def disable(self, account_id: str, region: str, given: str) -> EventDataStore:
        """Note that the store is to be shown no longer (`DISABLING`). Its events stay.

        Raises what `Finding.active_to_change` raises; `InvalidParameterException` where it is not federated,
        `ConcurrentModificationException` while it is being disabled.
        """
        with self._stores.changing() as connection:
            found = self._found(connection, account_id, region, given, wanted=DISABLED)
            return self._noted(connection, found.id, {"federation_status": DISABLING})

    def _found(self, connection: Connection, account_id: str, region: str, given: str, *, wanted: str) -> EventDataStore:
        found = self._stores.finding.active_to_change(connection, account_id, region, given)
        status = found.federation_status or DISABLED
        if status == DISABLING:
            raise ConcurrentModificationException(f"Federation of {found.arn} is being disabled. Try again in a moment.")
        if wanted == ENABLED and status != DISABLED:
            raise EventDataStoreFederationEnabledException(f"Lake query federation is enabled for {found.arn} already: disable it first.")
        if wanted == DISABLED and status == DISABLED:
            raise InvalidParameterException(f"Lake query federation is not enabled for {found.arn}.")
        return found

    def _noted(self, connection: Connection, store_id: str, values: dict[str, Any]) -> EventDataStore:
        store.change(connection, store_id, {**values, "updated_timestamp": self._stores.clock.time()})
        return self._stores.present(connection, store_id)

    def _check_role(self, account_id: str, role_arn: str, store_arn: str) -> None:
        match = _ROLE.fullmatch(role_arn)
        if len(role_arn) > LONGEST_ROLE or match is None:
            raise InvalidParameterException(
                f"FederationRoleArn is not the ARN of a role with at most {LONGEST_ROLE} characters: give arn:aws:iam::ACCOUNT:role/NAME."
            )
        if match[1] != account_id:
            raise InvalidParameterException(f"The role {role_arn} is in another account: give one of the account {account_id}.")
        trusted = self._trusts(account_id, role_arn, LAKE_FORMATION, store_arn)
        if trusted is None:
            raise InvalidParameterException(f"There is no role {role_arn}.")
        if not trusted:
            raise AccessDeniedException(
                f"The trust policy of {role_arn} does not let {LAKE_FORMATION} assume it: allow it sts:AssumeRole there."
            )
