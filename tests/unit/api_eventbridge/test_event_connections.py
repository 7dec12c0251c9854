"""Connections and API destinations; secrets are kept, and told to nobody."""

from __future__ import annotations

from typing import Any

import pytest

from opentrail.rules.values import Connection
from simulators.event_callers import ARN, EventCaller, EventHouse
from simulators.kms import ACCOUNT, REGION

SECRET = "s3cret-of-the-hook"
KEY = {"ApiKeyAuthParameters": {"ApiKeyName": "x-key", "ApiKeyValue": SECRET}}
BASIC = {"BasicAuthParameters": {"Username": "ana", "Password": SECRET}}
HTTP = {
    "InvocationHttpParameters": {
        "HeaderParameters": [{"Key": "h", "Value": "open", "IsValueSecret": False}, {"Key": "t", "Value": SECRET, "IsValueSecret": True}],
        "BodyParameters": [{"Key": "b", "Value": SECRET}],
    }
}


def secret(house: EventHouse, name: str = "c") -> dict[str, Any]:
    connection = house.buses.connections.find(ACCOUNT, REGION, name)
    assert isinstance(connection, Connection)
    return house.buses.connections.secret(connection)


def test_a_connection_from_creation_to_deletion(root: EventCaller, house: EventHouse) -> None:
    made = root("CreateConnection", Name="c", Description="d", AuthorizationType="API_KEY", AuthParameters=KEY | HTTP)
    assert made["ConnectionArn"].startswith(f"{ARN}:connection/c/")
    assert made["ConnectionState"] == "AUTHORIZED"
    told = root("DescribeConnection", Name="c")
    assert told["AuthParameters"] == {
        "ApiKeyAuthParameters": {"ApiKeyName": "x-key"},
        "InvocationHttpParameters": {
            "HeaderParameters": [{"Key": "h", "IsValueSecret": False, "Value": "open"}, {"Key": "t", "IsValueSecret": True}],
            "BodyParameters": [{"Key": "b", "IsValueSecret": True}],
        },
    }
    assert secret(house) == KEY | HTTP
    assert "already exists" in root.refused(
        "ResourceAlreadyExistsException", "CreateConnection", Name="c", AuthorizationType="API_KEY", AuthParameters=KEY
    )
    (listed,) = root("ListConnections", NamePrefix="c", ConnectionState="AUTHORIZED")["Connections"]
    assert (listed["Name"], listed["AuthorizationType"]) == ("c", "API_KEY")
    everything = str([made, told, listed])
    assert SECRET not in everything
    assert root("DeauthorizeConnection", Name="c")["ConnectionState"] == "DEAUTHORIZED"
    assert root("ListConnections", ConnectionState="AUTHORIZED")["Connections"] == []
    assert root("DeleteConnection", Name="c")["ConnectionState"] == "DELETING"
    for operation in ("DescribeConnection", "DeauthorizeConnection", "DeleteConnection", "UpdateConnection"):
        assert "'c' does not exist" in root.refused("ResourceNotFoundException", operation, Name="c")


def test_the_database_holds_no_secret(root: EventCaller, house: EventHouse) -> None:
    root("CreateConnection", Name="c", AuthorizationType="BASIC", AuthParameters=BASIC | HTTP)
    with house.buses.store.read() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM event_connections").all()
    assert SECRET not in str(rows)
    assert SECRET.encode() not in b"".join(value for row in rows for value in row if isinstance(value, bytes))


