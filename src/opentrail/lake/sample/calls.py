"""What is called in a sample: templates of the parts of a record that depend on the operation. Data.

`%(name)s` is filled from the words of `scene`. A call that sometimes fails names its error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One operation, as its records show it."""

    service: str
    name: str
    weight: int = 1
    read: bool = True
    parameters: str = "null"
    response: str = "null"
    additional: str = ""
    """`additionalEventData`; empty: there is none."""
    resources: str = ""
    data: bool = False
    """A data event."""
    everywhere: bool = True
    """Not only where the global services are."""
    error: tuple[str, str] | None = None
    """Code and message of its usual failure."""
    fails: float = 0.0
    """How often it does."""
    kind: str = "AwsApiCall"


_BUCKET: Final = '{"accountId":"%(account)s","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::%(bucket)s"}'
_S3_HOST: Final = '"bucketName":"%(bucket)s","Host":"%(bucket)s.s3.%(region)s.amazonaws.com"'
_S3_MORE: Final = (
    '{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":%(in)s,"AuthenticationMethod":"AuthHeader",'
    '"x-amz-id-2":"%(id2)s","bytesTransferredOut":%(out)s}'
)
_DENIED: Final = (
    "AccessDenied",
    "User: %(arn)s is not authorized to perform: %(action)s because no identity-based policy allows the %(action)s action",
)
_INSTANCE: Final = (
    '{"instanceId":"%(instance)s","imageId":"%(image)s","currentState":{"code":0,"name":"pending"},"privateDnsName":"ip-%(ip)s.ec2.internal",'
    '"amiLaunchIndex":0,"productCodes":{},"instanceType":"m7g.large","launchTime":%(millis)s,"placement":{"availabilityZone":"%(region)sa",'
    '"tenancy":"default"},"monitoring":{"state":"disabled"},"subnetId":"%(subnet)s","vpcId":"%(vpc)s","architecture":"arm64",'
    '"rootDeviceType":"ebs","rootDeviceName":"/dev/xvda","virtualizationType":"hvm","hypervisor":"xen","groupSet":{"items":[{"groupId":'
    '"%(group)s","groupName":"application"}]},"sourceDestCheck":true,"ebsOptimized":true}'
)


def _object(name: str, weight: int, *, read: bool, fails: float = 0.0) -> Call:
    return Call(
        service="s3",
        name=name,
        weight=weight,
        read=read,
        data=True,
        parameters="{" + _S3_HOST + ',"key":"%(key)s"' + ("" if read else ',"x-amz-server-side-encryption":"aws:kms"') + "}",
        response="null" if read else '{"x-amz-server-side-encryption":"aws:kms","x-amz-server-side-encryption-aws-kms-key-id":"%(kms)s"}',
        additional=_S3_MORE,
        resources='[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::%(bucket)s/%(key)s"},' + _BUCKET + "]",
        error=("NoSuchKey", "The specified key does not exist.") if read else _DENIED,
        fails=fails,
    )


