"""Which encryption an object gets, and the keys of those encrypted under a KMS key (S3 user guide, "Using server-side encryption").

SSE-S3 (`AES256`) is what every object has unless somebody asks for more; its data stay a file that a person can read. With SSE-KMS
(`aws:kms`) the data are encrypted (`encrypted.py`) under a data key of the KMS key. The data key is kept with the object as KMS returned
it, so whoever reads the object must be allowed to decrypt it: KMS judges that by the key's policy and grants at that moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec

from opentrail.buckets.encrypted import Encrypter, new_identity
from opentrail.buckets.faults import AccessDenied
from opentrail.buckets.names import bucket_arn, object_arn
from opentrail.buckets.values import SseKms
from opentrail.identity.principals import Principal
from opentrail.kms import ServiceCaller, ServiceKeys
from opentrail.kms.faults import AccessDeniedException, NotFoundException
from opentrail.wire.faults import Fault
from opentrail.wire.faults import fault as make_fault

SSE_S3 = "AES256"
SSE_KMS = "aws:kms"
S3_KEY = "alias/aws/s3"
"""The AWS managed key that is used when nobody names one."""
S3_ARN = "aws:s3:arn"
"""Name in the encryption context: the object's ARN, or with an S3 Bucket Key that of the bucket."""
_SERVICE = "s3"


class Encryption(msgspec.Struct, frozen=True, kw_only=True):
    """The default encryption of a bucket."""

    algorithm: str = SSE_S3
    key_id: str | None = None
    """As given: a key id, key ARN, alias name or alias ARN; `None`: the AWS managed key."""
    bucket_key_enabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """SSE-KMS as somebody asks for it."""

    key_id: str = S3_KEY
    bucket_key_enabled: bool = False
    context: Mapping[str, str] = field(default_factory=dict)
    """Further pairs for the encryption context."""

    def context_for(self, bucket: str, key: str) -> dict[str, str]:
        """The encryption context of the object `key`."""
        return {**self.context, S3_ARN: bucket_arn(bucket) if self.bucket_key_enabled else object_arn(bucket, key)}


@dataclass(frozen=True, slots=True)
class DataKey:
    """The key of one object in plain, while it is written or read; `repr` does not show it."""

    sse: SseKms
    plaintext: bytes = field(repr=False)

    def encrypter(self) -> tuple[Encrypter, str]:
        """A new stream under this key, and its identity: the entity tag of what is written."""
        identity = new_identity()
        return Encrypter(self.plaintext, identity), identity


class ObjectKeys:
    """The data keys of objects, from KMS. Thread-safe.

    Both methods raise what S3 answers: `AccessDenied` when the caller may not use the key, `KMS.NotFoundException`,
    `KMS.DisabledException`, `KMS.KMSInvalidStateException` (pending deletion), `KMS.InvalidKeyUsageException` (not symmetric).
    """

    def __init__(self, keys: ServiceKeys) -> None:
        self._keys = keys

    def new(self, caller: ServiceCaller, wanted: Wanted, bucket: str, key: str) -> DataKey:
        """A data key for a new object (GenerateDataKey)."""
        context = wanted.context_for(bucket, key)
        with _s3_faults(caller, wanted.key_id):
            made = self._keys.generate_data_key(caller, wanted.key_id, context)
        sse = SseKms(key_arn=made.key_arn, data_key=made.ciphertext, context=context, bucket_key_enabled=wanted.bucket_key_enabled)
        return DataKey(sse, made.plaintext)

    def of(self, caller: ServiceCaller, sse: SseKms) -> DataKey:
        """The data key of an object that is there (Decrypt)."""
        with _s3_faults(caller, sse.key_arn):
            return DataKey(sse, self._keys.decrypt(caller, sse.data_key, sse.context))

    def meant(self, account_id: str, region: str, key_id: str) -> str | None:
        """The ARN of the key that somebody in the account means by `key_id`; `None` when there is no such key. Judges nobody."""
        return self._keys.meant(account_id, region, key_id)


def through_s3(principal: Principal, account_id: str, region: str) -> ServiceCaller:
    """Somebody whose call S3 carries out, on a bucket in `region`: the KMS key must be there too."""
    return ServiceCaller(principal=principal, account_id=account_id, region=region, via=_SERVICE)


@contextmanager
def _s3_faults(caller: ServiceCaller, key_id: str) -> Iterator[None]:
    """Faults of KMS in the words of S3: `KMS.` before the code, but `AccessDenied` is S3's own.

    To strangers a key of another account that is not there is one they may not use.
    """
    if not caller.account_id:
        raise AccessDenied()  # whoever comes without signature, whatever a key policy says
    parts = key_id.split(":")
    stranger = len(parts) > 4 and parts[4] != caller.account_id
    try:
        yield
    except AccessDeniedException as error:
        raise AccessDenied(None if stranger else error.message) from None
    except NotFoundException as error:
        if stranger and parts[3] == caller.region:
            raise AccessDenied() from None
        raise _of_kms(error) from None
    except Fault as error:
        raise _of_kms(error) from None


def _of_kms(error: Fault) -> Fault:
    return make_fault(f"KMS.{error.code}", error.message, status=error.status)
