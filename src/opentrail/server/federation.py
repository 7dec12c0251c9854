"""What federation asks of IAM: whether a role lets a service assume it."""

from __future__ import annotations

from opentrail.identity import Identities
from opentrail.identity.faults import NoSuchEntity
from opentrail.identity.policies import PolicyRequest, evaluate, parsed
from opentrail.identity.principals import service_principal


class RoleTrust:
    """See `lake.federation.control.Trust`."""

    def __init__(self, identities: Identities) -> None:
        self._identities = identities

    def __call__(self, account_id: str, role_arn: str, service: str, for_arn: str) -> bool | None:
        try:
            role = self._identities.roles.get(account_id, role_arn.rpartition("/")[2])
        except NoSuchEntity:
            return None
        if role.arn != role_arn:
            return None
        request = PolicyRequest(
            principal=service_principal(service),
            action="sts:AssumeRole",
            resource=role.arn,
            context={"aws:SourceArn": (for_arn,), "aws:SourceAccount": (account_id,)},
            resource_account_id=account_id,
        )
        return evaluate(request, resource_policy=parsed(role.details["trust"])).allowed
