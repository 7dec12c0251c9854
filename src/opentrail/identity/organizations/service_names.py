"""Service principals that an organization can trust (Organizations user guide, "AWS services that you can use with Organizations")."""

from __future__ import annotations

from collections.abc import Mapping

CLOUDTRAIL = "cloudtrail.amazonaws.com"

_DELEGABLE = (
    "access-analyzer", "account", "agentlessinspection.inspector2", "auditmanager", "backup", "cloudtrail", "compute-optimizer", "config",
    "config-multiaccountsetup", "cost-optimization-hub.bcm", "detective", "devops-guru", "fms", "guardduty", "health", "iam", "inspector2",
    "ipam", "license-manager", "license-manager-linux-subscriptions", "license-manager.member-account", "macie",
    "malware-protection.guardduty", "member.org.stacksets.cloudformation", "mgn", "networkmanager", "notifications", "observabilityadmin",
    "reachabilityanalyzer.networkinsights", "reporting.trustedadvisor", "resource-explorer-2", "security-ir", "securityhub",
    "securitylake", "servicecatalog", "ssm", "ssm-quicksetup", "sso", "stacksets.cloudformation", "storage-lens.s3",
)  # fmt: skip

_TRUSTABLE_ONLY = (
    "aws-artifact-account-sync", "controltower", "ds", "ec2", "license-management.marketplace", "private-marketplace.marketplace", "ram",
    "servicequotas", "tagpolicies.tag", "wellarchitected",
)  # fmt: skip

DELEGABLE = frozenset(f"{name}.amazonaws.com" for name in _DELEGABLE)
"""Services that a member can administer."""

TRUSTABLE = DELEGABLE | frozenset(f"{name}.amazonaws.com" for name in _TRUSTABLE_ONLY)
"""Services that can be trusted."""

MAX_DELEGATES: Mapping[str, int] = {
    CLOUDTRAIL: 3,
    "config.amazonaws.com": 3,
    "config-multiaccountsetup.amazonaws.com": 3,
    "member.org.stacksets.cloudformation.amazonaws.com": 5,
}
"""How many administrators a service may have, where its documentation names a limit."""
