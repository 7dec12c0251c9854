"""How records call services and operations, and the Region they put a call in.

Tables are data with a default: `eventSource` is the endpoint prefix (the signing name where the prefix has several labels) plus
`.amazonaws.com`, `eventName` the operation. What is seen in delivered files is checked against them in the tests.
"""

from __future__ import annotations

import re

from botocore.model import OperationModel, ServiceModel

EVENT_SOURCES: dict[str, str] = {
    # botocore's service → first label(s) of eventSource, where the default would be wrong
    "appconfigdata": "appconfig",
    "application-autoscaling": "autoscaling",
    "application-signals": "applicationsignals",
    "appstream": "appstream",
    "bedrock-agent": "bedrock",
    "bedrock-agent-runtime": "bedrock",
    "bedrock-runtime": "bedrock",
    "bedrock-agentcore-control": "bedrock-agentcore",
    "bedrock-data-automation": "bedrock",
    "bedrock-data-automation-runtime": "bedrock",
    "chime-sdk-identity": "chime",
    "chime-sdk-media-pipelines": "chime",
    "chime-sdk-meetings": "chime",
    "chime-sdk-messaging": "chime",
    "chime-sdk-voice": "chime",
    "cloudhsmv2": "cloudhsm",
    "forecastquery": "forecast",
    "iot-data": "iotdata",
    "keyspacesstreams": "cassandra",
    "lex-models": "lex",
    "lex-runtime": "lex",
    "lexv2-models": "lex",
    "lexv2-runtime": "lex",
    "mailmanager": "ses",
    "meteringmarketplace": "metering-marketplace",
    "mq": "amazonmq",
    "neptune": "rds",
    "docdb": "rds",
    "networkmonitor": "networksynthetics",
    "pinpoint": "pinpoint",
    "personalize-runtime": "personalize",
    "pinpoint-email": "ses",
    "s3control": "s3",
    "rds-data": "rdsdata",
    "ses": "ses",
    "sesv2": "ses",
    "sso": "sso",
    "sso-admin": "sso",
    "sso-oidc": "sso",
    "workmailmessageflow": "workmailMessageFlow",
}

