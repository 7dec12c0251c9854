"""Microseconds that the wire takes per call: route, parse, serialise. Run it on an otherwise idle core.

python bench/wire.py
"""

from __future__ import annotations

import timeit
from collections.abc import Callable
from typing import Any

from opentrail.wire.http import Headers, Request
from opentrail.wire.models import Catalogue
from opentrail.wire.parse import parse
from opentrail.wire.routing import Router
from opentrail.wire.scope import Scope
from opentrail.wire.serialise import serialise

CREATE_TRAIL = (
    b'{"Name":"audit","S3BucketName":"audit-logs","S3KeyPrefix":"prod","IncludeGlobalServiceEvents":true,"IsMultiRegionTrail":true,'
    b'"EnableLogFileValidation":true,"KmsKeyId":"alias/audit","TagsList":[{"Key":"team","Value":"security"}]}'
)
TRAIL = {
    "Name": "audit",
    "S3BucketName": "audit-logs",
    "S3KeyPrefix": "prod",
    "IncludeGlobalServiceEvents": True,
    "IsMultiRegionTrail": True,
    "TrailARN": "arn:aws:cloudtrail:us-east-1:123456789012:trail/audit",
    "LogFileValidationEnabled": True,
    "KmsKeyId": "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555",
    "IsOrganizationTrail": False,
}
RUN_INSTANCES = (
    b"Action=RunInstances&Version=2016-11-15&ImageId=ami-0abcdef1234567890&InstanceType=t3.micro&KeyName=ops&MinCount=1&MaxCount=2"
    b"&Monitoring.Enabled=true&Placement.AvailabilityZone=us-east-1a&UserData=IyEvYmluL3NoCmVjaG8gaGVsbG8K&ClientToken=0123456789abcdef"
    b"&DisableApiTermination=true&EbsOptimized=true&IamInstanceProfile.Name=web&InstanceInitiatedShutdownBehavior=terminate"
    b"&BlockDeviceMapping.1.DeviceName=%2Fdev%2Fxvda&BlockDeviceMapping.1.Ebs.VolumeSize=20&BlockDeviceMapping.1.Ebs.VolumeType=gp3"
    b"&BlockDeviceMapping.1.Ebs.Encrypted=true&BlockDeviceMapping.1.Ebs.DeleteOnTermination=true"
    b"&NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.SubnetId=subnet-1&NetworkInterface.1.AssociatePublicIpAddress=true"
    b"&NetworkInterface.1.SecurityGroupId.1=sg-1&NetworkInterface.1.SecurityGroupId.2=sg-2"
    b"&MetadataOptions.HttpTokens=required&MetadataOptions.HttpPutResponseHopLimit=2"
    b"&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=web+1"
    b"&TagSpecification.1.Tag.2.Key=team&TagSpecification.1.Tag.2.Value=platform&TagSpecification.2.ResourceType=volume"
    b"&TagSpecification.2.Tag.1.Key=Name&TagSpecification.2.Tag.1.Value=web+1"
)


def instance(number: int) -> dict[str, Any]:
    return {
        "InstanceId": f"i-{number:017x}",
        "ImageId": "ami-0abcdef1234567890",
        "State": {"Code": 0, "Name": "pending"},
        "PrivateDnsName": "ip-10-0-0-12.ec2.internal",
        "KeyName": "ops",
        "AmiLaunchIndex": number,
        "InstanceType": "t3.micro",
        "LaunchTime": 1767607872,
        "Placement": {"AvailabilityZone": "us-east-1a", "GroupName": "", "Tenancy": "default"},
        "Monitoring": {"State": "pending"},
        "SubnetId": "subnet-1",
        "VpcId": "vpc-1",
        "PrivateIpAddress": "10.0.0.12",
        "Architecture": "x86_64",
        "RootDeviceType": "ebs",
        "RootDeviceName": "/dev/xvda",
        "VirtualizationType": "hvm",
        "Tags": [{"Key": "Name", "Value": "web 1"}, {"Key": "team", "Value": "platform"}],
        "SecurityGroups": [{"GroupName": "web", "GroupId": "sg-1"}, {"GroupName": "ssh", "GroupId": "sg-2"}],
        "NetworkInterfaces": [{"NetworkInterfaceId": "eni-1", "SubnetId": "subnet-1", "Status": "in-use", "SourceDestCheck": True}],
        "EbsOptimized": True,
    }


RESERVATION = {"ReservationId": "r-1", "OwnerId": "123456789012", "Groups": [], "Instances": [instance(0), instance(1)]}


def micros(work: Callable[[], object]) -> float:
    """Microseconds per call: the best of seven rounds of about a tenth of a second."""
    timer = timeit.Timer(work)
    count, taken = timer.autorange()
    count = max(1, int(count * 0.1 / taken))
    return min(timer.repeat(7, count)) / count * 1e6


def measure(name: str, request: Request, signing_name: str, result: dict[str, Any]) -> None:
    router = Router(Catalogue())
    scope = Scope(access_key_id="AKIDEXAMPLE", date="20260105", region="us-east-1", signing_name=signing_name)
    route = router.route(request, scope=scope)
    operation = route.operation
    routing = micros(lambda: router.route(request, scope=scope))
    parsing = micros(lambda: parse(route))
    writing = micros(lambda: serialise(operation, result, request_id="0f8fad5b-d9cb-469f-a165-70867728950e"))
    print(
        f"{name:<14} route {routing:6.1f}   parse {parsing:6.1f}   serialise {writing:6.1f}   parse + serialise {parsing + writing:6.1f} µs"
    )


if __name__ == "__main__":
    target = ("X-Amz-Target", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.CreateTrail")
    json_headers = Headers([("Content-Type", "application/x-amz-json-1.1"), target])
    form_headers = Headers([("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")])
    measure("CreateTrail", Request(method="POST", path="/", headers=json_headers, body=CREATE_TRAIL), "cloudtrail", TRAIL)
    measure("RunInstances", Request(method="POST", path="/", headers=form_headers, body=RUN_INSTANCES), "ec2", RESERVATION)
    measure(
        "GetObject",
        Request(method="GET", path="/audit-logs/AWSLogs/1.json.gz", headers=Headers([("Range", "bytes=0-9")])),
        "s3",
        {"Body": b"x"},
    )
