"""Connections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.api.call import Call, Handler, Result
from opentrail.api.eventbridge import reading
from opentrail.rules.control import EventBuses
from opentrail.rules.values import Connection


class ConnectionOperations:
    """One handler for each operation on connections."""

    def __init__(self, buses: EventBuses) -> None:
        self._connections = buses.connections
        self.operations: Mapping[str, Handler] = {
            "CreateConnection": self.create_connection,
            "DescribeConnection": self.describe_connection,
            "UpdateConnection": self.update_connection,
            "ListConnections": self.list_connections,
            "DeauthorizeConnection": self.deauthorize_connection,
            "DeleteConnection": self.delete_connection,
        }

    def create_connection(self, call: Call) -> Result:
        return _brief(self._connections.create(call.account_id, call.region, call.parameters))

    def describe_connection(self, call: Call) -> Result:
        found = self._connections.get(call.account_id, call.region, call.parameters["Name"])
        more = {"Description": found.description, "SecretArn": found.secret_arn, "AuthParameters": found.shown}
        return reading.without_nothing({**_listed(found), **more})

    def update_connection(self, call: Call) -> Result:
        made = self._connections.update(call.account_id, call.region, call.parameters)
        return {**_brief(made), "LastAuthorizedTime": reading.moment(made.authorized)}

    def list_connections(self, call: Call) -> Result:
        given = call.parameters
        found = self._connections.of_account(
            call.account_id,
            call.region,
            prefix=given.get("NamePrefix") or "",
            state=given.get("ConnectionState"),
            after=reading.after(call),
            limit=reading.limit(call),
        )
        return reading.page(call, "Connections", found, _listed, lambda one: one.name)

    def deauthorize_connection(self, call: Call) -> Result:
        made = self._connections.deauthorize(call.account_id, call.region, call.parameters["Name"])
        return {**_brief(made), "LastAuthorizedTime": reading.moment(made.authorized)}

    def delete_connection(self, call: Call) -> Result:
        gone = self._connections.delete(call.account_id, call.region, call.parameters["Name"])
        return {**_brief(gone), "ConnectionState": "DELETING", "LastAuthorizedTime": reading.moment(gone.authorized)}


def _brief(connection: Connection) -> dict[str, Any]:
    return {
        "ConnectionArn": connection.arn,
        "ConnectionState": connection.state,
        "CreationTime": reading.moment(connection.created),
        "LastModifiedTime": reading.moment(connection.modified),
    }


def _listed(connection: Connection) -> dict[str, Any]:
    return {
        **_brief(connection),
        "Name": connection.name,
        "AuthorizationType": connection.authorization_type,
        "LastAuthorizedTime": reading.moment(connection.authorized),
    }
