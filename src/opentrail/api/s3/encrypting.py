"""What a request says about the encryption of an object, and the key that its caller gets for it."""

from __future__ import annotations

import json
import re
import uuid
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentrail.api.call import Call, Inner
from opentrail.buckets.configurations import Access
from opentrail.buckets.encrypted import Encrypter
from opentrail.buckets.encryption import S3_ARN, S3_KEY, SSE_KMS, SSE_S3, DataKey, ObjectKeys, Wanted, through_s3
from opentrail.buckets.faults import AccessDenied, InvalidArgument, NotServed
from opentrail.buckets.objects import OpenObject
from opentrail.buckets.values import SseKms
from opentrail.identity.principals import on_behalf_of
from opentrail.kms import ServiceCaller
from opentrail.recorder import Observation
from opentrail.wire.faults import Fault

_SOURCE = "s3.amazonaws.com"
_KEY_ARN = re.compile(r"arn:aws:kms:[^:]+:(\d{12}):.+")
_HEADER = "x-amz-server-side-encryption"
_CONTEXT_HEADER = f"{_HEADER}-context"
_MAX_CONTEXT = 8192
"""Bytes of the header: it is kept with the object."""


def new_key(keys: ObjectKeys, call: Call, access: Access) -> DataKey | None:
    """A data key for the object that the call writes, by leave of KMS; `None`: SSE-S3.

    Raises `InvalidArgument`, `NotServed`, and what `ObjectKeys` raises.
    """
    found = wanted(call.parameters, access)
    if found is None:
        return None
    bucket, key = access.bucket.name, call.parameters["Key"]
    asked = {"KeyId": found.key_id, "KeySpec": "AES_256", "EncryptionContext": found.context_for(bucket, key)}
    with _noted(call, access, "GenerateDataKey", asked) as told:
        made = keys.new(_caller(call, access), found, bucket, key)
        told["KeyId"] = made.sse.key_arn
    return made


def key_of(keys: ObjectKeys, call: Call, access: Access, sse: SseKms | None) -> DataKey | None:
    """The key of an object or upload in the bucket of `access`, for a caller who may decrypt it. Raises what `ObjectKeys` raises."""
    if sse is None:
        return None
    with _noted(call, access, "Decrypt", {"EncryptionContext": sse.context}, sse.key_arn):
        return keys.of(_caller(call, access), sse)


def _caller(call: Call, access: Access) -> ServiceCaller:
    return through_s3(call.caller, call.caller.account_id, access.bucket.region)


@contextmanager
def _noted(call: Call, access: Access, operation: str, asked: dict[str, Any], key_arn: str = "") -> Iterator[dict[str, Any]]:
    """Note the call to KMS that is made inside: a management event of the caller, by way of S3, and of the account of the key."""
    try:
        yield asked
    except Fault as refusal:
        _note(call, access, operation, asked, key_arn, refusal)
        raise
    _note(call, access, operation, asked, key_arn, None)


def _note(call: Call, access: Access, operation: str, asked: Mapping[str, Any], key_arn: str, refusal: Fault | None) -> None:
    caller = call.caller
    if not caller.account_id:
        return  # never got as far as KMS
    found = _KEY_ARN.fullmatch(key_arn or asked["KeyId"])
    owner = found.group(1) if found is not None else None
    observation = Observation(
        service="kms",
        operation=operation,
        principal=on_behalf_of(caller, _SOURCE),
        account_id=caller.account_id,
        region=access.bucket.region,
        request_id=str(uuid.uuid4()),
        source_ip=_SOURCE,
        user_agent=_SOURCE,
        time=call.time.timestamp(),
        parameters=asked,
        result=None if refusal is not None else {},
        error_code=None if refusal is None else _code(refusal),
        error_message=None if refusal is None else refusal.message,
        resources=({"accountId": owner, "type": "AWS::KMS::Key", "ARN": key_arn},) if key_arn and owner else (),
    )
    call.within.append(Inner(observation=observation, owner=owner))


