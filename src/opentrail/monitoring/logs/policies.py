"""Resource policies: by whose leave AWS services put events into log groups (API reference, PutResourcePolicy).

They speak of services only; users and roles are judged by their own policies. An account has at most ten, and one for each group besides.
"""

from __future__ import annotations

import uuid
from typing import Final

from opentrail.clock import Clock
from opentrail.identity.policies import (
    Policy,
    PolicyError,
    PolicyRequest,
    PolicySet,
    check_resource,
    denial,
    evaluate,
    parsed,
    request_context,
)
from opentrail.identity.principals import service_principal
from opentrail.monitoring.faults import (
    AccessDeniedException,
    InvalidParameterException,
    LimitExceededException,
    OperationAbortedException,
    ResourceNotFoundException,
)
from opentrail.monitoring.logs import store
from opentrail.monitoring.logs.names import place_of_arn
from opentrail.monitoring.logs.putting import NO_GROUP
from opentrail.monitoring.logs.values import Group, ResourcePolicy
from opentrail.storage.database import Database

MOST: Final = 10


class ResourcePolicies:
    """Thread-safe."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def put(
        self, account_id: str, region: str, name: str | None, document: str, *, resource_arn: str = "", expected: str | None = None
    ) -> ResourcePolicy:
        """Keep a policy, in the place of one of the same name (of the same group).

        Raises `InvalidParameterException`, `LimitExceededException`, `ResourceNotFoundException` for a group that is not there,
        `OperationAbortedException` when the policy is not of the `expected` revision.
        """
        if not name and not resource_arn:
            raise InvalidParameterException("Either policyName or resourceArn is required.")
        try:
            Policy.parse(document, check=check_resource)
        except PolicyError as error:
            raise InvalidParameterException(f"The policy document is not valid: {error}") from error
        with self._database.begin() as connection:
            if resource_arn:
                place = place_of_arn(resource_arn)
                if place is None or (place.account_id, place.region) != (account_id, region):
                    raise InvalidParameterException("The resourceArn is not that of a log group of this account and Region.")
                group = store.group(connection, account_id, region, place.name)
                if group is None:
                    raise ResourceNotFoundException(NO_GROUP)
                resource_arn = group.arn
            there = store.policies(connection, account_id, region)
            old = _one(there, name, resource_arn)
            if expected is not None and (old is None or old.revision != expected):
                raise OperationAbortedException("The policy is of another revision than the expected one.")
            if not resource_arn and old is None and sum(not policy.resource_arn for policy in there) >= MOST:
                raise LimitExceededException(f"Resource limit exceeded: an account has at most {MOST} resource policies.")
            policy = ResourcePolicy(
                name=old.name if old is not None else name or "",
                document=document,
                updated=int(self._clock.time() * 1000),
                resource_arn=resource_arn,
                revision=uuid.uuid4().hex,
            )
            store.put_policy(connection, account_id, region, policy)
        return policy

    def delete(self, account_id: str, region: str, name: str | None, *, resource_arn: str = "", expected: str | None = None) -> None:
        """Raises `ResourceNotFoundException`, `OperationAbortedException`, `InvalidParameterException`."""
        if not name and not resource_arn:
            raise InvalidParameterException("Either policyName or resourceArn is required.")
        with self._database.begin() as connection:
            old = _one(store.policies(connection, account_id, region), name, resource_arn.removesuffix(":*"))
            if old is None:
                raise ResourceNotFoundException(f"Policy with name [{name}] does not exist." if name else "The resource has no policy.")
            if expected is not None and old.revision != expected:
                raise OperationAbortedException("The policy is of another revision than the expected one.")
            store.drop_policy(connection, account_id, region, old)

    def list(self, account_id: str, region: str) -> list[ResourcePolicy]:
        """All of them, by name."""
        with self._database.read() as connection:
            return store.policies(connection, account_id, region)

    def judge(self, group: Group, action: str, stream: str, *, service: str, source_arn: str, source_account: str) -> None:
        """Whether an AWS service may do `action` (`logs:PutLogEvents`) on a stream of `group`, for `source_arn` (a rule).

        Raises `AccessDeniedException`.
        """
        context = request_context(source_ip="", secure=True, time=self._clock.now(), region=group.region)
        del context["aws:SourceIp"]  # services call from no address
        request = PolicyRequest(
            principal=service_principal(service),
            action=action,
            resource=group.stream_arn(stream),
            context={**context, "aws:SourceArn": (source_arn,), "aws:SourceAccount": (source_account,)},
            resource_account_id=group.account_id,
        )
        held = [policy for policy in self.list(group.account_id, group.region) if policy.resource_arn in ("", group.arn)]
        decisions = [evaluate(request, PolicySet(), parsed(policy.document)) for policy in held]
        # Each is asked alone: one that denies outweighs all that allow.
        denied = next((decision for decision in decisions if decision.explicit_deny), None)
        if denied is not None or not any(decision.allowed for decision in decisions):
            refused = denied or (decisions[0] if decisions else evaluate(request, PolicySet(), None))
            raise AccessDeniedException(denial(request, refused))


def _one(there: list[ResourcePolicy], name: str | None, resource_arn: str) -> ResourcePolicy | None:
    if resource_arn:
        return next((policy for policy in there if policy.resource_arn == resource_arn), None)
    return next((policy for policy in there if policy.name == name and not policy.resource_arn), None)
