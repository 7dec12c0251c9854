"""A few records of each family, in the form in which they are recorded: something for every query to find."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from opentrail.lake.families import Family

_ARN = "arn:aws:iam::123456789012:user/alice"


def _at(hours: int) -> str:
    return (datetime.now(UTC) - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def event(hours: int = 1, **members: Any) -> dict[str, Any]:
    """A management event of alice, some hours ago."""
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "AIDAEXAMPLE",
            "arn": _ARN,
            "accountId": "123456789012",
            "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
            "userName": "alice",
        },
        "eventTime": _at(hours),
        "eventSource": "iam.amazonaws.com",
        "eventName": "CreateAccessKey",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "203.0.113.7",
        "userAgent": "aws-cli/2.15",
        "requestParameters": {"userName": "bob"},
        "responseElements": None,
        "requestID": "r",
        "eventID": f"e-{hours}-{len(members)}",
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": "123456789012",
        "eventCategory": "Management",
        "tlsDetails": {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256", "clientProvidedHostHeader": "iam.amazonaws.com"},
        **members,
    }


def _common(category: str, kind: str, **members: Any) -> dict[str, Any]:
    return {
        "eventVersion": "1.09",
        "eventCategory": category,
        "eventType": kind,
        "eventID": f"{kind}-1",
        "eventTime": _at(1),
        "awsRegion": "us-east-1",
        "recipientAccountId": "123456789012",
        **members,
    }


_ROOT = {"type": "Root", "accountId": "123456789012", "arn": "arn:aws:iam::123456789012:root"}
_SESSION = {
    "type": "AssumedRole",
    "arn": "arn:aws:sts::123456789012:assumed-role/Admin/carol",
    "accountId": "999999999999",
    "sessionContext": {"sessionIssuer": {"type": "Role", "arn": "arn:aws:iam::123456789012:role/Admin", "userName": "Admin"}},
}
_CONTEXT = {
    "requestContext": {"aws:PrincipalArn": _ARN, "aws:SecureTransport": "true"},
    "tagContext": {
        "resourceTags": [{"arn": "arn:aws:s3:::my-bucket", "tags": {"team": "a", "stage": "prod"}}],
        "principalTags": {"department": "security"},
    },
}

RECORDS: dict[Family, list[dict[str, Any]]] = {
    Family.EVENTS: [
        event(),
        event(2, eventName="DeleteUser", errorCode="AccessDenied", errorMessage="User is not authorized", userIdentity=_SESSION),
        event(3, eventSource="signin.amazonaws.com", eventName="ConsoleLogin", responseElements={"ConsoleLogin": "Failure"}),
        event(
            4,
            eventSource="signin.amazonaws.com",
            eventName="ConsoleLogin",
            userIdentity=_ROOT,
            responseElements={"ConsoleLogin": "Success"},
            additionalEventData={"MFAUsed": "No"},
        ),
        event(
            5,
            eventSource="ec2.amazonaws.com",
            eventName="RunInstances",
            requestParameters={
                "instanceType": "p4d.24xlarge",
                "instancesSet": {"items": [{"imageId": "ami-1", "minCount": 1, "maxCount": 2}]},
            },
        ),
        event(
            6,
            eventSource="ec2.amazonaws.com",
            eventName="AuthorizeSecurityGroupIngress",
            requestParameters={"groupId": "sg-1", "ipPermissions": {"items": [{"ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}]}},
        ),
        event(
            7,
            eventSource="s3.amazonaws.com",
            eventName="GetObject",
            eventCategory="Data",
            managementEvent=False,
            readOnly=True,
            requestParameters={"bucketName": "my-bucket", "key": "folder/file.txt"},
            additionalEventData={"bytesTransferredOut": 1234.0, "aclRequired": "Yes"},
            resources=[{"ARN": "arn:aws:s3:::my-bucket/folder/file.txt", "type": "AWS::S3::Object"}],
        ),
        event(
            8,
            eventSource="sts.amazonaws.com",
            eventName="AssumeRole",
            requestParameters={"roleArn": "arn:aws:iam::1:role/R"},
            userIdentity=_SESSION,
        ),
        event(
            9, eventSource="dynamodb.amazonaws.com", eventName="Query", errorCode="ThrottlingException", eventCategory="Data", readOnly=True
        ),
        event(
            10, eventType="AwsServiceEvent", eventName="RotateKey", userIdentity={"type": "AWSService", "invokedBy": "kms.amazonaws.com"}
        ),
        event(11, tlsDetails={"tlsVersion": "TLSv1.0"}, sessionCredentialFromConsole="true", eventContext=_CONTEXT),
    ],
    Family.INSIGHTS: [
        _common(
            "Insight",
            "AwsCloudTrailInsight",
            sharedEventID="s-1",
            insightSource="Api",
            insightState=state,
            insightEventSource="ec2.amazonaws.com",
            insightEventName="RunInstances",
            insightType="ApiCallRateInsight",
            insightContext={
                "baselineAverage": 0.1,
                "insightAverage": 4.5,
                "baselineDuration": 10080,
                "insightDuration": 7,
                "attributions": [{"attribute": "userIdentityArn", "insight": [{"value": _ARN, "average": 4.5}], "baseline": []}],
            },
        )
        for state in ("Start", "End")
    ],
    Family.CONFIGURATION: [
        _common(
            "ConfigurationItem",
            "AwsConfigurationItem",
            eventData={
                "configurationItemStatus": status,
                "accountId": "123456789012",
                "resourceType": "AWS::EC2::Instance",
                "resourceId": "i-0123456789abcdef0",
                "awsRegion": "us-east-1",
                "configuration": {"instanceType": "t3.micro"},
                "tags": {},
            },
        )
        for status in ("ResourceDiscovered", "OK")
    ],
    Family.EVIDENCE: [
        _common(
            "Evidence",
            "AwsAuditManagerEvidence",
            eventData={"complianceCheck": "FAILED", "controlName": "c", "frameworkName": "f", "dataSource": "Config", "service": "s3"},
        )
    ],
    Family.ACTIVITY: [
        _common(
            "ActivityAuditLog",
            "ActivityLog",
            metadata={"ingestionTime": _at(1), "channelARN": "arn:aws:cloudtrail:us-east-1:123456789012:channel/x"},
            addendum={"reason": "UPDATED_DATA", "originalEventID": "o"},
            eventData={
                "version": "1",
                "userIdentity": {"type": "User", "principalId": "alice@example.com"},
                "eventSource": "app.example.com",
                "eventName": "Login",
                "UID": "u-1",
                "errorCode": "403",
                "sourceIPAddress": "203.0.113.7",
            },
        )
    ],
}