_DESCRIBE: Final = '{"instancesSet":{"items":[{"instanceId":"%(instance)s"}]},"filterSet":{}}'
_ASSUME: Final = Call(
    service="sts",
    name="AssumeRole",
    weight=3,
    parameters='{"roleArn":"arn:aws:iam::%(account)s:role/%(role)s","roleSessionName":"%(word)s-%(number)s","durationSeconds":3600}',
    response='{"credentials":{"accessKeyId":"ASIAEXAMPLE%(letters)s","sessionToken":"HIDDEN_DUE_TO_SECURITY_REASONS","expiration":"%(time)s"},'
    '"assumedRoleUser":{"assumedRoleId":"%(roleid)s:%(word)s-%(number)s","arn":"arn:aws:sts::%(account)s:assumed-role/%(role)s/%(word)s-%(number)s"}}',
    resources='[{"accountId":"%(account)s","type":"AWS::IAM::Role","ARN":"arn:aws:iam::%(account)s:role/%(role)s"}]',
    error=_DENIED,
    fails=0.01,
)
_SECRET: Final = Call(
    service="secretsmanager", name="GetSecretValue", weight=3, parameters='{"secretId":"%(secret)s"}', error=_DENIED, fails=0.01
)
_DECRYPT: Final = Call(
    service="kms",
    name="Decrypt",
    weight=8,
    parameters='{"encryptionAlgorithm":"SYMMETRIC_DEFAULT","encryptionContext":{"aws:s3:arn":"arn:aws:s3:::%(bucket)s"}}',
    additional='{"keyMaterialId":"%(hex)s%(hex)s%(hex)s%(hex)s"}',
    resources='[{"accountId":"%(account)s","type":"AWS::KMS::Key","ARN":"%(kms)s"}]',
)
_INSTANCES: Final = Call(
    service="ec2",
    name="DescribeInstances",
    weight=8,
    parameters=_DESCRIBE,
    error=("Client.InvalidInstanceID.NotFound", "The instance ID '%(instance)s' does not exist"),
    fails=0.03,
)
_RUN: Final = Call(
    service="ec2",
    name="RunInstances",
    weight=3,
    read=False,
    parameters='{"instancesSet":{"items":[{"imageId":"%(image)s","minCount":1,"maxCount":1}]},"instanceType":"m7g.large","subnetId":"%(subnet)s",'
    '"groupSet":{"items":[{"groupId":"%(group)s"}]},"clientToken":"%(uuid)s","launchTemplate":{"launchTemplateName":"application","version":"7"}}',
    response='{"requestId":"%(uuid)s","reservationId":"r-0%(hex)s","ownerId":"%(account)s","groupSet":{},"instancesSet":{"items":['
    + _INSTANCE
    + "]}}",
    error=("Server.InsufficientInstanceCapacity", "We currently do not have sufficient m7g.large capacity in the zone you requested."),
    fails=0.04,
)
_TABLE: Final = (
    '[{"accountId":"%(account)s","type":"AWS::DynamoDB::Table","ARN":"arn:aws:dynamodb:%(region)s:%(account)s:table/%(table)s"}]'
)
_LOGS: Final = Call(
    service="logs",
    name="CreateLogStream",
    weight=4,
    read=False,
    parameters='{"logGroupName":"/application/%(table)s","logStreamName":"%(word)s/%(uuid)s"}',
    error=("ResourceAlreadyExistsException", "The specified log stream already exists"),
    fails=0.02,
)
_LOGIN: Final = Call(
    service="signin",
    name="ConsoleLogin",
    weight=2,
    read=False,
    everywhere=False,
    response='{"ConsoleLogin":"Success"}',
    additional='{"LoginTo":"https://console.example.com/home","MobileVersion":"No","MFAUsed":"Yes","MFAIdentifier":"arn:aws:iam::%(account)s:mfa/%(word)s"}',
    error=("", "Failed authentication"),
    fails=0.1,
    kind="AwsConsoleSignIn",
)

