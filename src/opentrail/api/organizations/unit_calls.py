"""The tree: organizational units, parents and children, MoveAccount."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from opentrail.api.call import Call, Result
from opentrail.api.organizations import paging, shapes
from opentrail.identity.entities import Page
from opentrail.identity.organizations import Organizations
from opentrail.identity.organizations.tags import checked


def create_organizational_unit(organizations: Organizations, call: Call) -> Result:
    """CreateOrganizationalUnit"""
    given = call.parameters
    unit = organizations.units.create(call.account_id, given["ParentId"], given["Name"], tagged=checked(given.get("Tags", ())))
    return {"OrganizationalUnit": shapes.unit(unit)}


def describe_organizational_unit(organizations: Organizations, call: Call) -> Result:
    """DescribeOrganizationalUnit"""
    unit = organizations.units.describe(call.account_id, call.parameters["OrganizationalUnitId"])
    return {"OrganizationalUnit": shapes.unit(unit)}


def update_organizational_unit(organizations: Organizations, call: Call) -> Result:
    """UpdateOrganizationalUnit"""
    unit = organizations.units.rename(call.account_id, call.parameters["OrganizationalUnitId"], call.parameters.get("Name"))
    return {"OrganizationalUnit": shapes.unit(unit)}


def delete_organizational_unit(organizations: Organizations, call: Call) -> None:
    """DeleteOrganizationalUnit"""
    organizations.units.delete(call.account_id, call.parameters["OrganizationalUnitId"])


def list_organizational_units_for_parent(organizations: Organizations, call: Call) -> Result:
    """ListOrganizationalUnitsForParent"""
    page = organizations.units.list(call.account_id, call.parameters["ParentId"], **paging.window(call))
    return paging.answer(call, "OrganizationalUnits", page, shapes.unit, lambda unit: unit.id)


def list_parents(organizations: Organizations, call: Call) -> Result:
    """ListParents: everything has one."""
    window = paging.window(call)
    found = organizations.units.parent(call.account_id, call.parameters["ChildId"])
    page = Page([found] if window["after"] is None else [], False)
    return paging.answer(call, "Parents", page, shapes.parent, str)


def list_children(organizations: Organizations, call: Call) -> Result:
    """ListChildren"""
    kind = call.parameters["ChildType"]
    page = organizations.units.children(call.account_id, call.parameters["ParentId"], kind, **paging.window(call))
    return paging.answer(call, "Children", page, lambda child: {"Id": child, "Type": kind}, str)


def move_account(organizations: Organizations, call: Call) -> None:
    """MoveAccount"""
    given = call.parameters
    organizations.units.move(call.account_id, given["AccountId"], given["SourceParentId"], given["DestinationParentId"])


OPERATIONS: Mapping[str, Callable[[Organizations, Call], Result]] = {
    "CreateOrganizationalUnit": create_organizational_unit,
    "DescribeOrganizationalUnit": describe_organizational_unit,
    "UpdateOrganizationalUnit": update_organizational_unit,
    "DeleteOrganizationalUnit": delete_organizational_unit,
    "ListOrganizationalUnitsForParent": list_organizational_units_for_parent,
    "ListParents": list_parents,
    "ListChildren": list_children,
    "MoveAccount": move_account,
}
