"""The door for services of the house: trails and buckets encrypt here as AWS services do, by leave of the key's policy.

A service calls in its own name (`cloudtrail.amazonaws.com`, for a trail) or, through it, somebody else does (S3 for whoever reads the
object). Each call is judged by key policy and grants as they stand at that moment, exactly like one that comes over the wire.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opentrail.clock import Clock
from opentrail.identity import Identities, Principal
from opentrail.identity.policies import PolicyRequest, denial, evaluate, parsed, request_context
from opentrail.kms import conditions, envelope, granting
from opentrail.kms.aliases import Aliases
from opentrail.kms.context import Context
from opentrail.kms.faults import AccessDeniedException
from opentrail.kms.granting import Use
from opentrail.kms.grants import Grants
from opentrail.kms.keys import MANAGED, Keys
from opentrail.kms.names import RESERVED, reference
from opentrail.kms.uses import DataKey, Uses
from opentrail.kms.values import Key
from opentrail.wire.faults import Fault

DATA_KEY = 32
"""Bytes of the data keys that services get."""
UNKNOWN = "The ciphertext refers to a KMS key that does not exist, does not exist in this Region, or that you are not allowed to access."
"""What somebody is told who may not know whether the key exists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCaller:
    """On whose behalf a service comes."""

    principal: Principal
    """`identity.service_principal("cloudtrail.amazonaws.com")`, or the user whose call the service carries out."""
    account_id: str
    """Account in which bare key ids and alias names are looked up: that of the trail or bucket."""
    region: str
    source_arn: str | None = None
    """The trail, bucket or topic (`aws:SourceArn`; its account is `account_id`, `aws:SourceAccount`)."""
    via: str | None = None
    """With a user as `principal`: the service in between, without its domain (`s3`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDataKey:
    """A data key, and the KMS key that it belongs to."""

    key_arn: str
    plaintext: bytes
    ciphertext: bytes


class ServiceKeys:
    """DescribeKey, GenerateDataKey and Decrypt for services. Thread-safe; nothing here is recorded."""

    def __init__(self, keys: Keys, aliases: Aliases, grants: Grants, uses: Uses, identities: Identities, clock: Clock) -> None:
        self._keys = keys
        self._aliases = aliases
        self._grants = grants
        self._uses = uses
        self._identities = identities
        self._clock = clock

    def describe(self, caller: ServiceCaller, key_id: str) -> Key:
        """The key behind an id, ARN or alias. Raises `NotFoundException`, `InvalidArnException`, `AccessDeniedException`."""
        key = self._find(caller, key_id)
        self._judge(caller, key, Use(operation="DescribeKey", source_arn=caller.source_arn))
        return key

    def meant(self, account_id: str, region: str, key_id: str) -> str | None:
        """ARN of the key that a caller in the account and Region means by `key_id`; `None` when there is none. Nobody is judged, so
        the answer is for conditions of policies, not for callers."""
        try:
            found = self._keys.find(reference(key_id, account_id, region))
        except Fault:
            return None
        return None if found is None else found.arn

    def generate_data_key(self, caller: ServiceCaller, key_id: str, context: Context) -> ServiceDataKey:
        """A new data key of 32 bytes under the key behind `key_id`.

        `alias/aws/<service>` makes the AWS managed key when it is first asked for. Raises what `describe` does, `DisabledException`,
        `KMSInvalidStateException`, `InvalidKeyUsageException`.
        """
        key = self._find(caller, key_id)
        self._judge(caller, key, Use(operation="GenerateDataKey", context=context, source_arn=caller.source_arn))
        made: DataKey = self._uses.data_key(key, DATA_KEY, context)
        return ServiceDataKey(key_arn=key.arn, plaintext=made.plaintext, ciphertext=made.ciphertext)

    def decrypt(self, caller: ServiceCaller, ciphertext: bytes, context: Context) -> bytes:
        """The plaintext of a ciphertext of `generate_data_key`, under the same context.

        Raises `InvalidCiphertextException`, `AccessDeniedException`, `DisabledException`, `KMSInvalidStateException`.
        """
        key = self._keys.by_id(envelope.read(ciphertext).key_id, caller.region)
        if key is None:
            raise AccessDeniedException(UNKNOWN)
        self._judge(caller, key, Use(operation="Decrypt", context=context, source_arn=caller.source_arn))
        return self._uses.decrypt(key, ciphertext, context).plaintext

    def _find(self, caller: ServiceCaller, key_id: str) -> Key:
        named = reference(key_id, caller.account_id, caller.region)
        service = (named.alias or "").removeprefix(RESERVED)
        if named.alias == f"{RESERVED}{service}" and service in MANAGED and named.account_id == caller.account_id:
            return self._keys.ensure_managed(named.account_id, named.region, service)
        return self._keys.get(named)

    def _judge(self, caller: ServiceCaller, key: Key, use: Use) -> None:
        principal = caller.principal
        via = None if caller.via is None else f"{caller.via}.{caller.region}.amazonaws.com"
        # Services call from no address, and inside one OpenTrail nothing travels unencrypted over a network.
        context = request_context(source_ip="", secure=True, time=self._clock.now(), region=caller.region)
        del context["aws:SourceIp"]
        context |= self._identities.organization_context(principal.account_id)
        context |= conditions.of_caller(principal.account_id, via)
        context |= conditions.of_key(key, self._aliases.of(key))
        context |= conditions.of_context(use.context)
        more: dict[str, Sequence[str]] = {"aws:SourceAccount": (caller.account_id,)}
        if via is not None:
            more = {"aws:ViaAWSService": ("true",)}
        if caller.source_arn is not None:
            more["aws:SourceArn"] = (caller.source_arn,)
        request = PolicyRequest(
            principal=principal,
            action=f"kms:{use.operation}",
            resource=key.arn,
            context=context | more,
            resource_account_id=key.account_id,
        )
        decision = evaluate(
            request,
            self._identities.policies(principal),
            parsed(key.policy),
            service_control=self._identities.service_control(principal.account_id),
            granted=granting.closest(self._grants.of_caller(key, principal), principal, use),
        )
        if not decision.allowed:
            raise AccessDeniedException(denial(request, decision))
