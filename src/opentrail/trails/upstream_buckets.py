"""Log buckets on a real S3: what `--upstream s3=URL` names. Written to with credentials of OpenTrail's own, as CloudTrail writes.

The credentials are those of the URL (`https://KEY:SECRET@host`) or, where it has none, what botocore finds where every AWS program looks:
the environment, the shared files, the role of the container or instance. They are looked up when they are needed, so what is wrong with
them shows in the status of the trail, and goes when it is put right; a secret is in no message.

Whether a bucket may be written to is asked by writing: an empty object `[prefix/]AWSLogs/<account>/`, such as CloudTrail leaves, too.
That needs no more rights than delivery does.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import botocore.exceptions as trouble
from botocore.config import Config
from botocore.session import Session

from opentrail.trails.keys import logs
from opentrail.wire.faults import Fault, fault

ACL = "bucket-owner-full-control"
CONNECT_TIMEOUT, READ_TIMEOUT = 10.0, 60.0
"""Seconds; a put that takes longer is tried again."""
MOST_CONNECTIONS = 16

_CREDENTIALS = (
    trouble.NoCredentialsError,
    trouble.PartialCredentialsError,
    trouble.CredentialRetrievalError,
    trouble.ProfileNotFound,
    trouble.ConfigNotFound,
    trouble.ConfigParseError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamS3:
    """Where that S3 is and how it is spoken to."""

    url: str
    region: str
    """Region that requests are signed for; where a bucket of AWS is in another one, the answer tells."""
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    profile: str | None = None
    """Profile of the shared files whose credentials are used."""
    path_style: bool = True
    """Whether the bucket is in the path of the URL rather than in the name of the host."""


class UpstreamBuckets:
    """The buckets of an upstream. Any thread may use them."""

    def __init__(self, upstream: UpstreamS3) -> None:
        self._upstream = upstream
        self._lock = threading.Lock()
        self._client: Any = None

    def check(
        self,
        *,
        bucket: str,
        prefix: str | None,
        account_id: str,
        source_arn: str,
        organization_id: str | None = None,
        kms_key_id: str | None = None,
    ) -> None:
        """Put the empty object. Raises what the upstream answers, and `ServiceUnavailable` where it does not."""
        key = logs(prefix, organization_id) + ("" if organization_id else f"{account_id}/")
        try:
            self._put(bucket, key, b"", {}, source_arn, kms_key_id)
        except trouble.BotoCoreError as error:
            said = f"The upstream {self._upstream.url} does not answer ({type(error).__name__}). Try again later."
            raise fault("ServiceUnavailable", said, status=503, sender=False) from error

    def put(
        self,
        *,
        bucket: str,
        key: str,
        body: bytes,
        metadata: Mapping[str, str],
        source_arn: str,
        account_id: str,
        kms_key_id: str | None = None,
    ) -> None:
        """Write one object. Writing the same again changes nothing, except that a versioned bucket has one more version.

        Raises the upstream's own faults (`NoSuchBucket`, `AccessDenied`, `InvalidAccessKeyId`, …), `AccessDenied` where there are no
        credentials, and `BotoCoreError` where there is no answer."""
        self._put(bucket, key, body, metadata, source_arn, kms_key_id)

    def _put(self, bucket: str, key: str, body: bytes, metadata: Mapping[str, str], source_arn: str, kms_key_id: str | None) -> None:
        encryption: dict[str, str] = {}
        if kms_key_id is not None:
            context = json.dumps({"aws:cloudtrail:arn": source_arn}).encode()
            encryption = {
                "ServerSideEncryption": "aws:kms",
                "SSEKMSKeyId": kms_key_id,
                "SSEKMSEncryptionContext": base64.b64encode(context).decode(),
            }
        with as_faults(self._upstream):
            self._connected().put_object(
                Bucket=bucket,
                Key=key,
                Body=body,
                ACL=ACL,
                ContentType="application/json",
                ContentMD5=base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode(),
                Metadata=dict(metadata),
                **encryption,
            )

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = client(self._upstream)
            return self._client


def client(upstream: UpstreamS3) -> Any:
    """A botocore client of that S3. Raises `BotoCoreError`."""
    config = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        max_pool_connections=MOST_CONNECTIONS,
        retries={"total_max_attempts": 1},  # trying again, and when, is the courier's business
        signature_version="s3v4",
        request_checksum_calculation="when_required",  # Content-MD5 is understood by every S3
        s3={"addressing_style": "path" if upstream.path_style else "virtual"},
    )
    given: dict[str, Any] = {}
    if upstream.access_key_id is not None:
        given = {"aws_access_key_id": upstream.access_key_id, "aws_secret_access_key": upstream.secret_access_key}
    session = Session(profile=upstream.profile)
    return session.create_client("s3", region_name=upstream.region, endpoint_url=upstream.url, config=config, **given)


@contextmanager
def as_faults(upstream: UpstreamS3) -> Iterator[None]:
    """What the upstream answers, as a fault."""
    try:
        yield
    except trouble.ClientError as error:
        said = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
        raise _refusal(str(said.get("Code") or status), str(said.get("Message") or "The upstream refused."), status) from error
    except _CREDENTIALS as error:
        raise _refusal("AccessDenied", f"There are no credentials for {upstream.url}: {type(error).__name__}.", 403) from error
    except trouble.ParamValidationError as error:  # the name of a bucket that cannot be one
        raise _refusal("NoSuchBucket", "The specified bucket does not exist", 404) from error


def _refusal(code: str, message: str, status: int) -> Fault:
    return fault(code, message, status=status, sender=status < 500)
