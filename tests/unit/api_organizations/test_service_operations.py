"""Trusted access and delegated administrators, through Organizations and through CloudTrail."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from opentrail.api.authorisation import Authorisation
from opentrail.api.cloudtrail.delegates import DelegateOperations
from opentrail.wire.faults import Fault

CLOUDTRAIL = "cloudtrail.amazonaws.com"
OTHER = "210987654321"
MODEL = ServiceModel(Loader().load_service_model("cloudtrail", "service-2"), "cloudtrail")


def cloudtrail(caller: Any, operation: str, account_id: str) -> str | None:
    """Register or Deregister; returns the code of the fault, which must be one that the model knows for the operation."""
    identities = caller.identities
    operations = DelegateOperations(identities, partial(Authorisation(identities=identities).check, protocol="json")).operations
    name = f"{operation}OrganizationDelegatedAdmin"
    member = "MemberAccountId" if operation == "Register" else "DelegatedAdminAccountId"
    call = replace(caller.call(name, {member: account_id}), service="cloudtrail")
    try:
        operations[name](call)
    except Fault as fault:
        code = fault.code
    else:
        return None
    assert code in {shape.name for shape in MODEL.operation_model(name).error_shapes}
    return code


def test_services_are_trusted_and_trusted_no_more(manager: Any) -> None:
    for service in (CLOUDTRAIL, "config.amazonaws.com", CLOUDTRAIL):
        manager("EnableAWSServiceAccess", ServicePrincipal=service)
    listed = manager.all("ListAWSServiceAccessForOrganization", "EnabledServicePrincipals", MaxResults=1)
    assert [service["ServicePrincipal"] for service in listed] == [CLOUDTRAIL, "config.amazonaws.com"]
    assert manager.identities.organizations.trusts(manager.id, CLOUDTRAIL)
    manager("DisableAWSServiceAccess", ServicePrincipal=CLOUDTRAIL)
    manager("DisableAWSServiceAccess", ServicePrincipal=CLOUDTRAIL)
    assert not manager.identities.organizations.trusts(manager.id, CLOUDTRAIL)
    assert not manager.identities.organizations.trusts(OTHER, CLOUDTRAIL)


def test_delegated_administrators(manager: Any) -> None:
    account, other = manager.account("dev"), manager.account("other")
    named = {"AccountId": account, "ServicePrincipal": CLOUDTRAIL}
    register = ("ConstraintViolationException", "RegisterDelegatedAdministrator")
    manager.refused(*register, "SERVICE_ACCESS_NOT_ENABLED", **named)
    manager("EnableAWSServiceAccess", ServicePrincipal=CLOUDTRAIL)
    manager.refused(*register, "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR", **named | {"AccountId": manager.id})
    manager.refused("AccountNotFoundException", "RegisterDelegatedAdministrator", **named | {"AccountId": OTHER})
    unknown = ("InvalidInputException", "RegisterDelegatedAdministrator", "UNRECOGNIZED_SERVICE_PRINCIPAL")
    manager.refused(*unknown, **named | {"ServicePrincipal": "ram.amazonaws.com"})
    manager.refused("AccountNotRegisteredException", "ListDelegatedServicesForAccount", AccountId=account)
    manager("RegisterDelegatedAdministrator", **named)
    manager.refused("AccountAlreadyRegisteredException", "RegisterDelegatedAdministrator", **named)
    assert manager.identities.organizations.is_delegated(account, CLOUDTRAIL)
    assert not manager.identities.organizations.is_delegated(other, CLOUDTRAIL)
    (listed,) = manager("ListDelegatedAdministrators", ServicePrincipal=CLOUDTRAIL)["DelegatedAdministrators"]
    assert (listed["Id"], listed["DelegationEnabledDate"]) == (account, manager.clock.now())
    assert manager("ListDelegatedAdministrators", ServicePrincipal="config.amazonaws.com")["DelegatedAdministrators"] == []
    (service,) = manager("ListDelegatedServicesForAccount", AccountId=account)["DelegatedServices"]
    assert service["ServicePrincipal"] == CLOUDTRAIL
    going = "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG"
    manager.refused("ConstraintViolationException", "RemoveAccountFromOrganization", going, AccountId=account)
    exists = "DELEGATED_ADMINISTRATOR_EXISTS_FOR_THIS_SERVICE"
    manager.refused("ConstraintViolationException", "DisableAWSServiceAccess", exists, ServicePrincipal=CLOUDTRAIL)
    manager("DeregisterDelegatedAdministrator", **named)
    manager.refused("AccountNotRegisteredException", "DeregisterDelegatedAdministrator", **named)
    manager.refused("AccountNotFoundException", "DeregisterDelegatedAdministrator", **named | {"AccountId": OTHER})
    manager("CloseAccount", AccountId=account)
    manager.refused(*register, "CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR", **named)


def test_cloudtrail_has_at_most_three_delegated_administrators(manager: Any) -> None:
    manager("EnableAWSServiceAccess", ServicePrincipal=CLOUDTRAIL)
    accounts = [manager.account(f"a{number}") for number in range(4)]
    assert [cloudtrail(manager, "Register", account) for account in accounts] == [None] * 3 + [
        "DelegatedAdminAccountLimitExceededException"
    ]
    limit = "MAX_DELEGATED_ADMINISTRATORS_FOR_SERVICE_LIMIT_EXCEEDED"
    named = {"AccountId": accounts[3], "ServicePrincipal": CLOUDTRAIL}
    manager.refused("ConstraintViolationException", "RegisterDelegatedAdministrator", limit, **named)
    assert cloudtrail(manager, "Deregister", accounts[0]) is None
    assert cloudtrail(manager, "Register", accounts[3]) is None
    assert len(manager.all("ListDelegatedAdministrators", "DelegatedAdministrators", MaxResults=2)) == 3


def test_cloudtrail_registers_its_delegated_administrators_with_faults_of_its_own(alone: Any, root_of: Callable[[str], Any]) -> None:
    assert cloudtrail(alone, "Register", OTHER) == "OrganizationsNotInUseException"
    alone("CreateOrganization")
    account, other = alone.account("dev"), alone.account("other")
    assert cloudtrail(root_of(account), "Register", other) == "NotOrganizationManagementAccountException"
    assert cloudtrail(alone, "Register", account) == "CloudTrailAccessNotEnabledException"
    alone("EnableAWSServiceAccess", ServicePrincipal=CLOUDTRAIL)
    assert cloudtrail(alone, "Register", "123") == "InvalidParameterException"
    assert cloudtrail(alone, "Register", alone.id) == "CannotDelegateManagementAccountException"
    assert cloudtrail(alone, "Register", OTHER) == "AccountNotFoundException"
    assert cloudtrail(alone, "Deregister", account) == "AccountNotRegisteredException"
    assert cloudtrail(alone, "Deregister", OTHER) == "AccountNotFoundException"
    assert cloudtrail(alone, "Register", account) is None
    assert cloudtrail(alone, "Register", account) == "AccountRegisteredException"
    assert alone.identities.organizations.is_delegated(account, CLOUDTRAIL)
    assert alone.identities.roles.get(alone.id, "AWSServiceRoleForCloudTrail").details["service"] == CLOUDTRAIL
    assert cloudtrail(alone, "Register", other) is None  # the role is there already
    assert cloudtrail(alone, "Deregister", account) is None
    assert not alone.identities.organizations.is_delegated(account, CLOUDTRAIL)


def test_cloudtrail_asks_whether_the_caller_may_do_it_in_organizations(manager: Any) -> None:
    manager("EnableAWSServiceAccess", ServicePrincipal=CLOUDTRAIL)
    account = manager.account("dev")
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "cloudtrail:*", "Resource": "*"}]}
    manager.identities.users.create(manager.id, "alice")
    manager.identities.attachments.put_inline(manager.id, "user", "alice", "own", json.dumps(document))
    key, _ = manager.identities.access_keys.create(manager.id, "alice")
    alice = type(manager)(manager.identities, manager.clock, manager.identities.credential(key.access_key_id).principal)
    assert cloudtrail(alice, "Register", account) == "InsufficientDependencyServiceAccessPermissionException"
    assert not manager.identities.organizations.is_delegated(account, CLOUDTRAIL)


@pytest.mark.parametrize("operation", ["Register", "Deregister"])
def test_cloudtrail_needs_all_features(alone: Any, operation: str) -> None:
    alone("CreateOrganization", FeatureSet="CONSOLIDATED_BILLING")
    assert cloudtrail(alone, operation, OTHER) == "OrganizationNotInAllFeaturesModeException"
    for name in ("EnableAWSServiceAccess", "DisableAWSServiceAccess"):
        reason = "ORGANIZATION_NOT_IN_ALL_FEATURES_MODE"
        alone.refused("ConstraintViolationException", name, reason, ServicePrincipal=CLOUDTRAIL)
