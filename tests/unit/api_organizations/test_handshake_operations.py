"""Handshakes: invitations that are accepted, declined, taken back or forgotten, and the change to all features."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from opentrail.clock import ManualClock

FIRST, SECOND = "210987654321", "310987654321"
DAY = 86400.0


def invite(caller: Any, account_id: str, **more: Any) -> str:
    return str(caller("InviteAccountToOrganization", Target={"Type": "ACCOUNT", "Id": account_id}, **more)["Handshake"]["Id"])


def test_an_invited_account_joins(manager: Any, root_of: Callable[[str], Any]) -> None:
    guest = root_of(FIRST)
    target = {"Type": "ACCOUNT", "Id": FIRST}
    made = manager("InviteAccountToOrganization", Target=target, Notes="Come in", Tags=[{"Key": "k", "Value": "v"}])["Handshake"]
    organization = manager("DescribeOrganization")["Organization"]
    assert re.fullmatch("h-[a-z0-9]{32}", made["Id"])
    assert made["Arn"] == f"arn:aws:organizations::{manager.id}:handshake/{organization['Id']}/invite/{made['Id']}"
    assert (made["Action"], made["State"]) == ("INVITE", "OPEN")
    assert (made["ExpirationTimestamp"] - made["RequestedTimestamp"]).days == 15
    assert made["Parties"] == [{"Id": organization["Id"], "Type": "ORGANIZATION"}, {"Id": FIRST, "Type": "ACCOUNT"}]
    assert made["Resources"] == [
        {
            "Type": "ORGANIZATION",
            "Value": organization["Id"],
            "Resources": [
                {"Type": "MASTER_EMAIL", "Value": organization["MasterAccountEmail"]},
                {"Type": "MASTER_NAME", "Value": manager.id},
                {"Type": "ORGANIZATION_FEATURE_SET", "Value": "ALL"},
            ],
        },
        {"Type": "ACCOUNT", "Value": FIRST},
        {"Type": "NOTES", "Value": "Come in"},
    ]
    assert guest("ListHandshakesForAccount")["Handshakes"] == [made]
    assert manager("ListHandshakesForOrganization")["Handshakes"] == [made]
    assert guest("DescribeHandshake", HandshakeId=made["Id"])["Handshake"] == made
    accepted = guest("AcceptHandshake", HandshakeId=made["Id"])["Handshake"]
    assert accepted == made | {"State": "ACCEPTED"}
    account = manager("DescribeAccount", AccountId=FIRST)["Account"]
    assert account["JoinedMethod"] == "INVITED"
    assert manager("ListTagsForResource", ResourceId=FIRST)["Tags"] == [{"Key": "k", "Value": "v"}]
    guest.refused("HandshakeAlreadyInStateException", "AcceptHandshake", HandshakeId=made["Id"])
    guest.refused("InvalidHandshakeTransitionException", "DeclineHandshake", HandshakeId=made["Id"])
    manager.refused("InvalidHandshakeTransitionException", "CancelHandshake", HandshakeId=made["Id"])
    already = "ALREADY_IN_AN_ORGANIZATION"
    manager.refused("HandshakeConstraintViolationException", "InviteAccountToOrganization", already, Target=target)


def test_an_account_can_be_invited_by_its_email(manager: Any, root_of: Callable[[str], Any]) -> None:
    guest = root_of(manager.account("dev"))
    manager("RemoveAccountFromOrganization", AccountId=guest.id)
    target = {"Type": "EMAIL", "Id": "Dev@example.com"}
    made = manager("InviteAccountToOrganization", Target=target)["Handshake"]
    assert made["Parties"][1] == target
    manager.refused("DuplicateHandshakeException", "InviteAccountToOrganization", Target=target)
    manager.refused("DuplicateHandshakeException", "InviteAccountToOrganization", Target={"Type": "ACCOUNT", "Id": guest.id})
    assert guest("AcceptHandshake", HandshakeId=made["Id"])["Handshake"]["State"] == "ACCEPTED"
    assert manager("DescribeAccount", AccountId=guest.id)["Account"]["Email"] == "dev@example.com"


def test_invitations_are_declined_cancelled_and_expire(manager: Any, root_of: Callable[[str], Any], clock: ManualClock) -> None:
    guest, stranger = root_of(FIRST), root_of(SECOND)
    handshake = invite(manager, FIRST)
    for operation in ("DescribeHandshake", "AcceptHandshake", "DeclineHandshake", "CancelHandshake"):
        stranger.refused("HandshakeNotFoundException", operation, HandshakeId=handshake)
        stranger.refused("HandshakeNotFoundException", operation, HandshakeId="h-00000000")
    for operation in ("AcceptHandshake", "DeclineHandshake"):
        manager.refused("AccessDeniedException", operation, HandshakeId=handshake)
    guest.refused("AccessDeniedException", "CancelHandshake", HandshakeId=handshake)
    assert guest("DeclineHandshake", HandshakeId=handshake)["Handshake"]["State"] == "DECLINED"
    guest.refused("HandshakeAlreadyInStateException", "DeclineHandshake", HandshakeId=handshake)
    guest.refused("InvalidHandshakeTransitionException", "AcceptHandshake", HandshakeId=handshake)
    second = invite(manager, FIRST)
    assert manager("CancelHandshake", HandshakeId=second)["Handshake"]["State"] == "CANCELED"
    guest.refused("InvalidHandshakeTransitionException", "AcceptHandshake", HandshakeId=second)
    third = invite(manager, FIRST)
    clock.advance(15 * DAY)
    assert guest("DescribeHandshake", HandshakeId=third)["Handshake"]["State"] == "EXPIRED"
    guest.refused("InvalidHandshakeTransitionException", "AcceptHandshake", HandshakeId=third)
    fourth = invite(manager, FIRST)
    assert {found["State"] for found in guest.all("ListHandshakesForAccount", "Handshakes", MaxResults=1)} == {
        "DECLINED", "CANCELED", "EXPIRED", "OPEN",
    }  # fmt: skip
    clock.advance(16 * DAY)
    assert {found["Id"] for found in manager("ListHandshakesForOrganization")["Handshakes"]} == {third, fourth}
    clock.advance(45 * DAY)
    assert manager("ListHandshakesForOrganization")["Handshakes"] == []
    guest.refused("HandshakeNotFoundException", "DescribeHandshake", HandshakeId=fourth)


def test_a_deleted_organization_takes_its_invitations_back(manager: Any, root_of: Callable[[str], Any]) -> None:
    guest = root_of(FIRST)
    handshake = invite(manager, FIRST)
    manager("DeleteOrganization")
    assert guest("DescribeHandshake", HandshakeId=handshake)["Handshake"]["State"] == "CANCELED"
    guest.refused("InvalidHandshakeTransitionException", "AcceptHandshake", HandshakeId=handshake)


def test_a_member_of_another_organization_moves_over(governed: Any, root_of: Callable[[str], Any]) -> None:
    account = governed.account("dev")
    rival = root_of(FIRST)
    rival("CreateOrganization")
    handshake = invite(rival, account)
    assert root_of(account)("AcceptHandshake", HandshakeId=handshake)["Handshake"]["State"] == "ACCEPTED"
    assert rival("DescribeAccount", AccountId=account)["Account"]["JoinedMethod"] == "INVITED"
    governed.refused("AccountNotFoundException", "DescribeAccount", AccountId=account)
    assert governed.identities.service_control(account) == ()
    handshake = invite(governed, FIRST)
    rival.refused("MasterCannotLeaveOrganizationException", "AcceptHandshake", HandshakeId=handshake)


def test_filters(manager: Any, root_of: Callable[[str], Any]) -> None:
    root_of(FIRST)
    invite(manager, FIRST)
    assert len(manager("ListHandshakesForOrganization", Filter={"ActionType": "INVITE"})["Handshakes"]) == 1
    assert manager("ListHandshakesForOrganization", Filter={"ActionType": "ENABLE_ALL_FEATURES"})["Handshakes"] == []
    both = {"ActionType": "INVITE", "ParentHandshakeId": "h-00000000"}
    manager.refused("InvalidInputException", "ListHandshakesForOrganization", "MAX_LIMIT_EXCEEDED_FILTER", Filter=both)


def test_all_features_need_the_consent_of_every_invited_account(alone: Any, root_of: Callable[[str], Any]) -> None:
    organization = alone("CreateOrganization", FeatureSet="CONSOLIDATED_BILLING")["Organization"]
    assert (organization["FeatureSet"], organization["AvailablePolicyTypes"]) == ("CONSOLIDATED_BILLING", [])
    scp = {"RootId": alone.root_id(), "PolicyType": "SERVICE_CONTROL_POLICY"}
    alone.refused("PolicyTypeNotAvailableForOrganizationException", "EnablePolicyType", **scp)
    assert alone("ListPolicies", Filter="SERVICE_CONTROL_POLICY")["Policies"] == []
    made, first, second = alone.account("made"), root_of(FIRST), root_of(SECOND)
    alone.refused("ConstraintViolationException", "CloseAccount", "ORGANIZATION_NOT_IN_ALL_FEATURES_MODE", AccountId=made)
    for guest in (first, second):
        guest("AcceptHandshake", HandshakeId=invite(alone, guest.id))
    change = alone("EnableAllFeatures")["Handshake"]
    assert (change["Action"], change["State"]) == ("ENABLE_ALL_FEATURES", "REQUESTED")
    assert change["Parties"] == [{"Id": organization["Id"], "Type": "ORGANIZATION"}]
    pending = "ORGANIZATION_IS_ALREADY_PENDING_ALL_FEATURES_MIGRATION"
    alone.refused("HandshakeConstraintViolationException", "EnableAllFeatures", pending)
    stopped, target = "INVITE_DISABLED_DURING_ENABLE_ALL_FEATURES", {"Type": "EMAIL", "Id": "x@example.com"}
    alone.refused("HandshakeConstraintViolationException", "InviteAccountToOrganization", stopped, Target=target)
    alone.refused("InvalidHandshakeTransitionException", "AcceptHandshake", HandshakeId=change["Id"])
    below = alone("ListHandshakesForOrganization", Filter={"ParentHandshakeId": change["Id"]})["Handshakes"]
    assert {(found["Action"], found["Parties"][1]["Id"]) for found in below} == {
        ("APPROVE_ALL_FEATURES", FIRST),
        ("APPROVE_ALL_FEATURES", SECOND),
    }
    (asked,) = first("ListHandshakesForAccount", Filter={"ActionType": "APPROVE_ALL_FEATURES"})["Handshakes"]
    assert {"Type": "PARENT_HANDSHAKE", "Value": change["Id"]} in asked["Resources"]
    alone.refused("InvalidHandshakeTransitionException", "CancelHandshake", HandshakeId=asked["Id"])
    first("AcceptHandshake", HandshakeId=asked["Id"])
    assert alone("DescribeHandshake", HandshakeId=change["Id"])["Handshake"]["State"] == "REQUESTED"
    (asked,) = second("ListHandshakesForAccount", Filter={"ActionType": "APPROVE_ALL_FEATURES"})["Handshakes"]
    second("DeclineHandshake", HandshakeId=asked["Id"])
    alone.refused("InvalidHandshakeTransitionException", "AcceptHandshake", HandshakeId=change["Id"])
    second("LeaveOrganization")
    assert alone("DescribeHandshake", HandshakeId=change["Id"])["Handshake"]["State"] == "OPEN"
    first.refused("HandshakeNotFoundException", "AcceptHandshake", HandshakeId=change["Id"])
    assert alone("AcceptHandshake", HandshakeId=change["Id"])["Handshake"]["State"] == "ACCEPTED"
    assert alone("DescribeOrganization")["Organization"]["FeatureSet"] == "ALL"
    finished = "ORGANIZATION_ALREADY_HAS_ALL_FEATURES"
    alone.refused("HandshakeConstraintViolationException", "EnableAllFeatures", finished)
    alone("EnablePolicyType", **scp)
    assert [len(level) for level in alone.identities.service_control(made)] == [1, 1]


def test_the_change_can_be_cancelled_and_without_guests_be_made_at_once(alone: Any, root_of: Callable[[str], Any]) -> None:
    alone("CreateOrganization", FeatureSet="CONSOLIDATED_BILLING")
    guest = root_of(FIRST)
    guest("AcceptHandshake", HandshakeId=invite(alone, FIRST))
    change = alone("EnableAllFeatures")["Handshake"]["Id"]
    assert alone("CancelHandshake", HandshakeId=change)["Handshake"]["State"] == "CANCELED"
    (asked,) = guest("ListHandshakesForAccount", Filter={"ActionType": "APPROVE_ALL_FEATURES"})["Handshakes"]
    assert asked["State"] == "CANCELED"
    guest("LeaveOrganization")
    change = alone("EnableAllFeatures")["Handshake"]
    assert change["State"] == "OPEN"
    alone("AcceptHandshake", HandshakeId=change["Id"])
    assert alone("DescribeOrganization")["Organization"]["FeatureSet"] == "ALL"
