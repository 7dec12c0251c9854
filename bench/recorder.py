"""How long the recorder takes for one call, in microseconds: `python bench/recorder.py`."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from opentrail.identity.principals import Principal, Session
from opentrail.recorder import Observation, Recorder, Tls
from opentrail.wire.http import Headers
from opentrail.wire.models import Catalogue

ROUNDS = 5
CALLS = 5000

CALLER = Principal(
    type="AssumedRole",
    account_id="111122223333",
    principal_id="AROAEXAMPLEROLE0001:deploy-7",
    arn="arn:aws:sts::111122223333:assumed-role/Deployer/deploy-7",
    access_key_id="ASIAEXAMPLEKEY000001",
    session=Session(
        issuer_type="Role",
        issuer_id="AROAEXAMPLEROLE0001",
        issuer_arn="arn:aws:iam::111122223333:role/Deployer",
        issuer_account_id="111122223333",
        issuer_name="Deployer",
        created=datetime(2026, 1, 5, 10, tzinfo=UTC),
    ),
)

TAGS = [{"Key": "team", "Value": "audit"}, {"Key": "stage", "Value": "test"}]
CASES: dict[str, tuple[str, str, dict[str, object], dict[str, object]]] = {
    "sts GetCallerIdentity": ("sts", "GetCallerIdentity", {}, {}),
    "cloudtrail LookupEvents": (
        "cloudtrail", "LookupEvents", {"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "X"}], "MaxResults": 50}, {},
    ),
    "cloudtrail CreateTrail": (
        "cloudtrail", "CreateTrail", {"Name": "audit", "S3BucketName": "logs", "IsMultiRegionTrail": True, "TagsList": TAGS},
        {"Name": "audit", "S3BucketName": "logs", "IncludeGlobalServiceEvents": True, "IsMultiRegionTrail": True,
         "TrailARN": "arn:aws:cloudtrail:us-east-1:111122223333:trail/audit", "LogFileValidationEnabled": False},
    ),
    "iam CreateUser": (
        "iam", "CreateUser", {"Path": "/", "UserName": "ana", "Tags": TAGS},
        {"User": {"Path": "/", "UserName": "ana", "UserId": "AIDAEXAMPLE", "Arn": "arn:aws:iam::111122223333:user/ana",
                  "CreateDate": datetime(2026, 1, 5, tzinfo=UTC)}},
    ),
    "s3 PutBucketPolicy": ("s3", "PutBucketPolicy", {"Bucket": "logs", "Policy": '{"Version":"2012-10-17","Statement":[]}'}, {}),
    "ec2 DescribeInstances": (
        "ec2", "DescribeInstances",
        {"InstanceIds": ["i-1", "i-2"], "Filters": [{"Name": "instance-state-name", "Values": ["running", "pending"]}]}, {},
    ),
    "ec2 RunInstances": (
        "ec2", "RunInstances",
        {"ImageId": "ami-1", "MinCount": 1, "MaxCount": 3, "InstanceType": "t3.micro", "SubnetId": "subnet-1", "SecurityGroupIds": ["sg-1"],
         "TagSpecifications": [{"ResourceType": "instance", "Tags": TAGS}]},
        {"ReservationId": "r-1", "OwnerId": "111122223333", "Instances": [
            {"InstanceId": f"i-{number}", "ImageId": "ami-1", "State": {"Code": 0, "Name": "pending"}, "InstanceType": "t3.micro",
             "LaunchTime": datetime(2026, 1, 5, tzinfo=UTC), "Placement": {"AvailabilityZone": "us-east-1a", "Tenancy": "default"},
             "SubnetId": "subnet-1", "VpcId": "vpc-1", "PrivateIpAddress": "10.0.0.8", "Tags": TAGS} for number in range(3)]},
    ),
    "ec2 CreateNatGateway": ("ec2", "CreateNatGateway", {"SubnetId": "subnet-1", "AllocationId": "eipalloc-1"}, {"ClientToken": "t"}),
    "rds CreateDBInstance": (
        "rds", "CreateDBInstance", {"DBInstanceIdentifier": "db", "MasterUserPassword": "secret", "Engine": "mysql", "Tags": TAGS},
        {"DBInstance": {"DBInstanceIdentifier": "db", "Engine": "mysql", "DBInstanceStatus": "creating"}},
    ),
}  # fmt: skip


FAILED: dict[str, tuple[str, str, dict[str, object], str, str]] = {
    "iam GetUser, not found": ("iam", "GetUser", {"UserName": "ana"}, "NoSuchEntity", "The user with name ana cannot be found."),
    "rds CreateDBInstance, bad": (
        "rds", "CreateDBInstance", {"DBInstanceIdentifier": "db", "MasterUserPassword": "secret", "Engine": "mysql", "Tags": TAGS},
        "InvalidParameterValue", "The parameter MasterUserPassword is not a valid password: secret",
    ),
}  # fmt: skip


def main() -> None:
    recorder = Recorder(Catalogue())
    cases = {title: (*case, None, None) for title, case in CASES.items()}
    cases |= {title: (service, name, parameters, None, code, said) for title, (service, name, parameters, code, said) in FAILED.items()}
    for title, (service, operation, parameters, result, code, message) in cases.items():
        observation = Observation(
            service=service,
            operation=operation,
            principal=CALLER,
            account_id="111122223333",
            region="us-east-1",
            request_id="0b7c1a52-1111-4a0e-9d1c-0000000000a1",
            source_ip="198.51.100.20",
            user_agent="Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.11.2 md/pyimpl#CPython",
            time=1_767_607_872.25,
            parameters=parameters,
            result=result,
            error_code=code,
            error_message=message,
            host="localhost:4747",
            headers=Headers([("Authorization", "AWS4-HMAC-SHA256 Credential=…"), ("Host", "localhost:4747")]),
            tls=Tls(version="TLSv1.3", cipher_suite="TLS_AES_128_GCM_SHA256"),
        )
        record = recorder.describe(observation)
        best = min(_timed(recorder, observation) for _ in range(ROUNDS))
        print(f"{title:28} {best * 1e6:7.1f} µs   {len(record):6} bytes")


def _timed(recorder: Recorder, observation: Observation) -> float:
    start = time.perf_counter()
    for _ in range(CALLS):
        recorder.describe(observation)
    return (time.perf_counter() - start) / CALLS


if __name__ == "__main__":
    main()
