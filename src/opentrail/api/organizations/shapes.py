"""What there is in an organization, as the API shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.identity.organizations.accounts import Account, AccountRequest
from opentrail.identity.organizations.handshake_rows import Handshake
from opentrail.identity.organizations.policy_rows import OrganizationPolicy, Target
from opentrail.identity.organizations.services import Delegate
from opentrail.identity.organizations.tagged import ResourcePolicy
from opentrail.identity.organizations.tree import ALL, SERVICE_CONTROL_POLICY, Organization
from opentrail.identity.organizations.units import Unit


def organization(of: Organization, email: str) -> dict[str, Any]:
    """An organization; `email` is the management account's."""
    available = [{"Type": SERVICE_CONTROL_POLICY, "Status": "ENABLED"}] if of.feature_set == ALL else []
    return {
        "Id": of.id,
        "Arn": of.arn,
        "FeatureSet": of.feature_set,
        "MasterAccountArn": of.arn_of(of.management_account_id),
        "MasterAccountId": of.management_account_id,
        "MasterAccountEmail": email,
        "AvailablePolicyTypes": available,
    }


def root(of: Organization) -> dict[str, Any]:
    """The root of an organization."""
    types = [{"Type": kind, "Status": "ENABLED"} for kind in of.policy_types]
    return {"Id": of.root_id, "Arn": of.arn_of(of.root_id), "Name": "Root", "PolicyTypes": types}


def unit(of: Unit) -> dict[str, Any]:
    """An organizational unit."""
    return {"Id": of.id, "Arn": of.arn, "Name": of.name, "Path": of.path}


def parent(of: str) -> dict[str, Any]:
    """What is above something, by its id."""
    return {"Id": of, "Type": "ROOT" if of.startswith("r-") else "ORGANIZATIONAL_UNIT"}


def account(of: Account) -> dict[str, Any]:
    """An account."""
    return {**_account(of), "Paths": [of.path]}


def delegate(of: Delegate) -> dict[str, Any]:
    """A delegated administrator."""
    return {**_account(of.account), "DelegationEnabledDate": of.since}


def _account(of: Account) -> dict[str, Any]:
    return {
        "Id": of.id,
        "Arn": of.arn,
        "Email": of.email,
        "Name": of.name,
        "Status": "SUSPENDED" if of.closed else "ACTIVE",
        "State": "CLOSED" if of.closed else "ACTIVE",
        "JoinedMethod": of.joined_method,
        "JoinedTimestamp": of.joined,
    }


def request(of: AccountRequest) -> dict[str, Any]:
    """How a request to create an account ended."""
    shown: dict[str, Any] = {
        "Id": of.id,
        "AccountName": of.name,
        "State": of.state,
        "RequestedTimestamp": of.requested,
        "CompletedTimestamp": of.completed,
    }
    if of.account_id is not None:
        shown["AccountId"] = of.account_id
    if of.failure is not None:
        shown["FailureReason"] = of.failure
    return shown


def policy(of: OrganizationPolicy) -> dict[str, Any]:
    """A policy with its content."""
    return {"PolicySummary": summary(of), "Content": of.content}


def summary(of: OrganizationPolicy) -> dict[str, Any]:
    """A policy in lists."""
    return {
        "Id": of.id,
        "Arn": of.arn,
        "Name": of.name,
        "Description": of.description,
        "Type": of.type,
        "AwsManaged": of.aws_managed,
    }


def target(of: Target) -> dict[str, Any]:
    """What a policy is attached to."""
    return {"TargetId": of.id, "Arn": of.arn, "Name": of.name, "Type": of.type}


def handshake(of: Handshake) -> dict[str, Any]:
    """A handshake."""
    parties = [{"Id": of.organization_id, "Type": "ORGANIZATION"}]
    if of.party is not None:
        parties.append({"Id": of.party[1], "Type": of.party[0]})
    return {
        "Id": of.id,
        "Arn": of.arn,
        "Action": of.action,
        "State": of.state,
        "Parties": parties,
        "RequestedTimestamp": of.requested,
        "ExpirationTimestamp": of.expires,
        "Resources": list(of.resources),
    }


def resource_policy(of: ResourcePolicy) -> dict[str, Any]:
    """The resource policy."""
    return {"ResourcePolicySummary": {"Id": of.id, "Arn": of.arn}, "Content": of.content}


def tags(of: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags."""
    return [{"Key": key, "Value": value} for key, value in of.items()]
