"""Accounts: CreateAccount … LeaveOrganization."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from opentrail.api.call import Call, Result
from opentrail.api.organizations import paging, shapes
from opentrail.identity.organizations import Organizations
from opentrail.identity.organizations.accounts import DEFAULT_ROLE
from opentrail.identity.organizations.tags import checked


def create_account(organizations: Organizations, call: Call) -> Result:
    """CreateAccount: the account is there when this is answered, so the state is not IN_PROGRESS.

    `IamUserAccessToBilling` is about a console page of AWS; there are no bills here.
    """
    given = call.parameters
    request = organizations.accounts.create(
        call.account_id,
        email=given["Email"],
        name=given["AccountName"],
        role=given.get("RoleName") or DEFAULT_ROLE,
        tags=checked(given.get("Tags", ())),
    )
    return {"CreateAccountStatus": shapes.request(request)}


def describe_create_account_status(organizations: Organizations, call: Call) -> Result:
    """DescribeCreateAccountStatus"""
    request = organizations.accounts.request(call.account_id, call.parameters["CreateAccountRequestId"])
    return {"CreateAccountStatus": shapes.request(request)}


def list_create_account_status(organizations: Organizations, call: Call) -> Result:
    """ListCreateAccountStatus"""
    page = organizations.accounts.requests(call.account_id, states=call.parameters.get("States", ()), **paging.window(call))
    return paging.answer(call, "CreateAccountStatuses", page, shapes.request, lambda request: request.id)


def describe_account(organizations: Organizations, call: Call) -> Result:
    """DescribeAccount"""
    return {"Account": shapes.account(organizations.accounts.describe(call.account_id, call.parameters["AccountId"]))}


def list_accounts(organizations: Organizations, call: Call) -> Result:
    """ListAccounts"""
    page = organizations.accounts.list(call.account_id, **paging.window(call))
    return paging.answer(call, "Accounts", page, shapes.account, lambda account: account.id)


def list_accounts_for_parent(organizations: Organizations, call: Call) -> Result:
    """ListAccountsForParent"""
    page = organizations.accounts.list(call.account_id, parent_id=call.parameters["ParentId"], **paging.window(call))
    return paging.answer(call, "Accounts", page, shapes.account, lambda account: account.id)


def close_account(organizations: Organizations, call: Call) -> None:
    """CloseAccount"""
    organizations.accounts.close(call.account_id, call.parameters["AccountId"])


def remove_account_from_organization(organizations: Organizations, call: Call) -> None:
    """RemoveAccountFromOrganization"""
    organizations.accounts.remove(call.account_id, call.parameters["AccountId"])


def leave_organization(organizations: Organizations, call: Call) -> None:
    """LeaveOrganization"""
    organizations.accounts.leave(call.account_id)


OPERATIONS: Mapping[str, Callable[[Organizations, Call], Result]] = {
    "CreateAccount": create_account,
    "DescribeCreateAccountStatus": describe_create_account_status,
    "ListCreateAccountStatus": list_create_account_status,
    "DescribeAccount": describe_account,
    "ListAccounts": list_accounts,
    "ListAccountsForParent": list_accounts_for_parent,
    "CloseAccount": close_account,
    "RemoveAccountFromOrganization": remove_account_from_organization,
    "LeaveOrganization": leave_organization,
}
