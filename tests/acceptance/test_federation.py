"""A store is shown in an Iceberg catalog, told by boto3, and another program reads its events there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pyiceberg.catalog import load_catalog
from pyiceberg.exceptions import NoSuchTableError

from simulators.running import RunningOpenTrail, wait_for


def trust(service: str) -> str:
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
        }
    )


def code(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    return str(raised.value.response["Error"]["Code"])


def test_a_store_is_federated_read_elsewhere_and_taken_back(opentrail: RunningOpenTrail) -> None:
    cloudtrail, iam = opentrail.client("cloudtrail"), opentrail.client("iam")
    role = iam.create_role(RoleName="lake", AssumeRolePolicyDocument=trust("lakeformation.amazonaws.com"))["Role"]["Arn"]
    stranger = iam.create_role(RoleName="stranger", AssumeRolePolicyDocument=trust("ec2.amazonaws.com"))["Role"]["Arn"]
    arn = cloudtrail.create_event_data_store(Name="shown", TerminationProtectionEnabled=False)["EventDataStoreArn"]
    enable = cloudtrail.enable_federation
    assert code(enable, EventDataStore=arn, FederationRoleArn=stranger) == "AccessDeniedException"
    assert code(enable, EventDataStore=arn, FederationRoleArn=role + "-absent") == "InvalidParameterException"
    assert code(cloudtrail.disable_federation, EventDataStore=arn) == "InvalidParameterException"

    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    ann = opentrail.client("cloudtrail", key=(key["AccessKeyId"], key["SecretAccessKey"]))
    allowed = [{"Effect": "Allow", "Action": "cloudtrail:EnableFederation", "Resource": arn}]
    for statement in ({"Effect": "Allow", "Action": "iam:PassRole", "Resource": role}, None):
        policy = json.dumps({"Version": "2012-10-17", "Statement": allowed})
        iam.put_user_policy(UserName="ann", PolicyName="lake", PolicyDocument=policy)
        if statement is not None:
            assert code(ann.enable_federation, EventDataStore=arn, FederationRoleArn=role) == "AccessDeniedException"
            allowed.append(statement)
    answer = ann.enable_federation(EventDataStore=arn, FederationRoleArn=role)
    assert (answer["EventDataStoreArn"], answer["FederationStatus"], answer["FederationRoleArn"]) == (arn, "ENABLING", role)
    wait_for(lambda: cloudtrail.get_event_data_store(EventDataStore=arn)["FederationStatus"] == "ENABLED")
    assert cloudtrail.get_event_data_store(EventDataStore=arn)["FederationRoleArn"] == role
    assert code(enable, EventDataStore=arn, FederationRoleArn=role) == "EventDataStoreFederationEnabledException"
    assert code(cloudtrail.delete_event_data_store, EventDataStore=arn) == "EventDataStoreFederationEnabledException"

    def seen() -> list[str]:
        """Names of the events that another program sees."""
        catalog = load_catalog("opentrail", uri=f"sqlite:///{opentrail.data / 'lake' / 'federation.db'}")
        try:
            table = catalog.load_table(("aws:cloudtrail", arn.rpartition("/")[2]))
            return table.scan(selected_fields=("eventname",)).to_arrow()["eventname"].to_pylist()
        finally:
            catalog.close()

    wait_for(lambda: {"EnableFederation", "PutUserPolicy"} <= set(seen()))
    assert cloudtrail.disable_federation(EventDataStore=arn)["FederationStatus"] == "DISABLING"
    wait_for(lambda: cloudtrail.get_event_data_store(EventDataStore=arn)["FederationStatus"] == "DISABLED")
    with pytest.raises(NoSuchTableError):
        seen()
    cloudtrail.delete_event_data_store(EventDataStore=arn)
