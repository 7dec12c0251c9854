"""Trusted services and delegated administrators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opentrail.api.call import Call, Result
from opentrail.api.organizations import paging, shapes
from opentrail.identity.organizations import Organizations
from opentrail.identity.organizations.services import Enabled


def enable_aws_service_access(organizations: Organizations, call: Call) -> None:
    """EnableAWSServiceAccess"""
    organizations.services.enable(call.account_id, call.parameters["ServicePrincipal"])


def disable_aws_service_access(organizations: Organizations, call: Call) -> None:
    """DisableAWSServiceAccess"""
    organizations.services.disable(call.account_id, call.parameters["ServicePrincipal"])


def list_aws_service_access_for_organization(organizations: Organizations, call: Call) -> Result:
    """ListAWSServiceAccessForOrganization"""
    page = organizations.services.enabled(call.account_id, **paging.window(call))
    return paging.answer(call, "EnabledServicePrincipals", page, _with("DateEnabled"), lambda one: one.service_principal)


def register_delegated_administrator(organizations: Organizations, call: Call) -> None:
    """RegisterDelegatedAdministrator"""
    organizations.services.register(call.account_id, call.parameters["AccountId"], call.parameters["ServicePrincipal"])


def deregister_delegated_administrator(organizations: Organizations, call: Call) -> None:
    """DeregisterDelegatedAdministrator"""
    organizations.services.deregister(call.account_id, call.parameters["AccountId"], call.parameters["ServicePrincipal"])


def list_delegated_administrators(organizations: Organizations, call: Call) -> Result:
    """ListDelegatedAdministrators"""
    principal = call.parameters.get("ServicePrincipal")
    page = organizations.services.delegates(call.account_id, service_principal=principal, **paging.window(call))
    return paging.answer(call, "DelegatedAdministrators", page, shapes.delegate, lambda one: one.account.id)


def list_delegated_services_for_account(organizations: Organizations, call: Call) -> Result:
    """ListDelegatedServicesForAccount"""
    page = organizations.services.delegated(call.account_id, call.parameters["AccountId"], **paging.window(call))
    return paging.answer(call, "DelegatedServices", page, _with("DelegationEnabledDate"), lambda one: one.service_principal)


def _with(date: str) -> Callable[[Enabled], dict[str, Any]]:
    return lambda one: {"ServicePrincipal": one.service_principal, date: one.since}


OPERATIONS: Mapping[str, Callable[[Organizations, Call], Result]] = {
    "EnableAWSServiceAccess": enable_aws_service_access,
    "DisableAWSServiceAccess": disable_aws_service_access,
    "ListAWSServiceAccessForOrganization": list_aws_service_access_for_organization,
    "RegisterDelegatedAdministrator": register_delegated_administrator,
    "DeregisterDelegatedAdministrator": deregister_delegated_administrator,
    "ListDelegatedAdministrators": list_delegated_administrators,
    "ListDelegatedServicesForAccount": list_delegated_services_for_account,
}
