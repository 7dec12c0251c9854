"""Policies of users, groups and roles: inline, attached, boundaries. The same operations three times, so they are made from a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from opentrail.api.call import Call, Result
from opentrail.api.iam import paging, shapes
from opentrail.api.iam.caller import Operation
from opentrail.identity import Identities
from opentrail.identity.attachments import Owner

_OWNERS: Mapping[str, Owner] = {"User": "user", "Group": "group", "Role": "role"}


def _of_owner(title: str, kind: Owner) -> Iterator[tuple[str, Operation]]:
    member = f"{title}Name"

    def put(identities: Identities, call: Call) -> Result:
        given = call.parameters
        identities.attachments.put_inline(call.account_id, kind, given[member], given["PolicyName"], given["PolicyDocument"])
        return None

    def get(identities: Identities, call: Call) -> Result:
        owner, name = call.parameters[member], call.parameters["PolicyName"]
        text = identities.attachments.get_inline(call.account_id, kind, owner, name)
        return {member: owner, "PolicyName": name, "PolicyDocument": shapes.document(text)}

    def names(identities: Identities, call: Call) -> Result:
        return paging.paged(call, "PolicyNames", identities.attachments.inline_names(call.account_id, kind, call.parameters[member]), str)

    def delete(identities: Identities, call: Call) -> Result:
        identities.attachments.delete_inline(call.account_id, kind, call.parameters[member], call.parameters["PolicyName"])
        return None

    def attach(identities: Identities, call: Call) -> Result:
        identities.attachments.attach(call.account_id, kind, call.parameters[member], call.parameters["PolicyArn"])
        return None

    def detach(identities: Identities, call: Call) -> Result:
        identities.attachments.detach(call.account_id, kind, call.parameters[member], call.parameters["PolicyArn"])
        return None

    def attached(identities: Identities, call: Call) -> Result:
        prefix = call.parameters.get("PathPrefix", "/")
        arns = identities.attachments.attached(call.account_id, kind, call.parameters[member])
        inside = [arn for arn in arns if arn.partition(":policy")[2].startswith(prefix)]
        return paging.paged(call, "AttachedPolicies", inside, lambda arn: {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn})

    yield f"Put{title}Policy", put
    yield f"Get{title}Policy", get
    yield f"List{title}Policies", names
    yield f"Delete{title}Policy", delete
    yield f"Attach{title}Policy", attach
    yield f"Detach{title}Policy", detach
    yield f"ListAttached{title}Policies", attached


def _boundaries(title: str, kind: Literal["user", "role"]) -> Iterator[tuple[str, Operation]]:
    member = f"{title}Name"

    def put(identities: Identities, call: Call) -> Result:
        identities.attachments.set_boundary(call.account_id, kind, call.parameters[member], call.parameters["PermissionsBoundary"])
        return None

    def delete(identities: Identities, call: Call) -> Result:
        identities.attachments.set_boundary(call.account_id, kind, call.parameters[member], None)
        return None

    yield f"Put{title}PermissionsBoundary", put
    yield f"Delete{title}PermissionsBoundary", delete


OPERATIONS: Mapping[str, Operation] = {
    **{name: operation for title, kind in _OWNERS.items() for name, operation in _of_owner(title, kind)},
    **dict(_boundaries("User", "user")),
    **dict(_boundaries("Role", "role")),
}