WORK: Final[Mapping[str, tuple[Call, ...]]] = {
    "application": (
        _object("GetObject", 30, read=True, fails=0.02),
        _object("PutObject", 14, read=False, fails=0.002),
        Call(
            service="dynamodb",
            name="GetItem",
            weight=10,
            data=True,
            parameters='{"tableName":"%(table)s","key":{"id":"HIDDEN_DUE_TO_SECURITY_REASONS"},"consistentRead":false}',
            resources=_TABLE,
        ),
        _SECRET,
        _DECRYPT,
        _LOGS,
        _ASSUME,
    ),
    "pipeline": (
        _object("GetObject", 20, read=True, fails=0.01),
        _object("PutObject", 20, read=False, fails=0.003),
        _object("DeleteObject", 3, read=False),
        Call(
            service="lambda",
            name="Invoke",
            weight=6,
            read=False,
            data=True,
            parameters='{"functionName":"%(function)s","invocationType":"Event","sourceArn":"arn:aws:s3:::%(bucket)s"}',
            additional='{"functionVersion":"%(function)s:$LATEST"}',
            resources='[{"accountId":"%(account)s","type":"AWS::Lambda::Function","ARN":"%(function)s"}]',
        ),
        _DECRYPT,
        _ASSUME,
        _LOGS,
    ),
    "monitoring": (
        _INSTANCES,
        Call(
            service="ec2",
            name="DescribeVolumes",
            weight=5,
            parameters='{"maxResults":500,"volumeSet":{"items":[{"volumeId":"%(volume)s"}]},"filterSet":{}}',
        ),
        Call(
            service="ec2",
            name="DescribeSecurityGroups",
            weight=4,
            parameters='{"securityGroupSet":{},"securityGroupIdSet":{"items":[{"groupId":"%(group)s"}]}}',
        ),
        Call(service="monitoring", name="DescribeAlarms", weight=4, parameters='{"maxRecords":100,"stateValue":"ALARM"}'),
        Call(service="rds", name="DescribeDBInstances", weight=3, parameters='{"dBInstanceIdentifier":"%(table)s-%(word)s"}'),
        Call(service="logs", name="DescribeLogGroups", weight=3, parameters='{"logGroupNamePrefix":"/application/%(table)s","limit":50}'),
    ),
    "deployment": (
        _RUN,
        _INSTANCES,
        Call(
            service="ec2",
            name="AuthorizeSecurityGroupIngress",
            read=False,
            parameters='{"groupId":"%(group)s","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":443,"toPort":443,"groups":{},"ipRanges":{"items":'
            '[{"cidrIp":"198.51.100.0/24","description":"office"}]},"ipv6Ranges":{},"prefixListIds":{}}]}}',
            response='{"requestId":"%(uuid)s","_return":true}',
            error=("Client.InvalidPermission.Duplicate", "the specified rule already exists"),
            fails=0.05,
        ),
        Call(
            service="lambda",
            name="UpdateFunctionCode20150331v2",
            weight=2,
            read=False,
            parameters='{"functionName":"%(function)s","s3Bucket":"%(bucket)s","s3Key":"%(key)s","publish":true,"dryRun":false}',
            response='{"functionName":"%(word)s","functionArn":"%(function)s","runtime":"python3.13","codeSize":48213,"timeout":30,"memorySize":512,'
            '"lastModified":"%(time)s","codeSha256":"%(hex)s%(hex)s","version":"%(number)s","state":"Active"}',
        ),
        Call(service="iam", name="GetRole", weight=4, everywhere=False, parameters='{"roleName":"%(role)s"}'),
        _ASSUME,
    ),
    "build": (
        _object("PutObject", 10, read=False),
        _object("GetObject", 6, read=True),
        Call(service="ecr", name="GetAuthorizationToken", weight=3, read=True, parameters="null"),
        Call(
            service="ecr",
            name="PutImage",
            weight=2,
            read=False,
            parameters='{"registryId":"%(account)s","repositoryName":"%(table)s","imageTag":"build-%(number)s"}',
            resources='[{"accountId":"%(account)s","ARN":"arn:aws:ecr:%(region)s:%(account)s:repository/%(table)s"}]',
        ),
        _ASSUME,
    ),
    "scaling": (
        _RUN,
        Call(
            service="ec2",
            name="TerminateInstances",
            weight=3,
            read=False,
            parameters='{"instancesSet":{"items":[{"instanceId":"%(instance)s"}]}}',
            response='{"requestId":"%(uuid)s","instancesSet":{"items":[{"instanceId":"%(instance)s","currentState":{"code":32,"name":"shutting-down"},'
            '"previousState":{"code":16,"name":"running"}}]}}',
        ),
        _INSTANCES,
    ),
    "person": (
        _LOGIN,
        _INSTANCES,
        Call(service="s3", name="ListBuckets", weight=3, parameters='{"Host":"s3.%(region)s.amazonaws.com"}', additional=_S3_MORE),
        Call(service="iam", name="ListUsers", weight=2, everywhere=False, parameters='{"maxItems":100}'),
        Call(
            service="iam",
            name="CreateRole",
            everywhere=False,
            read=False,
            parameters='{"roleName":"%(word)s-%(number)s"}',
            error=_DENIED,
            fails=0.3,
        ),
        Call(service="cloudtrail", name="LookupEvents", weight=2, parameters='{"maxResults":50}'),
    ),
    "audit": (
        Call(service="iam", name="GetAccountAuthorizationDetails", weight=2, everywhere=False, parameters='{"maxItems":1000}'),
        Call(service="iam", name="ListAccessKeys", weight=3, everywhere=False, parameters='{"userName":"%(word)s"}'),
        Call(service="cloudtrail", name="GetTrailStatus", weight=2, parameters='{"name":"organization-trail"}'),
        Call(
            service="s3",
            name="GetBucketPolicy",
            weight=5,
            parameters="{" + _S3_HOST + ',"policy":""}',
            additional=_S3_MORE,
            resources="[" + _BUCKET + "]",
        ),
        Call(service="config", name="DescribeConfigRules", weight=2, parameters='{"configRuleNames":["%(word)s-encrypted"]}'),
    ),
}
