"""Grants: CreateGrant, ListGrants, ListRetirableGrants, RevokeGrant, RetireGrant."""

from __future__ import annotations

from collections.abc import Mapping

from opentrail.api.call import Answer, Call, Result
from opentrail.api.kms import pages, retiring, shapes
from opentrail.api.kms.naming import Operation, key_of, terms_of
from opentrail.kms import KeyManagement, granting
from opentrail.kms.faults import DryRunOperationException, NotFoundException
from opentrail.kms.names import check_grant_id, check_principal, key_arn
from opentrail.wire.faults import ValidationException

_FOR_SERVICES = "{} can only be used by AWS services."


class GrantOperations:
    """One handler for each operation on grants."""

    def __init__(self, kms: KeyManagement) -> None:
        self._kms = kms
        self.operations: Mapping[str, Operation] = {
            "CreateGrant": self.create_grant,
            "ListGrants": self.list_grants,
            "ListRetirableGrants": self.list_retirable_grants,
            "RevokeGrant": self.revoke_grant,
            "RetireGrant": self.retire_grant,
        }

    def create_grant(self, call: Call) -> Result:
        key, terms = key_of(self._kms, call), terms_of(call.parameters)
        key.must_be_enabled()
        granting.check(terms, key)
        _stop_if_dry(call)
        grant = self._kms.grants.create(key, terms, f"arn:aws:iam::{call.caller.account_id}:root")
        return {"GrantToken": self._kms.grants.token(grant), "GrantId": grant.grant_id}

    def list_grants(self, call: Call) -> Result:
        given, key = call.parameters, key_of(self._kms, call)
        if given.get("GrantId") is not None:
            check_grant_id(given["GrantId"])
        if given.get("GranteeServicePrincipal") is not None:
            raise ValidationException(_FOR_SERVICES.format("GranteeServicePrincipal"))
        page = pages.asked(call, default=50, most=100)
        found = self._kms.grants.on_key(
            key, grant_id=given.get("GrantId"), grantee=given.get("GranteePrincipal"), after=page.after, limit=page.read
        )
        return pages.answer("Grants", found, page, lambda grant: shapes.grant(grant, key.arn), lambda grant: grant.grant_id)

    def list_retirable_grants(self, call: Call) -> Result:
        principal = call.parameters.get("RetiringPrincipal")
        if principal is None:
            raise ValidationException("RetiringPrincipal is required; " + _FOR_SERVICES.format("RetiringServicePrincipal"))
        check_principal(principal)
        if principal.split(":")[4] != call.account_id:
            raise ValidationException("RetiringPrincipal must be a principal of your own account.")
        page = pages.asked(call, default=50, most=100)
        found = self._kms.grants.retirable(principal, call.region, after=page.after, limit=page.read)
        return pages.answer(
            "Grants",
            found,
            page,
            lambda grant: shapes.grant(grant, key_arn(grant.account_id, call.region, grant.key_id)),
            lambda grant: grant.grant_id,
        )

    def revoke_grant(self, call: Call) -> None:
        key, grant_id = key_of(self._kms, call), call.parameters["GrantId"]
        check_grant_id(grant_id)
        grant = self._kms.grants.find(grant_id, key)
        if grant is None:
            raise NotFoundException(f"Grant ID {grant_id} is not found.")
        _stop_if_dry(call)
        self._kms.grants.delete(grant)

    def retire_grant(self, call: Call) -> Result:
        found = retiring.meant(self._kms, call)
        if found is None:
            raise retiring.missing(self._kms, call)
        grant, key = found
        _stop_if_dry(call)
        self._kms.grants.delete(grant)
        # For the record: the key where no parameter names it, and the grant where only a token does.
        named = call.parameters.get("KeyId") is not None
        entries = [] if named else [{"accountId": key.account_id, "type": "AWS::KMS::Key", "ARN": key.arn}]
        return Answer(recorded={"resources": entries, "additional": {"grantId": grant.grant_id}})


def _stop_if_dry(call: Call) -> None:
    if call.parameters.get("DryRun"):
        raise DryRunOperationException
