"""`resources`: what a call was about, where the service says so (`spec/records.md` §8).

Few services say so of their management events; the table holds them. What is not in it has no `resources`, as in delivered files (IAM,
EC2, CloudTrail, Lambda's management calls have none). A data event always has at least one entry, because selectors look for its type;
what its request names is in `data_resources`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from opentrail.recorder import data_resources, dynamodb, s3_resources
from opentrail.recorder.observation import Observation

Entry = dict[str, str]
Finder = Callable[[Observation], list[Entry]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """Where a resource is named: in members of the result, else of the request (`a.b` is `b` within `a`)."""

    type: str | None
    request: tuple[str, ...] = ()
    result: tuple[str, ...] = ()
    arn: str = ""
    """Template of the ARN of a bare name (a leading `/` is dropped): `{partition}`, `{region}`, `{account}`, `{name}`."""
    on_error: bool = True


def _arn(service: str, rest: str) -> str:
    return f"arn:{{partition}}:{service}:{{region}}:{{account}}:{rest}"


_TABLE = _Rule(type="AWS::DynamoDB::Table", request=("TableName", "TableArn", "ResourceArn"), arn=_arn("dynamodb", "table/{name}"))
_KEY = _Rule(type="AWS::KMS::Key", result=("KeyId", "KeyMetadata.Arn"), request=("KeyId", "TargetKeyId"), arn=_arn("kms", "key/{name}"))
_ALIAS = _Rule(type="AWS::KMS::Key", request=("AliasName",), arn=_arn("kms", "{name}"))
_ALIAS_ONLY = _Rule(type=None, request=("AliasName",), arn=_arn("kms", "{name}"))
_SOURCE_KEY = _Rule(type="AWS::KMS::Key", result=("SourceKeyId",), request=("SourceKeyId",), arn=_arn("kms", "key/{name}"))
_NEW_KEY = _Rule(type="AWS::KMS::Key", result=("KeyId",), request=("DestinationKeyId",), arn=_arn("kms", "key/{name}"))
_PARAMETER = _Rule(type=None, request=("Name", "Names"), arn=_arn("ssm", "parameter/{name}"))
_DOCUMENT = _Rule(type=None, request=("Name",), arn=_arn("ssm", "document/{name}"))
_INSTANCE = _Rule(type=None, request=("InstanceId",), arn=_arn("ec2", "instance/{name}"))
_INVENTORY = _Rule(type=None, request=("InstanceId",), arn=_arn("ssm", "managed-instance-inventory/{name}"))
_ROLE = _Rule(type="AWS::IAM::Role", request=("RoleArn",), on_error=False)
_SAML_PROVIDER = _Rule(type="AWS::IAM::SAMLProvider", request=("PrincipalArn",), on_error=False)
_IMAGES = _Rule(type=None, request=("repositoryName",), arn=_arn("ecr", "repository/{name}"))
_REPOSITORY = _Rule(type="AWS::CodeCommit::Repository", request=("repositoryName",), arn=_arn("codecommit", "{name}"))
_COMPREHEND = (
    _Rule(type="AWS::Comprehend::DocumentClassifier", request=("DocumentClassifierArn",), result=("DocumentClassifierArn",)),
    _Rule(type="AWS::Comprehend::EntityRecognizer", request=("EntityRecognizerArn",), result=("EntityRecognizerArn",)),
)
_CLASSIFIER = _Rule(type="AWS::Comprehend::DocumentClassifierEndpoint", request=("EndpointArn",))
_PARAMETER_OPERATIONS = ("DeleteParameter", "DeleteParameters", "GetParameter", "GetParameterHistory", "GetParameters", "PutParameter",
                         "LabelParameterVersion", "UnlabelParameterVersion")  # fmt: skip

RULES: dict[str, dict[str, tuple[_Rule, ...]]] = {
    # service → operation ("" is all others) → rules (seen: kms, ssm, sts; the others on the services' CloudTrail pages)
    "codecommit": {"": (_REPOSITORY,)},
    "comprehend": {"": _COMPREHEND, "ClassifyDocument": (_CLASSIFIER,)},
    "dynamodb": {"": (_TABLE,)},
    "ecr": {"": (_IMAGES,)},
    "kms": {
        "": (_KEY,), "CreateAlias": (_KEY, _ALIAS), "DeleteAlias": (_ALIAS_ONLY,), "UpdateAlias": (_ALIAS, _KEY),
        "ReEncrypt": (_SOURCE_KEY, _NEW_KEY),
    },
    "ssm": {
        **dict.fromkeys(_PARAMETER_OPERATIONS, (_PARAMETER,)), "DeleteDocument": (_DOCUMENT,), "PutInventory": (_INSTANCE, _INVENTORY),
    },
    "sts": {
        "AssumeRole": (_ROLE,), "AssumeRoleWithSAML": (_ROLE, _SAML_PROVIDER), "AssumeRoleWithWebIdentity": (_ROLE,),
    },
}  # fmt: skip


def finder(service: str, operation: str, types: tuple[str, ...] = ()) -> Finder | None:
    """How to find the resources of the operation's calls; `None` when they have none. `types`: those of a data event, else empty."""
    if service == "s3":
        return s3_resources.finder(operation)
    if types and service in ("dynamodb", "dynamodbstreams"):
        return dynamodb.stream_resources if service == "dynamodbstreams" else dynamodb.table_resources
    if types:
        return _data_finder(types)
    rules = RULES.get(service, {})
    chosen = rules.get(operation) or rules.get("")
    if not chosen:
        return None
    return lambda observation: [entry for rule in chosen for entry in _by_rule(rule, observation)]


def _data_finder(types: tuple[str, ...]) -> Finder:
    named = [(kind, data_resources.namer(kind)) for kind in types]

    def find(observation: Observation) -> list[Entry]:
        place = place_of(observation)
        parameters = observation.parameters or {}
        entries = [
            {"accountId": account_of(arn) or observation.account_id, "type": kind, "ARN": arn}
            for kind, name in named
            if name is not None
            for arn in name(parameters, place)
        ]
        return entries or [{"type": types[0]}]

    return find


def place_of(observation: Observation) -> dict[str, str]:
    """What the ARN of a resource of the called account begins with."""
    region = observation.region
    partition = "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
    return {"partition": partition, "region": region, "account": observation.account_id}


def _by_rule(rule: _Rule, observation: Observation) -> list[Entry]:
    if observation.error_code and not rule.on_error:
        return []
    names = _values(observation.result, rule.result) or _values(observation.parameters, rule.request)
    entries: list[Entry] = []
    for name in names:
        arn = name
        if not name.startswith("arn:"):
            if not rule.arn or (name.startswith("alias/") and "key/" in rule.arn):
                continue
            arn = rule.arn.format(**place_of(observation), name=name.removeprefix("/"))
        entry = {"accountId": account_of(arn) or observation.account_id}
        if rule.type is not None:
            entry["type"] = rule.type
        entry["ARN"] = arn
        entries.append(entry)
    return entries


def _values(members: Mapping[str, Any] | None, names: tuple[str, ...]) -> list[str]:
    for name in names:
        found = data_resources.texts(members, name.split("."))
        if found:
            return found
    return []


def account_of(arn: str) -> str:
    """The account in an ARN; empty where it has none."""
    parts = arn.split(":", 5)
    return parts[4] if len(parts) == 6 else ""
