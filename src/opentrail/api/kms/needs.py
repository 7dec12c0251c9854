"""Which permission each operation takes (KMS developer guide, "permissions reference"): action, key with its policy and grants, conditions.

A key of another account is spoken of only to those who may use it: whoever may not is told the same, whether it exists or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from opentrail.api.call import Call, Need
from opentrail.api.kms import known, naming, retiring
from opentrail.kms import KeyManagement, conditions, envelope, granting, policies
from opentrail.kms.context import Context
from opentrail.kms.granting import Use
from opentrail.kms.keys import absent
from opentrail.kms.names import Reference, check_alias
from opentrail.kms.service_keys import UNKNOWN
from opentrail.kms.specs import SYMMETRIC
from opentrail.kms.values import Key
from opentrail.wire.faults import ValidationException

NOBODY: Final = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}'
"""The policy of a key that is not there."""

_WITHOUT_KEY: Final = ("GenerateRandom", "ListAliases", "ListKeys")
_ACROSS_ACCOUNTS: Final = naming.BY_ALIAS | {"CreateGrant", "GetKeyRotationStatus", "ListGrants", "RevokeGrant"}
"""Operations that keys of other accounts can be used for."""


class Needs:
    """Works out the needs of calls; small reads of the state for key, aliases and grants."""

    def __init__(self, kms: KeyManagement) -> None:
        self._kms = kms

    def of(self, call: Call) -> Sequence[Need]:
        """What the caller must be allowed. Raises the faults of names that cannot be, and of own keys that do not exist."""
        given, operation = call.parameters, call.operation
        if operation in _WITHOUT_KEY:
            return [Need(action=f"kms:{operation}", context=known.of_caller(call))]
        if operation == "CreateKey":
            actions = ["CreateKey", "TagResource"] if given.get("Tags") else ["CreateKey"]
            return [Need(action=f"kms:{action}", context=known.of_creation(call)) for action in actions]
        if operation == "ListRetirableGrants":
            return [Need(action=f"kms:{operation}", resource=given.get("RetiringPrincipal", "*"), context=known.of_caller(call))]
        if operation in ("CreateAlias", "DeleteAlias", "UpdateAlias"):
            return self._alias(call)
        if operation == "RetireGrant":
            return self._retire(call)
        if operation == "Decrypt":
            return [self._decryption(call, "Decrypt", "", given.get("EncryptionContext") or {})]
        if operation == "ReEncrypt":
            return self._re_encryption(call)
        return [self._on(call, operation, naming.named(call), given.get("EncryptionContext") or {})]

    def _on(
        self, call: Call, operation: str, reference: Reference, context: Context, more: Mapping[str, Sequence[str]] | None = None
    ) -> Need:
        """The need to do `operation`, as IAM calls it, with the key that `reference` names."""
        action, caller = f"kms:{operation}", call.caller
        key = self._kms.keys.find(reference)
        stranger = reference.account_id != caller.account_id
        if stranger and (key is None or call.operation not in _ACROSS_ACCOUNTS):
            return _hidden(call, action, reference)
        if key is None:
            return self._on_no_key(call, action, reference)
        keys = known.of_call(call) | conditions.of_key(key, self._kms.aliases.of(key)) | conditions.of_context(context)
        if reference.alias is not None:
            keys["kms:RequestAlias"] = (reference.alias,)
        use = Use(operation=operation, context=context, granting=naming.terms_of(call.parameters) if operation == "CreateGrant" else None)
        return Need(
            action=action,
            resource=key.arn,
            context={**keys, **(more or {})},
            resource_policy=key.policy,
            resource_account_id=key.account_id,
            granted=granting.closest(self._kms.grants.of_caller(key, caller), caller, use),
            refusal=_unspoken(call, action, reference.arn) if stranger else None,
        )

    def _on_no_key(self, call: Call, action: str, reference: Reference) -> Need:
        """DescribeKey of the alias of an AWS managed key makes the key; everything else finds nothing."""
        service = naming.managed_service(reference.alias)
        if call.operation != "DescribeKey" or service is None:
            raise absent(reference)
        return Need(
            action=action,
            resource=f"arn:aws:kms:{reference.region}:{reference.account_id}:key/*",
            context=known.of_call(call) | {"kms:RequestAlias": (reference.alias or "",)},
            resource_policy=policies.managed(reference.account_id, reference.region, service),
            resource_account_id=reference.account_id,
        )

    def _alias(self, call: Call) -> list[Need]:
        """The permission is needed on the alias, by identity policies, and on each key that gains or loses it."""
        given, name = call.parameters, call.parameters["AliasName"]
        check_alias(name)
        alias = Reference(account_id=call.account_id, region=call.region, alias=name)
        needs = [Need(action=f"kms:{call.operation}", resource=alias.arn, context=known.of_caller(call))]
        if "TargetKeyId" in given:
            if given["TargetKeyId"].startswith("alias/"):
                raise ValidationException("Aliases must refer to keys. Not aliases")
            needs.append(self._on(call, call.operation, naming.named(call, "TargetKeyId"), {}, {"kms:RequestAlias": (name,)}))
        if call.operation != "CreateAlias":
            needs.append(self._on(call, call.operation, alias, {}))
        return needs

    def _decryption(self, call: Call, operation: str, prefix: str, context: Context) -> Need:
        """The need to decrypt: with the key that is named, else with the one that the ciphertext names."""
        given, member = call.parameters, f"{prefix}KeyId"
        algorithm = naming.algorithm_of(given, f"{prefix}EncryptionAlgorithm")
        more = {"kms:EncryptionAlgorithm": (algorithm,)}
        if given.get(member) is not None:
            return self._on(call, operation, naming.named(call, member), context, more)
        if given.get("CiphertextBlob") is None or algorithm != SYMMETRIC:
            raise ValidationException(f"{member} is required: only the ciphertext of a symmetric key tells which key it belongs to.")
        key = self._named_by(given["CiphertextBlob"], call.region)
        if key is None:
            return Need(action=f"kms:{operation}", resource_policy=NOBODY, refusal=UNKNOWN)
        need = self._on(call, operation, Reference(account_id=key.account_id, region=key.region, key_id=key.key_id), context, more)
        return need if need.refusal is None else replace(need, refusal=UNKNOWN)

    def _named_by(self, ciphertext: bytes, region: str) -> Key | None:
        return self._kms.keys.by_id(envelope.read(ciphertext).key_id, region)

    def _re_encryption(self, call: Call) -> list[Need]:
        given = call.parameters
        source = self._decryption(call, "ReEncryptFrom", "Source", given.get("SourceEncryptionContext") or {})
        more = {"kms:EncryptionAlgorithm": (naming.algorithm_of(given, "DestinationEncryptionAlgorithm"),)}
        context: Context = given.get("DestinationEncryptionContext") or {}
        target = self._on(call, "ReEncryptTo", naming.named(call, "DestinationKeyId"), context, more)
        same = {"kms:ReEncryptOnSameKey": ("true" if source.resource == target.resource else "false",)}
        return [replace(need, context={**need.context, **same}) for need in (source, target)]

    def _retire(self, call: Call) -> list[Need]:
        action, named = "kms:RetireGrant", naming.named(call) if call.parameters.get("KeyId") is not None else None
        stranger = named is not None and named.account_id != call.caller.account_id
        found = retiring.meant(self._kms, call)
        if found is None:
            return [_hidden(call, action, named)] if named is not None and stranger else []  # the handler says what is missing
        grant, key = found
        return [
            Need(
                action=action,
                resource=key.arn,
                context=known.of_call(call) | conditions.of_key(key, self._kms.aliases.of(key)),
                resource_policy=policies.for_retiring(key.policy, grant.issuing_account),
                resource_account_id=key.account_id,
                granted=granting.closest_to_retire(grant, call.caller),
                refusal=_unspoken(call, action, "*" if named is None else named.arn) if key.account_id != call.caller.account_id else None,
            )
        ]


def _hidden(call: Call, action: str, reference: Reference) -> Need:
    """Nobody has this: the key is another account's, and not there or not for this operation."""
    return Need(
        action=action,
        resource=reference.arn,
        resource_policy=NOBODY,
        resource_account_id=reference.account_id,
        refusal=_unspoken(call, action, reference.arn),
    )


def _unspoken(call: Call, action: str, arn: str) -> str:
    return (
        f"User: {call.caller.arn} is not authorized to perform: {action} on resource: {arn} because the resource does not exist in this "
        "Region, no resource-based policies allow access, or a resource-based policy explicitly denies access"
    )
