"""The organization itself: CreateOrganization … DeleteOrganization, ListRoots."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from opentrail.api.call import Call, Result
from opentrail.api.organizations import paging, shapes
from opentrail.identity.entities import Page
from opentrail.identity.organizations import Organizations
from opentrail.identity.organizations.tree import ALL


def create_organization(organizations: Organizations, call: Call) -> Result:
    """CreateOrganization"""
    organizations.create(call.account_id, call.parameters.get("FeatureSet", ALL))
    return describe_organization(organizations, call)


def describe_organization(organizations: Organizations, call: Call) -> Result:
    """DescribeOrganization"""
    return {"Organization": shapes.organization(*organizations.describe(call.account_id))}


def delete_organization(organizations: Organizations, call: Call) -> None:
    """DeleteOrganization"""
    organizations.delete(call.account_id)


def list_roots(organizations: Organizations, call: Call) -> Result:
    """ListRoots: there is one."""
    window = paging.window(call)
    root = organizations.units.root(call.account_id)
    page = Page([root] if window["after"] is None else [], False)
    return paging.answer(call, "Roots", page, shapes.root, lambda found: found.root_id)


OPERATIONS: Mapping[str, Callable[[Organizations, Call], Result]] = {
    "CreateOrganization": create_organization,
    "DescribeOrganization": describe_organization,
    "DeleteOrganization": delete_organization,
    "ListRoots": list_roots,
}
