"""`resources`: what a call was about, where the service says so (`spec/records.md` §8).

Few services do; the table holds them. What is not in it has no `resources`, as in delivered files (IAM, EC2, CloudTrail, Lambda's
management calls have none).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from opentrail.recorder.observation import Observation

Entry = dict[str, str]
Finder = Callable[[Observation], list[Entry]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """Where a service's resources are named: in members of the result, else of the request (`a.b` is `b` within `a`)."""

    type: str | None
    request: tuple[str, ...] = ()
    result: tuple[str, ...] = ()
    arn: str = ""
    """Template of the ARN of a bare name (a leading `/` is dropped): `{region}`, `{account}`, `{name}`."""
    on_error: bool = True
    read: Callable[[Mapping[str, Any]], list[str]] | None = None
    """How to read the names from the request, where they are no plain members."""


def _tables(parameters: Mapping[str, Any]) -> list[str]:
    """The tables of a batch or a transaction on DynamoDB, each once."""
    items = parameters.get("RequestItems")
    if isinstance(items, Mapping):
        return list(items)
    steps = parameters.get("TransactItems") or ()
    return list(dict.fromkeys(inner["TableName"] for step in steps for inner in step.values() if inner and inner.get("TableName")))


def _function(parameters: Mapping[str, Any]) -> list[str]:
    """The name of a function, of `name`, `name:alias` or `account:function:name`; an ARN as it is."""
    given = parameters.get("FunctionName") or ""
    if not given or given.startswith("arn:"):
        return [given] if given else []
    return [given.rpartition("function:")[2]]


def _queue(parameters: Mapping[str, Any]) -> list[str]:
    """Account and name of a queue, as they end its URL."""
    account, _, name = (parameters.get("QueueUrl") or "").rpartition("/")
    return [f"{account.rpartition('/')[2]}:{name}"] if account and name else []


def _iterated(parameters: Mapping[str, Any]) -> list[str]:
    """The stream that an iterator of DynamoDB Streams goes over: its ARN is the first part of it."""
    return [parameters.get("StreamArn") or (parameters.get("ShardIterator") or "").partition("|")[0]]


_TABLE = _Rule(type="AWS::DynamoDB::Table", request=("TableName", "TableArn", "ResourceArn"),
               arn="arn:aws:dynamodb:{region}:{account}:table/{name}")  # fmt: skip
_KEY = _Rule(type="AWS::KMS::Key", result=("KeyId", "KeyMetadata.Arn"), request=("KeyId", "TargetKeyId"),
             arn="arn:aws:kms:{region}:{account}:key/{name}")  # fmt: skip
_PARAMETER = _Rule(type=None, request=("Name", "Names"), arn="arn:aws:ssm:{region}:{account}:parameter/{name}")
_ROLE = _Rule(type="AWS::IAM::Role", request=("RoleArn",), on_error=False)
_TABLES = replace(_TABLE, read=_tables)
_FUNCTION = _Rule(type="AWS::Lambda::Function", read=_function, arn="arn:aws:lambda:{region}:{account}:function:{name}")
_STREAM = _Rule(type="AWS::Kinesis::Stream", request=("StreamARN", "StreamName"), arn="arn:aws:kinesis:{region}:{account}:stream/{name}")
_CONSUMER = _Rule(type="AWS::Kinesis::StreamConsumer", request=("ConsumerARN",))
_QUEUE = _Rule(type="AWS::SQS::Queue", read=_queue, arn="arn:aws:sqs:{region}:{name}")
_TABLE_STREAM = _Rule(type="AWS::DynamoDB::Stream", read=_iterated)
_DELIVERY_STREAM = _Rule(type="AWS::KinesisFirehose::DeliveryStream", request=("DeliveryStreamName",),
                         arn="arn:aws:firehose:{region}:{account}:deliverystream/{name}")  # fmt: skip
