"""`resources`: what a call was about, where the service says so (`spec/records.md` §8).

Few services do; the table holds them. What is not in it has no `resources`, as in delivered files (IAM, EC2, CloudTrail, Lambda's
management calls have none).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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


_TABLE = _Rule(type="AWS::DynamoDB::Table", request=("TableName", "TableArn", "ResourceArn"),
               arn="arn:aws:dynamodb:{region}:{account}:table/{name}")  # fmt: skip
_KEY = _Rule(type="AWS::KMS::Key", result=("KeyId", "KeyMetadata.Arn"), request=("KeyId", "TargetKeyId"),
             arn="arn:aws:kms:{region}:{account}:key/{name}")  # fmt: skip
_PARAMETER = _Rule(type=None, request=("Name", "Names"), arn="arn:aws:ssm:{region}:{account}:parameter/{name}")
_ROLE = _Rule(type="AWS::IAM::Role", request=("RoleArn",), on_error=False)
_FUNCTION = _Rule(type="AWS::Lambda::Function", request=("FunctionName",), arn="arn:aws:lambda:{region}:{account}:function:{name}")
_STREAM = _Rule(type="AWS::Kinesis::Stream", request=("StreamARN", "StreamName"), arn="arn:aws:kinesis:{region}:{account}:stream/{name}")

_TOPIC = _Rule(type="AWS::SNS::Topic", request=("TopicArn",))
_PARAMETER_OPERATIONS = ("DeleteParameter", "DeleteParameters", "GetParameter", "GetParameterHistory", "GetParameters", "PutParameter",
                         "LabelParameterVersion", "UnlabelParameterVersion")  # fmt: skip

RULES: dict[str, dict[str, _Rule]] = {
    # service → operation ("" is all others) → rule
    "dynamodb": {"": _TABLE},
    "kms": {"": _KEY},
    "kinesis": {"": _STREAM},
    "lambda": {"Invoke": _FUNCTION, "InvokeAsync": _FUNCTION, "InvokeWithResponseStream": _FUNCTION},
    "sns": {"Publish": _TOPIC, "PublishBatch": _TOPIC},
    "ssm": dict.fromkeys(_PARAMETER_OPERATIONS, _PARAMETER),
    "sts": {"AssumeRole": _ROLE, "AssumeRoleWithSAML": _ROLE, "AssumeRoleWithWebIdentity": _ROLE},
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
    if not isinstance(bucket, str) or not bucket or bucket.startswith("arn:"):
        return []
    arn = f"arn:aws:s3:::{bucket}"
    owner = observation.bucket_owner_id if observation.bucket_owner_id is not None else observation.account_id
    entries: list[Entry] = []
    key = parameters.get("Key")
    if isinstance(key, str):
        entries.append({"type": "AWS::S3::Object", "ARN": f"{arn}/{key}"})
    elif observation.operation in ("ListObjects", "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads"):
        entries.append({"type": "AWS::S3::Object", "ARNPrefix": f"{arn}/{parameters.get('Prefix') or ''}"})
    entries.append({"accountId": owner, "type": "AWS::S3::Bucket", "ARN": arn})
    return entries


def _by_rule(rule: _Rule, observation: Observation) -> list[Entry]:
    if observation.error_code and not rule.on_error:
        return []
    names = _values(observation.result, rule.result) or _values(observation.parameters, rule.request)
    entries: list[Entry] = []
    for name in names:
        arn = name
        if not name.startswith("arn:"):
            if not rule.arn or name.startswith("alias/"):
                continue
            arn = rule.arn.format(region=observation.region, account=observation.account_id, name=name.removeprefix("/"))
        entry = {"accountId": _account(arn) or observation.account_id}
        if rule.type is not None:
            entry["type"] = rule.type
        entry["ARN"] = arn
        entries.append(entry)
    return entries


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
