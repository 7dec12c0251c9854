"""Policies of an organization: their types, the policies, and what they are attached to.

Service control policies are the type that is served, for they are the ones that are enforced (`policies/evaluation.py`). The root, every
unit and every account carry at least one of them and at most five, beginning with `p-FullAWSAccess`; they are in force while the type is
enabled in the root, and only then can they be attached and detached.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from opentrail.clock import Clock
from opentrail.identity.entities import Page
from opentrail.identity.organizations import documents, ids, membership, policy_rows, tags, tree
from opentrail.identity.organizations.faults import (
    ConstraintViolationException,
    DuplicatePolicyAttachmentException,
    DuplicatePolicyException,
    InvalidInputException,
    PolicyInUseException,
    PolicyNotAttachedException,
    PolicyTypeAlreadyEnabledException,
    PolicyTypeNotAvailableForOrganizationException,
    PolicyTypeNotEnabledException,
    RootNotFoundException,
    TargetNotFoundException,
)
from opentrail.identity.organizations.policy_rows import FULL_ACCESS, OrganizationPolicy, Target
from opentrail.identity.organizations.store import attachments, organizations, policies
from opentrail.identity.organizations.tree import ALL, SERVICE_CONTROL_POLICY, Organization
from opentrail.identity.store import Store

MAX_POLICIES = 10_000
"""Service control policies in an organization."""

MAX_ATTACHED = 5
"""Service control policies attached to one root, unit or account."""


class OrganizationPolicies:
    """Policies of organizations. Every method raises `AWSOrganizationsNotInUseException` for callers in no organization."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def enable_type(self, caller: str, root_id: str, kind: str) -> Organization:
        """Enable a policy type in the root: what is attached is in force from now on.

        Raises `RootNotFoundException`, `PolicyTypeAlreadyEnabledException`, `PolicyTypeNotAvailableForOrganizationException`.
        """
        with self._store.write() as connection:
            organization = _of_root(connection, caller, root_id)
            _require_available(organization, kind)
            if kind in organization.policy_types:
                raise PolicyTypeAlreadyEnabledException
            _set_types(connection, organization, [*organization.policy_types, kind])
            return tree.of(connection, caller)

    def disable_type(self, caller: str, root_id: str, kind: str) -> Organization:
        """Disable a policy type in the root; its policies are detached from everything but `p-FullAWSAccess`, and stay.

        Raises `RootNotFoundException`, `PolicyTypeNotEnabledException`.
        """
        with self._store.write() as connection:
            organization = _of_root(connection, caller, root_id)
            if kind not in organization.policy_types:
                raise PolicyTypeNotEnabledException
            _set_types(connection, organization, [other for other in organization.policy_types if other != kind])
            # There is one type, so its attachments are all there are.
            membership.attach_full_access_everywhere(connection, organization.id, organization.root_id, self._clock.time())
            return tree.of(connection, caller)

    def create(self, caller: str, *, kind: str, name: str, description: str, content: str, tagged: Mapping[str, str]) -> OrganizationPolicy:
        """Make a policy; it does nothing until it is attached.

        Raises `MalformedPolicyDocumentException`, `DuplicatePolicyException`, `ConstraintViolationException`,
        `PolicyTypeNotAvailableForOrganizationException`.
        """
        with self._store.write() as connection:
            organization = tree.entrusted(connection, caller)
            _require_available(organization, kind)
            documents.service_control(content)
            if tree.count(connection, policies.c.organization_id == organization.id) >= MAX_POLICIES:
                raise ConstraintViolationException(
                    "You have exceeded the allowed number of policies.", Reason="POLICY_NUMBER_LIMIT_EXCEEDED"
                )
            if name == FULL_ACCESS.name:
                raise DuplicatePolicyException
            policy_id = ids.policy_id()
            try:
                connection.execute(
                    insert(policies).values(
                        id=policy_id,
                        organization_id=organization.id,
                        type=kind,
                        name=name,
                        description=description,
                        content=content,
                        created=self._clock.time(),
                    )
                )
            except IntegrityError:
                raise DuplicatePolicyException from None
            tags.put(connection, organization, policy_id, tagged)
            return policy_rows.find(connection, organization, policy_id)

    def update(
        self, caller: str, policy_id: str, *, name: str | None = None, description: str | None = None, content: str | None = None
    ) -> OrganizationPolicy:
        """Change what is given; it is in force at once. Raises what `create` raises, `PolicyNotFoundException`, `InvalidInputException`."""
        given = {"name": name, "description": description, "content": content}
        changed = {column: value for column, value in given.items() if value is not None}
        with self._store.write() as connection:
            organization = tree.entrusted(connection, caller)
            _own(connection, organization, policy_id)
            if content is not None:
                documents.service_control(content)
            if name == FULL_ACCESS.name:
                raise DuplicatePolicyException
            if changed:
                try:
                    connection.execute(update(policies).where(policies.c.id == policy_id).values(changed))
                except IntegrityError:
                    raise DuplicatePolicyException from None
            return policy_rows.find(connection, organization, policy_id)

    def delete(self, caller: str, policy_id: str) -> None:
        """Take a policy away. Raises `PolicyNotFoundException`, `PolicyInUseException`, `InvalidInputException` for AWS's own."""
        with self._store.write() as connection:
            organization = tree.entrusted(connection, caller)
            _own(connection, organization, policy_id)
            if tree.count(connection, attachments.c.policy_id == policy_id):
                raise PolicyInUseException
            connection.execute(delete(policies).where(policies.c.id == policy_id))
            tags.drop(connection, policy_id)

    def describe(self, caller: str, policy_id: str) -> OrganizationPolicy:
        """One policy. Raises `PolicyNotFoundException`."""
        with self._store.read() as connection:
            return policy_rows.find(connection, tree.readable(connection, caller), policy_id)

    def list(self, caller: str, kind: str, *, after: str | None = None, limit: int = 20) -> Page[OrganizationPolicy]:
        """Policies of a type, by id."""
        with self._store.read() as connection:
            organization = tree.readable(connection, caller)
            query = select(policies).where(policies.c.organization_id == organization.id, policies.c.type == kind)
            page = tree.page(connection, query, policies.c.id, after=after, limit=limit)
        found = [policy_rows.of_row(organization, row) for row in page.items]
        full = kind == SERVICE_CONTROL_POLICY and organization.feature_set == ALL and (after is None or FULL_ACCESS.id > after)
        return _with_full_access(found, page.more, limit) if full else Page(found, page.more)

    def attach(self, caller: str, policy_id: str, target_id: str) -> None:
        """Attach a policy; it is in force at once.

        Raises `PolicyNotFoundException`, `TargetNotFoundException`, `PolicyTypeNotEnabledException`,
        `DuplicatePolicyAttachmentException`, `ConstraintViolationException` beyond five.
        """
        with self._store.write() as connection:
            organization = tree.entrusted(connection, caller)
            _require_attachable(connection, organization, policy_id, target_id)
            present = _attached(connection, target_id)
            if policy_id in present:
                raise DuplicatePolicyAttachmentException
            if len(present) >= MAX_ATTACHED:
                raise ConstraintViolationException(
                    "You have attached the maximum number of policies to the specified target.",
                    Reason="MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
                )
            connection.execute(
                insert(attachments).values(
                    target_id=target_id, policy_id=policy_id, organization_id=organization.id, attached=self._clock.time()
                )
            )

    def detach(self, caller: str, policy_id: str, target_id: str) -> None:
        """Take a policy off. Raises what `attach` raises, `PolicyNotAttachedException`, and refuses to take the last one."""
        with self._store.write() as connection:
            organization = tree.entrusted(connection, caller)
            _require_attachable(connection, organization, policy_id, target_id)
            present = _attached(connection, target_id)
            if policy_id not in present:
                raise PolicyNotAttachedException
            if len(present) == 1:
                raise ConstraintViolationException(
                    "You cannot remove the last policy attached to the specified target. You must have at least one attached at all times.",
                    Reason="MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
                )
            connection.execute(delete(attachments).where(attachments.c.target_id == target_id, attachments.c.policy_id == policy_id))

    def of_target(self, caller: str, target_id: str, kind: str, *, after: str | None = None, limit: int = 20) -> Page[OrganizationPolicy]:
        """The policies attached directly to a root, unit or account, by id. Raises `TargetNotFoundException`."""
        with self._store.read() as connection:
            organization = tree.readable(connection, caller)
            if not tree.has_target(connection, organization, target_id):
                raise TargetNotFoundException
            query = select(attachments.c.policy_id).where(attachments.c.target_id == target_id)
            if kind != SERVICE_CONTROL_POLICY:
                return Page([], False)
            page = tree.page(connection, query, attachments.c.policy_id, after=after, limit=limit)
            return Page([policy_rows.find(connection, organization, row.policy_id) for row in page.items], page.more)

    def targets(self, caller: str, policy_id: str, *, after: str | None = None, limit: int = 20) -> Page[Target]:
        """What a policy is attached to, by id. Raises `PolicyNotFoundException`."""
        with self._store.read() as connection:
            organization = tree.readable(connection, caller)
            policy_rows.find(connection, organization, policy_id)
            query = select(attachments.c.target_id).where(
                attachments.c.policy_id == policy_id, attachments.c.organization_id == organization.id
            )
            page = tree.page(connection, query, attachments.c.target_id, after=after, limit=limit)
            return Page([policy_rows.target(connection, organization, row.target_id) for row in page.items], page.more)