def _code(fault: Fault) -> str:
    """A fault's code as KMS has it."""
    return "AccessDeniedException" if isinstance(fault, AccessDenied) else fault.code.removeprefix("KMS.")


def unlock(keys: ObjectKeys, call: Call, access: Access, opened: OpenObject) -> None:
    """Make an open object readable. Raises what `ObjectKeys` raises; `InternalError` when its file is damaged."""
    key = key_of(keys, call, access, opened.stored.attributes.sse_kms)
    if key is not None:
        opened.unlock(key.plaintext)


def stream(key: DataKey | None) -> tuple[Encrypter | None, str | None]:
    """The encrypter for new data under `key`, and their entity tag; nothing of the kind for SSE-S3."""
    return (None, None) if key is None else key.encrypter()


def members(sse: SseKms | None) -> dict[str, Any]:
    """The members of an answer that tell how an object is encrypted."""
    if sse is None:
        return {"ServerSideEncryption": SSE_S3}
    told = {"ServerSideEncryption": SSE_KMS, "SSEKMSKeyId": sse.key_arn}
    return told | ({"BucketKeyEnabled": True} if sse.bucket_key_enabled else {})


def echoed(given: Mapping[str, Any]) -> dict[str, str]:
    """The encryption context of a request, for its answer."""
    context = given.get("SSEKMSEncryptionContext")
    return {"SSEKMSEncryptionContext": context} if context else {}


def wanted(given: Mapping[str, Any], access: Access) -> Wanted | None:
    """SSE-KMS as the request has it, or else the bucket; `None`: SSE-S3. Raises `InvalidArgument`, `NotServed`."""
    algorithm, key_id, context = given.get("ServerSideEncryption"), given.get("SSEKMSKeyId"), given.get("SSEKMSEncryptionContext")
    not_served(algorithm)
    if algorithm not in (None, SSE_S3, SSE_KMS):
        raise InvalidArgument("The encryption method specified is not supported", ArgumentName=_HEADER, ArgumentValue=algorithm)
    if algorithm != SSE_KMS and (key_id or context):
        raise InvalidArgument(
            f"Server Side Encryption with AWS KMS managed key requires HTTP header {_HEADER} : {SSE_KMS}",
            ArgumentName=_HEADER,
            ArgumentValue=algorithm,
        )
    default = access.encryption
    if algorithm == SSE_S3 or (algorithm is None and default.algorithm == SSE_S3):
        return None
    named = key_id if algorithm == SSE_KMS else default.key_id
    bucket_key = given.get("BucketKeyEnabled")
    return Wanted(
        key_id=named or S3_KEY,
        bucket_key_enabled=default.bucket_key_enabled if bucket_key is None else bool(bucket_key),
        context=_context(context),
    )


def not_served(algorithm: str | None) -> None:
    """Raises `NotServed` for kinds of encryption that AWS has and OpenTrail has not."""
    if algorithm in ("aws:kms:dsse", "aws:fsx"):
        raise NotServed(f"OpenTrail does not serve encryption of objects with {algorithm}; use {SSE_KMS} or {SSE_S3}.")


def _context(header: str | None) -> dict[str, str]:
    if not header:
        return {}
    try:
        found = json.loads(b64decode(header, validate=True).decode())
    except (Base64Error, ValueError, RecursionError):
        found = None
    texts = isinstance(found, dict) and all(isinstance(value, str) and _is_text(name + value) for name, value in found.items())
    if not texts or len(header) > _MAX_CONTEXT:
        raise _wrong_context("must be the Base64 of a JSON object in UTF-8 whose values are texts")
    if S3_ARN in found:
        raise _wrong_context(f"cannot hold {S3_ARN}, which S3 sets")
    return dict(found)


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _wrong_context(problem: str) -> InvalidArgument:
    return InvalidArgument(f"The header '{_CONTEXT_HEADER}' {problem}.", ArgumentName=_CONTEXT_HEADER)
