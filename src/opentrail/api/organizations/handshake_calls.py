"""Handshakes: invitations, and the consent to all features."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opentrail.api.call import Call, Result
from opentrail.api.organizations import paging, shapes
from opentrail.identity.organizations import Organizations
from opentrail.identity.organizations.faults import InvalidInputException
from opentrail.identity.organizations.tags import checked


def invite_account_to_organization(organizations: Organizations, call: Call) -> Result:
    """InviteAccountToOrganization. No mail is sent: the invited account finds the invitation with ListHandshakesForAccount."""
    given = call.parameters
    kind, target = given["Target"]["Type"], given["Target"]["Id"]
    if kind not in ("ACCOUNT", "EMAIL") or (kind == "ACCOUNT" and not (target.isascii() and target.isdigit() and len(target) == 12)):
        raise InvalidInputException(
            "You specified the wrong type of entity as a party: invite an ACCOUNT by its 12 digits, or an EMAIL.",
            Reason="INVALID_PARTY_TYPE_TARGET",
        )
    if kind == "EMAIL" and (target.count("@") != 1 or target.startswith("@") or target.endswith("@")):
        raise InvalidInputException(
            "You specified an invalid email address for the invited account owner.", Reason="INVALID_EMAIL_ADDRESS_TARGET"
        )
    made = organizations.handshakes.invite(call.account_id, kind, target, notes=given.get("Notes"), tagged=checked(given.get("Tags", ())))
    return {"Handshake": shapes.handshake(made)}


def enable_all_features(organizations: Organizations, call: Call) -> Result:
    """EnableAllFeatures"""
    return {"Handshake": shapes.handshake(organizations.handshakes.enable_all_features(call.account_id))}


def accept_handshake(organizations: Organizations, call: Call) -> Result:
    """AcceptHandshake"""
    return {"Handshake": shapes.handshake(organizations.handshakes.accept(call.account_id, call.parameters["HandshakeId"]))}


def decline_handshake(organizations: Organizations, call: Call) -> Result:
    """DeclineHandshake"""
    return {"Handshake": shapes.handshake(organizations.handshakes.decline(call.account_id, call.parameters["HandshakeId"]))}


def cancel_handshake(organizations: Organizations, call: Call) -> Result:
    """CancelHandshake"""
    return {"Handshake": shapes.handshake(organizations.handshakes.cancel(call.account_id, call.parameters["HandshakeId"]))}


def describe_handshake(organizations: Organizations, call: Call) -> Result:
    """DescribeHandshake"""
    return {"Handshake": shapes.handshake(organizations.handshakes.describe(call.account_id, call.parameters["HandshakeId"]))}


def list_handshakes_for_account(organizations: Organizations, call: Call) -> Result:
    """ListHandshakesForAccount"""
    page = organizations.handshakes.received(call.account_id, **_filter(call), **paging.window(call))
    return paging.answer(call, "Handshakes", page, shapes.handshake, lambda found: found.id)


def list_handshakes_for_organization(organizations: Organizations, call: Call) -> Result:
    """ListHandshakesForOrganization"""
    page = organizations.handshakes.sent(call.account_id, **_filter(call), **paging.window(call))
    return paging.answer(call, "Handshakes", page, shapes.handshake, lambda found: found.id)


def _filter(call: Call) -> dict[str, Any]:
    given = call.parameters.get("Filter") or {}
    if given.get("ActionType") and given.get("ParentHandshakeId"):
        raise InvalidInputException("You can specify only one filter parameter for the operation.", Reason="MAX_LIMIT_EXCEEDED_FILTER")
    return {"action": given.get("ActionType"), "parent_id": given.get("ParentHandshakeId")}


OPERATIONS: Mapping[str, Callable[[Organizations, Call], Result]] = {
    "InviteAccountToOrganization": invite_account_to_organization,
    "EnableAllFeatures": enable_all_features,
    "AcceptHandshake": accept_handshake,
    "DeclineHandshake": decline_handshake,
    "CancelHandshake": cancel_handshake,
    "DescribeHandshake": describe_handshake,
    "ListHandshakesForAccount": list_handshakes_for_account,
    "ListHandshakesForOrganization": list_handshakes_for_organization,
}