def _of_root(connection: Connection, caller: str, root_id: str) -> Organization:
    organization = tree.entrusted(connection, caller)
    if organization.root_id != root_id:
        raise RootNotFoundException
    return organization


def _require_available(organization: Organization, kind: str) -> None:
    if kind != SERVICE_CONTROL_POLICY:
        raise PolicyTypeNotAvailableForOrganizationException(
            f"OpenTrail enforces policies of the type {SERVICE_CONTROL_POLICY} only; {kind} can't be used."
        )
    if organization.feature_set != ALL:
        raise PolicyTypeNotAvailableForOrganizationException


def _set_types(connection: Connection, organization: Organization, types: list[str]) -> None:
    connection.execute(update(organizations).where(organizations.c.id == organization.id).values(policy_types=types))


def _own(connection: Connection, organization: Organization, policy_id: str) -> None:
    if policy_rows.find(connection, organization, policy_id).aws_managed:
        raise InvalidInputException("You specified a policy that is managed by AWS and can't be modified.", Reason="IMMUTABLE_POLICY")


def _require_attachable(connection: Connection, organization: Organization, policy_id: str, target_id: str) -> None:
    policy = policy_rows.find(connection, organization, policy_id)
    if not tree.has_target(connection, organization, target_id):
        raise TargetNotFoundException
    if policy.type not in organization.policy_types:
        raise PolicyTypeNotEnabledException


def _attached(connection: Connection, target_id: str) -> set[str]:
    return set(connection.execute(select(attachments.c.policy_id).where(attachments.c.target_id == target_id)).scalars())


def _with_full_access(found: list[OrganizationPolicy], more: bool, limit: int) -> Page[OrganizationPolicy]:
    merged = sorted([*found, FULL_ACCESS], key=lambda policy: policy.id)
    return Page(merged[:limit], more or len(merged) > limit)