EVENT_NAMES: dict[str, dict[str, str]] = {
    # S3 and S3 Control print the names of the original REST API (seen, all but the Put… and Delete… twins)
    "s3": {
        "DeletePublicAccessBlock": "DeleteBucketPublicAccessBlock",
        "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
        "GetBucketLifecycleConfiguration": "GetBucketLifecycle",
        "GetBucketNotificationConfiguration": "GetBucketNotification",
        "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
        "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
        "ListObjectsV2": "ListObjects",
        "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
        "PutBucketLifecycleConfiguration": "PutBucketLifecycle",
        "PutBucketNotificationConfiguration": "PutBucketNotification",
        "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
        "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    },
    "s3control": {
        "DeletePublicAccessBlock": "DeleteAccountPublicAccessBlock",
        "GetPublicAccessBlock": "GetAccountPublicAccessBlock",
        "PutPublicAccessBlock": "PutAccountPublicAccessBlock",
    },
}

_LAMBDA_DATED = frozenset({"2014-11-13", "2015-03-31", "2016-08-19", "2017-03-31", "2017-10-31", "2018-10-31"})
"""Lambda prints the date of an operation's path after its name, for paths this old (seen: GetFunctionCodeSigningConfig, 2020, is bare)."""
_LAMBDA_SECOND = frozenset(
    {"AddPermission", "RemovePermission", "GetFunction", "GetFunctionConfiguration", "GetPolicy", "UpdateFunctionCode",
     "UpdateFunctionConfiguration", "TagResource", "UntagResource"}
)  # fmt: skip
"""… and `v2` after the date (seen: AddPermission, RemovePermission, GetFunction, UpdateFunctionCode)."""
_LAMBDA_DATA = frozenset({"Invoke", "InvokeAsync", "InvokeWithResponseStream"})
_DATE = re.compile(r"^/(\d{4}-\d{2}-\d{2})/")

API_VERSIONS: dict[str, str] = {
    # services that print apiVersion (seen: logs, elb, elbv2, route53; the others on the services' CloudTrail pages)
    "cloudfront": "2020_05_31",
    "codecommit": "2015-04-13",
    "dynamodb": "2012-08-10",
    "dynamodbstreams": "2012-08-10",
    "efs": "2015-02-01",
    "elb": "2012-06-01",
    "elbv2": "2015-12-01",
    "events": "2015-10-07",
    "fms": "2018-01-01",
    "inspector": "v20160216",
    "kinesisanalytics": "2015-08-14",
    "logs": "20140328",
    "route53": "2013-04-01",
    "shield": "AWSShield_20160616",
    "storagegateway": "20130630",
    "waf": "2015-08-24",
    "waf-regional": "2015-08-24",
    "wafv2": "2019-04-23",
}

GLOBAL_REGIONS: dict[str, str] = {
    # event sources of services that have one endpoint for all Regions → the Region their events are in (spec/trails.md §5)
    "account.amazonaws.com": "us-east-1",
    "budgets.amazonaws.com": "us-east-1",
    "ce.amazonaws.com": "us-east-1",
    "cloudfront.amazonaws.com": "us-east-1",
    "globalaccelerator.amazonaws.com": "us-west-2",
    "health.amazonaws.com": "us-east-1",
    "iam.amazonaws.com": "us-east-1",
    "networkmanager.amazonaws.com": "us-west-2",
    "organizations.amazonaws.com": "us-east-1",
    "route53.amazonaws.com": "us-east-1",
    "route53domains.amazonaws.com": "us-east-1",
    "shield.amazonaws.com": "us-east-1",
    "support.amazonaws.com": "us-east-1",
    "waf.amazonaws.com": "us-east-1",
}

_STS_GLOBAL_HOST = "sts.amazonaws.com"


def event_source(model: ServiceModel) -> str:
    """`eventSource` of the service: `monitoring.amazonaws.com` for CloudWatch."""
    named = EVENT_SOURCES.get(model.service_name)
    if named is None:
        prefix = model.endpoint_prefix
        named = model.signing_name if "." in prefix else prefix
    return named + ".amazonaws.com"


S3_SOURCES = ("s3.amazonaws.com", "s3express.amazonaws.com", "s3-outposts.amazonaws.com")
"""Every `eventSource` that a call of S3 may have, its own first."""


def s3_source(bucket: object) -> str | None:
    """`eventSource` of a call of S3 on a directory bucket or on an Outpost; `None` for all other buckets (S3's own)."""
    if not isinstance(bucket, str):
        return None
    if bucket.endswith(("--x-s3", "--xa-s3")):
        return "s3express.amazonaws.com"
    return "s3-outposts.amazonaws.com" if bucket.startswith("arn:") and ":s3-outposts:" in bucket else None


def event_name(operation: OperationModel) -> str:
    """`eventName` of the operation: `CreateFunction20150331`, `GetBucketLifecycle`."""
    service, name = operation.service_model.service_name, operation.name
    renamed = EVENT_NAMES.get(service, {}).get(name)
    if renamed is not None:
        return renamed
    if service == "lambda" and name not in _LAMBDA_DATA:
        dated = _DATE.match(operation.http.get("requestUri", ""))
        if dated and dated[1] in _LAMBDA_DATED:
            return name + dated[1].replace("-", "") + ("v2" if name in _LAMBDA_SECOND else "")
    return name


def api_version(service: str) -> str | None:
    """`apiVersion`, for the few services (botocore names) that print it."""
    return API_VERSIONS.get(service)


def recorded_region(source: str, region: str, host: str = "") -> str:
    """`awsRegion` of a call to `source` (an event source) in `region`; `host` is the `Host` the client asked for, if known.

    Global services record in their one Region. STS is global only at `sts.amazonaws.com`.
    """
    if source == _STS_GLOBAL_HOST:
        return "us-east-1" if host.partition(":")[0] == _STS_GLOBAL_HOST else region
    return GLOBAL_REGIONS.get(source, region)


def is_global(source: str, *, sts_endpoint: str | None = None) -> bool:
    """Whether events of `source` are global service events; for STS when `sts_endpoint` (its `RequestDetails.endpointType`) is `global`."""
    if source == _STS_GLOBAL_HOST:
        return sts_endpoint == "global"
    return source in GLOBAL_REGIONS