_SNAPSHOT = _Rule(type="AWS::EC2::Snapshot", request=("SnapshotId",), arn="arn:aws:ec2:{region}::snapshot/{name}")
_POOL = _Rule(type="AWS::Cognito::IdentityPool", request=("IdentityPoolId",),
              arn="arn:aws:cognito-identity:{region}:{account}:identitypool/{name}")  # fmt: skip
_ENDPOINT = _Rule(type="AWS::SageMaker::Endpoint", request=("EndpointName",), arn="arn:aws:sagemaker:{region}:{account}:endpoint/{name}")
_POLICIES = _Rule(type="AWS::VerifiedPermissions::PolicyStore", request=("policyStoreId",),
                  arn="arn:aws:verifiedpermissions::{account}:policy-store/{name}")  # fmt: skip

_TOPIC = _Rule(type="AWS::SNS::Topic", request=("TopicArn", "TargetArn"))
_PARAMETER_OPERATIONS = ("DeleteParameter", "DeleteParameters", "GetParameter", "GetParameterHistory", "GetParameters", "PutParameter",
                         "LabelParameterVersion", "UnlabelParameterVersion")  # fmt: skip
_MESSAGE_OPERATIONS = ("ChangeMessageVisibility", "ChangeMessageVisibilityBatch", "DeleteMessage", "DeleteMessageBatch", "ReceiveMessage",
                       "SendMessage", "SendMessageBatch")  # fmt: skip
_AUTHORIZATIONS = ("BatchIsAuthorized", "BatchIsAuthorizedWithToken", "IsAuthorized", "IsAuthorizedWithToken")

_S3_PREFIXED = frozenset({"DeleteObjects", "HeadBucket", "ListMultipartUploads", "ListObjectVersions", "ListObjects", "ListObjectsV2"})
"""Data events of S3 without a key: they list what the objects' ARNs begin with (seen: DeleteObjects, ListObjects)."""

RULES: dict[str, dict[str, _Rule]] = {
    # service → operation ("" is all others) → rule
    "cloudtrail-data": {"": _Rule(type="AWS::CloudTrail::Channel", request=("channelArn",))},
    "cognito-identity": dict.fromkeys(("GetId", "GetOpenIdTokenForDeveloperIdentity", "UnlinkDeveloperIdentity"), _POOL),
    "dynamodb": {
        "": _TABLE,
        **dict.fromkeys(("BatchGetItem", "BatchWriteItem", "TransactGetItems", "TransactWriteItems"), _TABLES),
    },
    "dynamodbstreams": {"": _TABLE_STREAM},
    "ebs": {"": _SNAPSHOT},
    "firehose": dict.fromkeys(("PutRecord", "PutRecordBatch"), _DELIVERY_STREAM),
    "kms": {"": _KEY},
    "kinesis": {"": _STREAM, "SubscribeToShard": _CONSUMER},
    "lambda": {"Invoke": _FUNCTION, "InvokeAsync": _FUNCTION, "InvokeWithResponseStream": _FUNCTION},
    "sns": {"Publish": _TOPIC, "PublishBatch": _TOPIC},
    "rds-data": {"": _Rule(type="AWS::RDS::DBCluster", request=("resourceArn",))},
    "sagemaker-runtime": {"": _ENDPOINT},
    "sqs": dict.fromkeys(_MESSAGE_OPERATIONS, _QUEUE),
    "ssm": dict.fromkeys(_PARAMETER_OPERATIONS, _PARAMETER),
    "stepfunctions": {"StartSyncExecution": _Rule(type="AWS::StepFunctions::StateMachine", request=("stateMachineArn",)),
                      "GetActivityTask": _Rule(type="AWS::StepFunctions::Activity", request=("activityArn",))},
    "sts": {"AssumeRole": _ROLE, "AssumeRoleWithSAML": _ROLE, "AssumeRoleWithWebIdentity": _ROLE},
    "verifiedpermissions": dict.fromkeys(_AUTHORIZATIONS, _POLICIES),
}  # fmt: skip


