"""Names of keys and aliases: ids, ARNs, alias names (KMS developer guide, "key identifiers"). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from opentrail.kms.faults import InvalidAliasNameException, InvalidArnException, InvalidGrantIdException, NotFoundException
from opentrail.wire.faults import ValidationException

ALIAS: Final = "alias/"
RESERVED: Final = "alias/aws/"
MAX_ALIAS: Final = 256

_KEY_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ALIAS = re.compile(r"alias/[a-zA-Z0-9/_-]+")
_ACCOUNT = re.compile(r"[0-9]{12}")
_GRANT_ID = re.compile(r"[0-9a-f]{64}")
_PRINCIPAL = re.compile(r"arn:aws[a-z-]*:(iam::[0-9]{12}:(root|(user|role)/.+)|sts::[0-9]{12}:(assumed-role/.+/.+|federated-user/.+))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What a `KeyId` says: a key by its id, or an alias that stands for one. Whether there is such a thing is another question."""

    account_id: str
    region: str
    key_id: str | None = None
    alias: str | None = None
    """With `alias/` at its beginning."""

    @property
    def arn(self) -> str:
        """The ARN of what is named."""
        if self.alias is not None:
            return alias_arn(self.account_id, self.region, self.alias)
        return key_arn(self.account_id, self.region, self.key_id or "")


def key_arn(account_id: str, region: str, key_id: str) -> str:
    """`arn:aws:kms:<region>:<account>:key/<id>`"""
    return f"arn:aws:kms:{region}:{account_id}:key/{key_id}"


def alias_arn(account_id: str, region: str, alias: str) -> str:
    """`arn:aws:kms:<region>:<account>:alias/<name>`; `alias` with its prefix."""
    return f"arn:aws:kms:{region}:{account_id}:{alias}"


def reference(text: str, account_id: str, region: str, *, aliases: bool = True) -> Reference:
    """What `text` names for a caller in `account_id` and `region`; `aliases`: whether the operation takes aliases.

    Raises `InvalidArnException` for an ARN that cannot be one of a key, `NotFoundException` for one of another Region and for a text that
    is no key id, `ValidationException` for an impossible alias name.
    """
    if text.startswith("arn:"):
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[1:3] != ["aws", "kms"] or not _ACCOUNT.fullmatch(parts[4]):
            raise InvalidArnException(f"Invalid ARN '{text}': expected arn:aws:kms:<region>:<account>:key/<key id>.")
        if parts[3] != region:
            raise NotFoundException(f"Invalid arn {parts[3]}")
        account_id, text = parts[4], parts[5]
        if text.startswith("key/"):
            text = text.removeprefix("key/")
        elif not text.startswith(ALIAS):
            raise InvalidArnException(f"Invalid ARN '{':'.join(parts)}': it names neither a key nor an alias.")
        if text.startswith(ALIAS) and not aliases:
            raise InvalidArnException(f"Invalid ARN '{':'.join(parts)}': the ARN of a key is expected, not that of an alias.")
    if text.startswith(ALIAS) and aliases:
        if not _ALIAS.fullmatch(text):
            raise NotFoundException(f"Alias {alias_arn(account_id, region, text)} is not found.")
        return Reference(account_id=account_id, region=region, alias=text)
    if not _KEY_ID.fullmatch(text):
        raise NotFoundException(f"Invalid keyId '{text}'")
    return Reference(account_id=account_id, region=region, key_id=text)


def check_alias(name: str) -> None:
    """Whether an alias may be made, changed or deleted under this name. Raises `ValidationException`, `InvalidAliasNameException`."""
    if not name.startswith(ALIAS):
        raise ValidationException(f'Alias must start with the prefix "{ALIAS}": {ALIAS}{name}, for example.')
    if not _ALIAS.fullmatch(name):
        raise ValidationException(f"{name} contains invalid characters for an alias. Use letters, digits, '/', '_' and '-'.")
    if name.startswith(RESERVED):
        raise InvalidAliasNameException


def check_principal(arn: str) -> None:
    """Whether `arn` has the form of an account, user, role or session. Raises `InvalidArnException`."""
    if not _PRINCIPAL.fullmatch(arn):
        raise InvalidArnException(f"ARN does not refer to a valid principal: {arn}")


def check_grant_id(grant_id: str) -> None:
    """Whether this can be the id of a grant. Raises `InvalidGrantIdException`."""
    if not _GRANT_ID.fullmatch(grant_id):
        raise InvalidGrantIdException(f"Invalid grant ID {grant_id}: expected 64 hexadecimal digits.")
