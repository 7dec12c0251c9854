"""KMS keys of event data stores: `lake.neighbours.StoreKeys` on top of the house's KMS (reference of Lake, §2.3).

CloudTrail comes in its own name and for no trail: a statement of the key's policy with a condition on `aws:SourceArn` does not let it in.
"""

from __future__ import annotations

import re
from typing import Final

from opentrail.identity import Principal
from opentrail.identity.principals import service_principal
from opentrail.kms import ServiceCaller, ServiceKeys
from opentrail.kms.faults import AccessDeniedException, InvalidArnException, NotFoundException
from opentrail.lake.faults import (
    InsufficientEncryptionPolicyException,
    InvalidKmsKeyIdException,
    KmsException,
    KmsKeyNotFoundException,
)
from opentrail.wire.faults import Fault

CLOUDTRAIL: Final = "cloudtrail.amazonaws.com"
CONTEXT: Final[dict[str, str]] = {}
"""Encryption context of the data keys of stores."""

_KEY_ID: Final = r"(?:mrk-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_ALIAS: Final = r"alias/(?!aws/)[A-Za-z0-9/_-]{1,250}"
_FORMS: Final = re.compile(rf"(?:{_KEY_ID}|{_ALIAS}|(arn:aws[a-z-]*:kms:([a-z0-9-]+):(\d{{12}}):(?:key/{_KEY_ID}|{_ALIAS})))")


class KeysOfStores:
    """See the module. Blocking and thread-safe."""

    def __init__(self, keys: ServiceKeys) -> None:
        self._keys = keys

    def check(self, *, kms_key_id: str, account_id: str, region: str, partition: str) -> str:
        """The ARN of the key, once CloudTrail has looked at it, made a data key with it and decrypted that.

        Raises `InvalidKmsKeyIdException`, `KmsKeyNotFoundException`, `InsufficientEncryptionPolicyException`, and `KmsException` for a key
        that is switched off, about to be deleted or not symmetric.
        """
        form = _FORMS.fullmatch(kms_key_id)
        if form is None:
            raise InvalidKmsKeyIdException(
                f"The KMS key ID {kms_key_id[:350]} is not valid. Use a key ID, a key ARN, an alias name or an alias ARN."
            )
        if form[1] is not None and form[2] != region:
            raise KmsKeyNotFoundException(f"The KMS key {kms_key_id} must be in {region}, the Region of the event data store.")
        caller = _caller(account_id, region)
        try:
            arn = self._keys.describe(caller, kms_key_id).arn
            made = self._keys.generate_data_key(caller, arn, CONTEXT)
            self._keys.decrypt(caller, made.ciphertext, CONTEXT)
        except InvalidArnException as fault:
            raise InvalidKmsKeyIdException(fault.message) from None
        except NotFoundException:
            raise KmsKeyNotFoundException(f"The KMS key {kms_key_id} was not found in {region}.") from None
        except AccessDeniedException:
            own = form[3] in (None, account_id)  # what is behind a stranger's alias is not told
            named = (self._keys.meant(account_id, region, kms_key_id) if own else None) or kms_key_id
            raise InsufficientEncryptionPolicyException(
                f"The policy of the KMS key {named} does not let {CLOUDTRAIL} use it: it needs kms:DescribeKey, kms:GenerateDataKey and "
                "kms:Decrypt, without a condition on aws:SourceArn."
            ) from None
        except Fault as fault:
            raise KmsException(fault.message) from None
        return arn

    def usable(self, key_arn: str) -> bool:
        """Whether CloudTrail could encrypt and decrypt with the key now."""
        parts = key_arn.split(":")
        caller = _caller(parts[4], parts[3])
        try:
            made = self._keys.generate_data_key(caller, key_arn, CONTEXT)
            self._keys.decrypt(caller, made.ciphertext, CONTEXT)
        except Fault:
            return False
        return True


def _caller(account_id: str, region: str) -> ServiceCaller:
    principal: Principal = service_principal(CLOUDTRAIL)
    return ServiceCaller(principal=principal, account_id=account_id, region=region)
