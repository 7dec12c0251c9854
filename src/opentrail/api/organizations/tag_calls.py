"""Tags."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from opentrail.api.call import Call, Result
from opentrail.api.organizations import paging, shapes
from opentrail.identity.organizations import Organizations
from opentrail.identity.organizations.tags import checked


def tag_resource(organizations: Organizations, call: Call) -> None:
    """TagResource"""
    organizations.tags.add(call.account_id, call.parameters["ResourceId"], checked(call.parameters["Tags"]))


def untag_resource(organizations: Organizations, call: Call) -> None:
    """UntagResource"""
    organizations.tags.remove(call.account_id, call.parameters["ResourceId"], call.parameters["TagKeys"])


def list_tags_for_resource(organizations: Organizations, call: Call) -> Result:
    """ListTagsForResource: fifty at the most, all on one page."""
    rest = paging.window(call)["after"] is not None
    found = organizations.tags.list(call.account_id, call.parameters["ResourceId"])
    return {"Tags": [] if rest else shapes.tags(found)}


OPERATIONS: Mapping[str, Callable[[Organizations, Call], Result]] = {
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
    "ListTagsForResource": list_tags_for_resource,
}
