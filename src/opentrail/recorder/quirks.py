"""What single operations print differently from the rule, as seen in delivered files or documented on the services' CloudTrail pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opentrail.recorder.masking import without_user_info
from opentrail.recorder.observation import Observation

Part = Callable[[Observation], Mapping[str, Any]]
Change = Callable[[dict[str, Any], Observation], dict[str, Any]]

_STS_GLOBAL_HOST = "sts.amazonaws.com"


def request(service: str, operation: str, write: Part | None) -> Part | None:
    """The writer of `requestParameters`, changed where the operation is peculiar."""
    return _changed(write, REQUESTS.get((service, operation)))


def response(service: str, operation: str, write: Part | None) -> Part | None:
    """The writer of `responseElements`, changed where the operation is peculiar."""
    return _changed(write, RESPONSES.get((service, operation)))


def _changed(write: Part | None, change: Change | None) -> Part | None:
    if write is None or change is None:
        return write
    plain, peculiar = write, change
    return lambda observation: peculiar(dict(plain(observation)), observation)


def _always(**defaults: Any) -> Change:
    """Printed even when it was not sent."""
    return lambda printed, observation: {**defaults, **printed}


def _without(*names: str) -> Change:
    """Not printed although it was answered."""
    return lambda printed, observation: {name: value for name, value in printed.items() if name not in names}


def _only_arn(printed: dict[str, Any], observation: Observation) -> dict[str, Any]:
    return {"arn": printed["aRN"]} if "aRN" in printed else printed


def _qualified(printed: dict[str, Any], observation: Observation) -> dict[str, Any]:
    """Lambda's updates show the function's ARN, whole and in parts."""
    named = str(printed.get("functionName", ""))
    pieces = named.split(":")
    # name, account:name, account:function:name, arn:partition:lambda:region:account:function:name, each with or without :qualifier
    partition, region, account = "aws", observation.region, observation.account_id
    if named.startswith("arn:") and len(pieces) >= 7:
        partition, region, account, name = pieces[1], pieces[3], pieces[4], pieces[6]
        qualifier = pieces[7] if len(pieces) > 7 else None
    elif "function" in pieces[:-1]:
        at = pieces.index("function")
        account, name = (pieces[0] if at else account), pieces[at + 1]
        qualifier = pieces[at + 2] if len(pieces) > at + 2 else None
    else:
        name, qualifier = pieces[0], pieces[1] if len(pieces) > 1 else None
    arn = f"arn:{partition}:lambda:{region}:{account}:function:{name}"
    return {
        "fullyQualifiedArn": {
            "arnPrefix": {"partition": partition, "region": region, "account": account},
            "relativeId": {"functionName": name},
            "functionQualifier": {"version": qualifier} if qualifier else {},
        },
        **printed,
        "functionName": arn,
    }


def _named_by_arn(printed: dict[str, Any], observation: Observation) -> dict[str, Any]:
    return {**printed, "functionName": _qualified(printed, observation)["functionName"]}


def _with_defaults(change: Change, **defaults: Any) -> Change:
    return lambda printed, observation: change({**defaults, **printed}, observation)


def _new_key(printed: dict[str, Any], observation: Observation) -> dict[str, Any]:
    """KMS names what a new key is for, and its spec in both spellings."""
    spec = printed.get("keySpec") or printed.get("customerMasterKeySpec") or "SYMMETRIC_DEFAULT"
    return {
        "description": "",
        "origin": "AWS_KMS",
        "keyUsage": "ENCRYPT_DECRYPT",
        "bypassPolicyLockoutSafetyCheck": False,
        **printed,
        "keySpec": spec,
        "customerMasterKeySpec": spec,
    }


def _without_password(printed: dict[str, Any], observation: Observation) -> dict[str, Any]:
    """The URL of a subscriber may hold a user name and password, which is no business of the record."""
    endpoint = printed.get("endpoint")
    return {**printed, "endpoint": without_user_info(endpoint)} if isinstance(endpoint, str) and "://" in endpoint else printed


REQUESTS: dict[tuple[str, str], Change] = {
    ("ec2-instance-connect", "SendSerialConsoleSSHPublicKey"): _always(monitorMode=False),
    ("kms", "CreateKey"): _new_key,
    ("kms", "Decrypt"): _always(encryptionAlgorithm="SYMMETRIC_DEFAULT"),
    ("kms", "Encrypt"): _always(encryptionAlgorithm="SYMMETRIC_DEFAULT"),
    ("kms", "ReEncrypt"): _always(sourceEncryptionAlgorithm="SYMMETRIC_DEFAULT", destinationEncryptionAlgorithm="SYMMETRIC_DEFAULT"),
    ("kms", "ReplicateKey"): _always(bypassPolicyLockoutSafetyCheck=False, description=""),
    ("lambda", "CreateFunction"): _always(publish=False, environment={}),
    ("lambda", "UpdateFunctionCode"): _with_defaults(_qualified, publish=False, dryRun=False),
    ("lambda", "UpdateFunctionConfiguration"): _named_by_arn,
    ("sns", "Subscribe"): _without_password,
    ("ssm", "SendCommand"): _always(interactive=False),
}

RESPONSES: dict[tuple[str, str], Change] = {
    ("kms", "CreateGrant"): _without("grantToken"),
    ("lambda", "CreateFunction"): _always(environment={}),
    ("lambda", "UpdateFunctionCode"): _always(environment={}),
    ("secretsmanager", "CreateSecret"): _only_arn,
    ("secretsmanager", "PutSecretValue"): _only_arn,
}


def sts_request_details(observation: Observation) -> dict[str, Any]:
    """`additionalEventData.RequestDetails` of STS: which endpoint was asked (`spec/trails.md` §5)."""
    everywhere = observation.host.partition(":")[0] == _STS_GLOBAL_HOST
    return {
        "RequestDetails": {
            "endpointType": "global" if everywhere else "regional",
            "awsServingRegion": "us-east-1" if everywhere else observation.region,
        }
    }
