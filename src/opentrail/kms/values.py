"""Keys, aliases and grants as the room hands them out: frozen, as read at one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from opentrail.kms.faults import DisabledException, InvalidKeyUsageException, KMSInvalidStateException
from opentrail.kms.names import alias_arn, key_arn
from opentrail.kms.specs import SYMMETRIC, Spec, Usage

DAY = 86400.0

State = Literal["Enabled", "Disabled", "PendingDeletion"]
RotationType = Literal["AUTOMATIC", "ON_DEMAND"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """A standing order to rotate."""

    days: int
    since: float
    """When it was given, or last carried out; seconds since the epoch."""

    @property
    def due(self) -> float:
        """When the key material is to be rotated next."""
        return self.since + self.days * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One KMS key, without its key material."""

    key_id: str
    account_id: str
    region: str
    created: float
    description: str
    usage: Usage
    spec: Spec
    manager: Literal["CUSTOMER", "AWS"]
    state: State
    deletion: float | None
    """When the key is deleted, while that is pending."""
    policy: str
    tags: Mapping[str, str]
    rotation: Rotation | None
    number: int
    """Of the current key material."""
    material_id: str
    """Of the current key material: 64 hexadecimal digits."""

    @property
    def arn(self) -> str:
        """`arn:aws:kms:<region>:<account>:key/<id>`"""
        return key_arn(self.account_id, self.region, self.key_id)

    @property
    def symmetric(self) -> bool:
        """Whether it is a symmetric encryption key: the only kind with encryption contexts, data keys and rotation."""
        return self.spec.name == SYMMETRIC

    @property
    def algorithms(self) -> Sequence[str]:
        """What it can compute."""
        return self.spec.algorithms[self.usage]

    def must_not_be_pending(self) -> None:
        """Raises `KMSInvalidStateException` while the key waits for its deletion."""
        if self.state == "PendingDeletion":
            raise KMSInvalidStateException(f"{self.arn} is pending deletion.")

    def must_be_enabled(self) -> None:
        """Raises `DisabledException` or `KMSInvalidStateException` when the key cannot be used."""
        self.must_not_be_pending()
        if self.state != "Enabled":
            raise DisabledException(f"{self.arn} is disabled.")

    def must_be_for(self, usage: Usage, operation: str) -> None:
        """Raises `InvalidKeyUsageException` when the key is meant for something else."""
        if self.usage != usage:
            raise InvalidKeyUsageException(f"{self.arn} key usage is {self.usage} which is not valid for {operation}.")

    def must_compute(self, algorithm: str) -> None:
        """Raises `InvalidKeyUsageException` for an algorithm of other keys."""
        if algorithm not in self.algorithms:
            raise InvalidKeyUsageException(f"Algorithm {algorithm} is incompatible with key spec {self.spec.name}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """A name for a key. `key_id` is `None` for the alias of an AWS managed key that nobody has needed yet."""

    account_id: str
    region: str
    name: str
    """With `alias/` at its beginning."""
    key_id: str | None
    created: float | None = None
    updated: float | None = None

    @property
    def arn(self) -> str:
        """`arn:aws:kms:<region>:<account>:alias/<name>`"""
        return alias_arn(self.account_id, self.region, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """One version of a key's material, without the material itself."""

    number: int
    material_id: str
    created: float
    rotation: RotationType | None
    """How it came; `None` for the first one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a grant allows: to whom, which operations, under which constraints."""

    operations: Sequence[str]
    grantee: str | None = None
    """ARN of an account, user, role or session."""
    grantee_service: str | None = None
    retiring: str | None = None
    retiring_service: str | None = None
    name: str | None = None
    context_subset: Mapping[str, str] | None = None
    """Pairs that the encryption context must have among others."""
    context_equals: Mapping[str, str] | None = None
    source_arn: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One grant on a key."""

    grant_id: str
    key_id: str
    account_id: str
    """Of the key."""
    created: float
    issuing_account: str
    """ARN of the root user of the account that made it."""
    terms: Terms
