"""The log, called again: each record's parameters, turned back, through OpenTrail by boto3, in the order it all happened.

Ids that the sandbox makes up differ from those of the log. They are learnt from the results of calls: what the record says came back, and
what did come back, laid side by side; later records are changed accordingly before they are turned back.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.handlers import generate_idempotent_uuid
from botocore.model import OperationModel
from botocore.parsers import ResponseParserError

from fidelity import inverse, inverse_ec2, inverse_s3
from fidelity.log import Event, Log, Plain
from opentrail.identity.principals import Principal
from opentrail.recorder import Observation, Recorder
from opentrail.wire.models import Catalogue

AGENT = "record-fidelity"
_WORDS = re.compile(r"[A-Za-z0-9+/=_.-]+")
_ID = re.compile(r"(?=.*\d)[A-Za-z0-9+/=_.-]{8,}")

ALWAYS_PRINTED = {
    # what records say although no client says it
    "interactive", "filterSet", "force", "reportVolumeFailure", "denyAllIgwTraffic", "fullyQualifiedArn",
    "monitorMode",
}  # fmt: skip


def _zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", "def handler(event, context): return {}")
    return packed.getvalue()


FILLED: dict[tuple[str, str], dict[str, Any]] = {
    # what records never say, and the call cannot do without
    ("iam", "ChangePassword"): {"OldPassword": "hidden-Old-1", "NewPassword": "hidden-New-1"},
    ("iam", "CreateLoginProfile"): {"Password": "hidden-Password-1"},
    ("kms", "Decrypt"): {"CiphertextBlob": b"hidden"},
    ("kms", "Encrypt"): {"Plaintext": b"hidden"},
    ("lambda", "CreateFunction"): {"Code": {"ZipFile": _zip()}},
    ("lambda", "UpdateFunctionCode"): {"ZipFile": _zip()},
    ("s3control", "GetStorageLensConfiguration"): {"ConfigId": "default"},
    ("secretsmanager", "PutSecretValue"): {"SecretString": "hidden"},
    ("sts", "AssumeRole"): {"RoleArn": "arn:aws:iam::111122223333:role/hidden", "RoleSessionName": "hidden"},
}


@dataclass
class Call:
    """One call of the replay."""

    event: Event
    expected: Plain | None
    """`requestParameters` of the real record, with our ids in place of those that the sandbox made up anew."""
    unknown: list[str]
    parameters: dict[str, Any]
    error: str | None = None
    failure: str | None = None
    """Why there was no call: the client could not make it."""
    result: Mapping[str, Any] | None = None


@dataclass
class Replay:
    """Calls and the ids learnt on the way."""

    log: Log
    catalogue: Catalogue
    endpoint: str
    key: tuple[str, str]
    ids: dict[str, str] = field(default_factory=dict)
    _clients: dict[str, Any] = field(default_factory=dict)
    _number: int = 0

    def __post_init__(self) -> None:
        self._recorder = Recorder(self.catalogue)

    def run(self, event: Event) -> Call:
        """Make the call of one record."""
        operation = self.catalogue.service(event.service).model.operation_model(event.operation)
        expected = self._translated(event.real["requestParameters"])
        turned = self._turned(event, operation, expected)
        unknown = [name for name in turned.unknown if name not in ALWAYS_PRINTED]
        parameters = {**FILLED.get((event.service, event.operation), {}), **turned.parameters}
        call = Call(event=event, expected=expected, unknown=unknown, parameters=parameters)
        self._number = event.number
        try:
            call.result = self._client(event.service)._make_api_call(event.operation, parameters)
        except ClientError as error:
            call.error = str(error.response["Error"]["Code"])
        except ResponseParserError:
            call.error = "unreadable answer of the sandbox"
        except (BotoCoreError, ValueError, TypeError, AttributeError, KeyError) as error:
            call.failure = f"boto3 cannot make the call: {type(error).__name__}"
        if call.result is not None and event.real.get("responseElements"):
            self._learn(event, call.result)
        return call

    def _turned(self, event: Event, operation: OperationModel, expected: Plain | None) -> inverse.Turned:
        if event.service == "ec2":
            return inverse_ec2.turned(operation, expected)
        if event.service in ("s3", "s3control"):
            return inverse_s3.turned(operation, expected, self.log.account)
        return inverse.turned(operation, expected)

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            client = boto3.session.Session().client(
                service,
                region_name=self.log.region,
                endpoint_url=self.endpoint,
                aws_access_key_id=self.key[0],
                aws_secret_access_key=self.key[1],
                config=Config(
                    retries={"total_max_attempts": 1},
                    parameter_validation=False,
                    inject_host_prefix=False,
                    read_timeout=60,
                    s3={"addressing_style": "path"},
                ),
            )
            client.meta.events.unregister("before-parameter-build", generate_idempotent_uuid)
            client.meta.events.register("before-send.*.*", self._named)
            client.meta.events.register("request-created.*.*", self._here)
            self._clients[service] = client
        return self._clients[service]

    def _named(self, request: AWSPreparedRequest, **_: Any) -> None:
        """The number of the call goes into its User-Agent, by which its record is found."""
        request.headers["User-Agent"] = f"{AGENT}/{self._number}"

    def _here(self, request: Any, **_: Any) -> None:
        """S3 Control puts the account in front of the host."""
        host = self.endpoint.partition("://")[2]
        request.url = request.url.replace(f"//{self.log.account}.{host}", f"//{host}")

    def _translated(self, value: Any) -> Any:
        if isinstance(value, str):
            return _WORDS.sub(lambda word: self.ids.get(word[0], word[0]), value) if self.ids else value
        if isinstance(value, Mapping):
            return {key: self._translated(item) for key, item in value.items()}
        return [self._translated(item) for item in value] if isinstance(value, list) else value

    def _learn(self, event: Event, result: Mapping[str, Any]) -> None:
        """What the sandbox calls the things that the real record names."""
        described = self._recorder.describe(
            Observation(
                service=event.service,
                operation=event.operation,
                principal=Principal(type="Root", account_id=self.log.account, principal_id=self.log.account),
                account_id=self.log.account,
                region=self.log.region,
                request_id="r",
                source_ip="127.0.0.1",
                user_agent=AGENT,
                time=0.0,
                parameters={},
                result={name: value for name, value in result.items() if name != "ResponseMetadata"},
            )
        )
        if described is not None:
            self._compare(event.real["responseElements"], json.loads(described)["responseElements"])

    def _compare(self, real: Any, ours: Any) -> None:
        if isinstance(real, Mapping) and isinstance(ours, Mapping):
            for key, value in real.items():
                self._compare(value, ours.get(key))
        elif isinstance(real, list) and isinstance(ours, list):
            for one, other in zip(real, ours, strict=False):
                self._compare(one, other)
        elif isinstance(real, str) and isinstance(ours, str) and real != ours:
            theirs, own = _WORDS.findall(real), _WORDS.findall(ours)
            if len(theirs) == len(own):
                self.ids.update({one: other for one, other in zip(theirs, own, strict=True) if one != other and _ID.fullmatch(one)})
