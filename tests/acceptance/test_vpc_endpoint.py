"""A running OpenTrail that is reached through VPC endpoints as well."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from simulators.running import RunningOpenTrail

ACCOUNT = "123456789012"
OPEN, NARROW = "vpce-0open", "vpce-0narrow"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOpenTrail]:
    folder: Path = tmp_path_factory.mktemp("endpoints")
    policy = folder / "policy.json"
    statement = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": ["s3:*"], "Resource": ["arn:aws:s3:::inside*"]}
    policy.write_text(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    options = ["--vpc-endpoint", f"{OPEN}@127.0.0.1:0,account=444455556666", "--vpc-endpoint", f"{NARROW}@127.0.0.1:0,policy={policy}"]
    with RunningOpenTrail(folder, options=options) as made:
        for bucket in ("inside", "outside"):
            made.client("s3").create_bucket(Bucket=bucket)
        yield made


def through(running: RunningOpenTrail, endpoint: str, service: str, **more: Any) -> Any:
    return running.client(service, endpoint=running.address["vpc_endpoints"][endpoint], **more)


def refusal(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def recorded(running: RunningOpenTrail, name: str) -> list[Any]:
    events = running.client("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}])["Events"]
    return [json.loads(event["CloudTrailEvent"]) for event in events]


def test_records_tell_through_which_endpoint_a_call_came(running: RunningOpenTrail) -> None:
    through(running, OPEN, "iam").list_groups()
    running.client("iam").list_groups()
    direct, endpoint = recorded(running, "ListGroups")
    assert "vpcEndpointId" not in direct
    assert (endpoint["vpcEndpointId"], endpoint["vpcEndpointAccountId"]) == (OPEN, "444455556666")


def test_the_policy_of_an_endpoint_limits_what_comes_through_it(running: RunningOpenTrail) -> None:
    s3 = through(running, NARROW, "s3")
    s3.put_object(Bucket="inside", Key="a", Body=b"1")
    assert s3.get_object(Bucket="inside", Key="a")["Body"].read() == b"1"
    code, message = refusal(s3.list_objects_v2, Bucket="outside")
    assert code == "AccessDenied"
    assert "because no VPC endpoint policy allows the s3:ListBucket action" in message
    code, message = refusal(through(running, NARROW, "iam").list_roles)
    assert code == "AccessDenied"
    assert recorded(running, "ListRoles") == [], "the account of the caller is not told"
    running.client("iam").list_roles()


def test_policies_may_ask_for_the_endpoint(running: RunningOpenTrail) -> None:
    iam = running.client("iam")
    iam.create_user(UserName="ben")
    condition = {"StringEquals": {"aws:SourceVpce": OPEN}}
    allow = {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*", "Condition": condition}
    iam.put_user_policy(UserName="ben", PolicyName="inside", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
    key = iam.create_access_key(UserName="ben")["AccessKey"]
    ben = (key["AccessKeyId"], key["SecretAccessKey"])
    assert through(running, OPEN, "iam", key=ben).list_users()["Users"]
    assert refusal(running.client("iam", key=ben).list_users)[0] == "AccessDenied"


def test_nobody_signs_in_through_an_endpoint(running: RunningOpenTrail) -> None:
    url = running.address["vpc_endpoints"][OPEN] + "/_opentrail/signin"
    request = urllib.request.Request(url, data=b"{}", headers={"content-type": "application/json"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=90)
    assert caught.value.code == 404
    caught.value.close()
