"""The operations on event data stores: wire members to settings and back (reference of Lake, §1.1, §2)."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from opentrail.api.call import Call, Handler, Need
from opentrail.api.cloudtrail.lake_needs import LakeNeeds
from opentrail.api.cloudtrail.organization_access import OrganizationAccess
from opentrail.lake.event_data_store import EventDataStore
from opentrail.lake.faults import InvalidMaxResultsException, InvalidNextTokenException
from opentrail.lake.stores.control import EventDataStores, Wanted
from opentrail.trails import tags

MOST_RESULTS: Final = 1000
PARTITION_KEYS: Final = ({"Name": "eventtime", "Type": "timestamp"},)
"""By what the events of a store lie together on the disk."""

_OWN = {
    "Name": "name",
    "AdvancedEventSelectors": "advanced_event_selectors",
    "MultiRegionEnabled": "multi_region_enabled",
    "OrganizationEnabled": "organization_enabled",
    "RetentionPeriod": "retention_period",
    "TerminationProtectionEnabled": "termination_protection_enabled",
    "KmsKeyId": "kms_key_id",
    "BillingMode": "billing_mode",
}


class EventDataStoreOperations:
    """CreateEventDataStore … StopEventDataStoreIngestion."""

    def __init__(self, stores: EventDataStores, needs: LakeNeeds, access: OrganizationAccess) -> None:
        """`access` sees to what the organization must let CloudTrail do."""
        self._stores = stores
        self._needs = needs
        self._access = access
        self.operations: Mapping[str, Handler] = {
            "CreateEventDataStore": self.create,
            "GetEventDataStore": self.get,
            "UpdateEventDataStore": self.update,
            "ListEventDataStores": self.list,
            "DeleteEventDataStore": self.delete,
            "RestoreEventDataStore": self.restore,
            "StartEventDataStoreIngestion": self.start,
            "StopEventDataStoreIngestion": self.stop,
        }

    def needs(self, call: Call) -> Sequence[Need]:
        """The action on the store that is meant; a new one has no id yet."""
        action = f"cloudtrail:{call.operation}"
        if call.operation == "ListEventDataStores":
            return [Need(action=action)]
        if call.operation == "CreateEventDataStore":
            return self._needs.of_new(call, "eventdatastore", self._needs.owner_of_new(call))
        return [self._needs.of_store(call, action, call.parameters["EventDataStore"])]

    def create(self, call: Call) -> Mapping[str, Any]:
        given = call.parameters
        tagged = {key: value or "" for key, value in tags.checked(given.get("TagsList") or ()).items()}
        if given.get("OrganizationEnabled"):
            self._prepare(call)
        start = given.get("StartIngestion") is not False
        made = self._stores.create(call.account_id, call.region, _wanted(given), tagged, start_ingestion=start)
        return {**_settings(made), "TagsList": [{"Key": key, "Value": value} for key, value in made.tags.items()]}

    def get(self, call: Call) -> Mapping[str, Any]:
        found = self._stores.get(call.account_id, call.region, call.parameters["EventDataStore"])
        return {**_settings(found), **_federation(found), "PartitionKeys": list(PARTITION_KEYS)}

    def update(self, call: Call) -> Mapping[str, Any]:
        given = call.parameters
        if given.get("OrganizationEnabled"):
            found = self._stores.get(call.account_id, call.region, given["EventDataStore"])
            if not found.organization_enabled:
                self._prepare(call)
        changed = self._stores.update(call.account_id, call.region, given["EventDataStore"], _wanted(given))
        return {**_settings(changed), **_federation(changed)}

    def list(self, call: Call) -> Mapping[str, Any]:
        size = call.parameters.get("MaxResults") or MOST_RESULTS
        if not 1 <= size <= MOST_RESULTS or call.parameters.get("MaxResults") == 0:
            raise InvalidMaxResultsException(f"MaxResults must be between 1 and {MOST_RESULTS}.")
        token = call.parameters.get("NextToken")
        found = self._stores.list(call.account_id, call.region, after=_read(token, call) if token else 0)
        shown = found[:size]
        answer: dict[str, Any] = {"EventDataStores": [{"EventDataStoreArn": one.arn, "Name": one.name} for _, one in shown]}
        if len(found) > size:
            answer["NextToken"] = urlsafe_b64encode(f"{call.account_id}/{call.region}/{shown[-1][0]}".encode()).decode()
        return answer

    def delete(self, call: Call) -> Mapping[str, Any]:
        self._stores.delete(call.account_id, call.region, call.parameters["EventDataStore"])
        return {}

    def restore(self, call: Call) -> Mapping[str, Any]:
        return _settings(self._stores.restore(call.account_id, call.region, call.parameters["EventDataStore"]))

    def start(self, call: Call) -> Mapping[str, Any]:
        self._stores.start_ingestion(call.account_id, call.region, call.parameters["EventDataStore"])
        return {}

    def stop(self, call: Call) -> Mapping[str, Any]:
        self._stores.stop_ingestion(call.account_id, call.region, call.parameters["EventDataStore"])
        return {}

    def _prepare(self, call: Call) -> None:
        with self._stores.database.read() as connection:
            _, manager = self._stores.organization.owner(connection, call.account_id)
        self._access.prepare(call, manager)


def _wanted(given: Mapping[str, Any]) -> Wanted:
    return Wanted(**{ours: given[theirs] for theirs, ours in _OWN.items() if given.get(theirs) is not None})


def _settings(of: EventDataStore) -> dict[str, Any]:
    """What Create, Restore, Get and Update have in common."""
    return {
        "EventDataStoreArn": of.arn,
        "Name": of.name,
        "Status": of.status,
        "AdvancedEventSelectors": [dict(one) for one in of.advanced_event_selectors],
        "MultiRegionEnabled": of.multi_region_enabled,
        "OrganizationEnabled": of.organization_enabled,
        "RetentionPeriod": of.retention_period,
        "TerminationProtectionEnabled": of.termination_protection_enabled,
        "CreatedTimestamp": datetime.fromtimestamp(of.created_timestamp, UTC),
        "UpdatedTimestamp": datetime.fromtimestamp(of.updated_timestamp, UTC),
        **({} if of.kms_key_id is None else {"KmsKeyId": of.kms_key_id}),
        "BillingMode": of.billing_mode,
    }


def _federation(of: EventDataStore) -> dict[str, Any]:
    role = {} if of.federation_role_arn is None else {"FederationRoleArn": of.federation_role_arn}
    return {"FederationStatus": of.federation_status or "DISABLED", **role}


def _read(token: str, call: Call) -> int:
    try:
        account_id, region, number = urlsafe_b64decode(token.encode()).decode().split("/")
        if (account_id, region) == (call.account_id, call.region) and number.isdecimal() and len(number) < 19:
            return int(number)
    except (binascii.Error, ValueError):  # UnicodeDecodeError is one
        pass
    raise InvalidNextTokenException
