"""Roles that EventBridge assumes, without identities around them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from opentrail.identity.policies import PolicySet, parsed
from opentrail.identity.principals import Principal, Session
from opentrail.identity.service_roles import NotAssumable, RoleSession


class SimulatedRoles:
    """Roles of the one account: what each may do, by its ARN."""

    def __init__(self) -> None:
        self.may: dict[str, list[dict[str, Any]]] = {}
        """Statements; a role that is not here cannot be assumed."""

    def assume(self, role_arn: str, account_id: str, *, source_arn: str) -> RoleSession:
        if role_arn not in self.may:
            raise NotAssumable("the role is not there", is_there=False)
        policy = parsed(json.dumps({"Version": "2012-10-17", "Statement": self.may[role_arn]}))
        principal = Principal(
            type="AssumedRole",
            account_id=account_id,
            principal_id="AROA:EventBridge",
            arn=f"arn:aws:sts::{account_id}:assumed-role/{role_arn.rpartition('/')[2]}/EventBridge",
            session=Session(
                issuer_type="Role",
                issuer_id="AROA",
                issuer_arn=role_arn,
                issuer_account_id=account_id,
                issuer_name=role_arn.rpartition("/")[2],
                created=datetime.fromtimestamp(0, UTC),
                name="EventBridge",
            ),
        )
        return RoleSession(principal=principal, policies=PolicySet(identity=(policy,)), service_control=())