def test_an_update_keeps_what_it_leaves_out(root: EventCaller, house: EventHouse) -> None:
    root("CreateConnection", Name="c", AuthorizationType="API_KEY", AuthParameters=KEY | HTTP)
    root("UpdateConnection", Name="c", Description="new")
    assert secret(house) == KEY | HTTP
    root("UpdateConnection", Name="c", AuthParameters={"ApiKeyAuthParameters": {"ApiKeyValue": "next"}})
    assert secret(house)["ApiKeyAuthParameters"] == {"ApiKeyName": "x-key", "ApiKeyValue": "next"}
    assert "BasicAuthParameters" in root.refused("ValidationException", "UpdateConnection", Name="c", AuthorizationType="BASIC")
    root("UpdateConnection", Name="c", AuthorizationType="BASIC", AuthParameters=BASIC)
    assert secret(house) == BASIC | HTTP
    assert root("DescribeConnection", Name="c")["AuthParameters"]["BasicAuthParameters"] == {"Username": "ana"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"AuthorizationType": "API_KEY", "AuthParameters": BASIC}, "ApiKeyAuthParameters is required"),
        ({"AuthorizationType": "API_KEY", "AuthParameters": KEY | BASIC}, "BasicAuthParameters does not go with"),
        ({"AuthorizationType": "API_KEY", "AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "k"}}}, "must not be null"),
        ({"AuthorizationType": "OAUTH_CLIENT_CREDENTIALS", "AuthParameters": {}}, "Use API_KEY or BASIC"),
        ({"AuthorizationType": "API_KEY", "AuthParameters": KEY, "KmsKeyIdentifier": "k"}, "Leave it out"),
    ],
)
def test_what_no_connection_can_be(given: dict[str, Any], said: str, root: EventCaller) -> None:
    message = root.refused("ValidationException", "CreateConnection", Name="c", **given)
    assert said in message
    assert SECRET not in message
    assert root("ListConnections")["Connections"] == []


def test_a_destination_is_active_while_its_connection_is(root: EventCaller) -> None:
    connection = root("CreateConnection", Name="c", AuthorizationType="API_KEY", AuthParameters=KEY)["ConnectionArn"]
    given = {"ConnectionArn": connection, "InvocationEndpoint": "https://hook.test/a/*", "HttpMethod": "POST"}
    made = root("CreateApiDestination", Name="d", InvocationRateLimitPerSecond=5, **given)
    assert made["ApiDestinationArn"].startswith(f"{ARN}:api-destination/d/")
    assert "'d' already exists" in root.refused("ResourceAlreadyExistsException", "CreateApiDestination", Name="d", **given)
    found = root("DescribeApiDestination", Name="d")
    assert {name: found[name] for name in given} == given
    assert (found["ApiDestinationState"], found["InvocationRateLimitPerSecond"]) == ("ACTIVE", 5)
    root("UpdateApiDestination", Name="d", HttpMethod="PUT", Description="x")
    root.rule()
    root("PutTargets", Rule="watch", Targets=[{"Id": "1", "Arn": made["ApiDestinationArn"], "RoleArn": root.house.role()}])
    root("DeleteConnection", Name="c")
    (listed,) = root("ListApiDestinations", ConnectionArn=connection)["ApiDestinations"]
    assert (listed["ApiDestinationState"], listed["HttpMethod"]) == ("INACTIVE", "PUT")
    assert "Connection" in root.refused("ResourceNotFoundException", "CreateApiDestination", Name="e", **given)
    root("DeleteApiDestination", Name="d")
    for operation in ("DescribeApiDestination", "UpdateApiDestination", "DeleteApiDestination"):
        assert "'d' does not exist" in root.refused("ResourceNotFoundException", operation, Name="d")


@pytest.mark.parametrize("url", ["ftp://hook.test/", "https://", "https://*.hook.test/", "hook.test", "https://hook.test:0/"])
def test_an_endpoint_is_a_web_address(url: str, root: EventCaller) -> None:
    connection = root("CreateConnection", Name="c", AuthorizationType="API_KEY", AuthParameters=KEY)["ConnectionArn"]
    given = {"Name": "d", "ConnectionArn": connection, "InvocationEndpoint": url, "HttpMethod": "POST"}
    assert "https://example.com" in root.refused("ValidationException", "CreateApiDestination", **given)