def finder(service: str, operation: str) -> Finder | None:
    """How to find the resources of the operation's calls; `None` when they have none."""
    if service == "s3":
        return _unlisted if operation in ("CreateBucket", "ListBuckets", "ListDirectoryBuckets") else _bucket
    rules = RULES.get(service, {})
    rule = rules.get(operation) or rules.get("")
    if rule is None:
        return None
    chosen = rule
    return lambda observation: _by_rule(chosen, observation)


def _unlisted(observation: Observation) -> list[Entry]:
    """A bucket that is being made is not a resource yet (seen)."""
    return []


def _bucket(observation: Observation) -> list[Entry]:
    parameters = observation.parameters or {}
    bucket = parameters.get("Bucket")
    if not isinstance(bucket, str) or not bucket:
        return []
    if bucket.startswith("arn:"):
        return _access_point(bucket, parameters.get("Key"))
    arn = f"arn:aws:s3:::{bucket}"
    owner = observation.bucket_owner_id if observation.bucket_owner_id is not None else observation.account_id
    entries: list[Entry] = []
    key = parameters.get("Key")
    if isinstance(key, str):
        entries.append({"type": "AWS::S3::Object", "ARN": f"{arn}/{key}"})
    elif observation.operation in _S3_PREFIXED:
        entries.append({"type": "AWS::S3::Object", "ARNPrefix": f"{arn}/{parameters.get('Prefix') or ''}"})
    entries.append({"accountId": owner, "type": "AWS::S3::Bucket", "ARN": arn})
    return entries


def _access_point(arn: str, key: Any) -> list[Entry]:
    which = {"ARN": f"{arn}/object/{key}"} if isinstance(key, str) else {"ARNPrefix": f"{arn}/object/"}
    entries: list[Entry] = [{"type": "AWS::S3::Object", **which}]
    if ":accesspoint/" in arn:
        entries.append({"accountId": _account(arn), "type": "AWS::S3::AccessPoint", "ARN": arn})
    return entries


def _by_rule(rule: _Rule, observation: Observation) -> list[Entry]:
    if observation.error_code and not rule.on_error:
        return []
    names = _values(observation.result, rule.result) or _values(observation.parameters, rule.request)
    if rule.read is not None:
        names = rule.read(observation.parameters or {})
    entries: list[Entry] = []
    for name in names:
        arn = name
        if not name.startswith("arn:"):
            if not rule.arn or name.startswith("alias/"):
                continue
            arn = rule.arn.format(region=observation.region, account=observation.account_id, name=name.removeprefix("/"))
        entry = {"accountId": _account(arn) or observation.account_id}
        kind = _other_type(arn) or rule.type
        if kind is not None:
            entry["type"] = kind
        entry["ARN"] = arn
        entries.append(entry)
        if kind == "AWS::DynamoDB::Stream":
            table = arn.partition("/stream/")[0]
            entries.insert(0, {"accountId": entry["accountId"], "type": "AWS::DynamoDB::Table", "ARN": table})
    return entries


def _other_type(arn: str) -> str | None:
    """What an ARN itself says where one parameter may name resources of several types."""
    return "AWS::SNS::PlatformEndpoint" if arn.startswith("arn:") and ":sns:" in arn and ":endpoint/" in arn else None


def _values(members: Mapping[str, Any] | None, names: tuple[str, ...]) -> list[str]:
    found: list[str] = []
    for name in names:
        value = _member(members, name)
        if isinstance(value, str) and value:
            found.append(value)
        elif isinstance(value, list | tuple):
            found.extend(item for item in value if isinstance(item, str) and item)
        if found:
            break
    return found


def _member(members: Mapping[str, Any] | None, path: str) -> Any:
    value: Any = members
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _account(arn: str) -> str:
    parts = arn.split(":", 5)
    return parts[4] if len(parts) == 6 else ""
