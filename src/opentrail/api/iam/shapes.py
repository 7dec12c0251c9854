"""Entities as IAM's API shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from opentrail.identity.entities import Entity
from opentrail.identity.keys import LastUse
from opentrail.identity.managed_policies import ManagedPolicy, PolicyVersion


def document(text: str) -> str:
    """A policy document as IAM returns it: percent-encoded (RFC 3986); clients decode it."""
    return quote(text, safe="-_.~")


def tags(of: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags, in the order they were given."""
    return [{"Key": key, "Value": value} for key, value in of.items()]


def user(entity: Entity, *, whole: bool = True) -> dict[str, Any]:
    """A user; lists leave out tags and boundary (`whole=False`)."""
    shown = {
        "Path": entity.path,
        "UserName": entity.name,
        "UserId": entity.id,
        "Arn": entity.arn,
        "CreateDate": entity.created,
    }
    return shown | (_extras(entity) if whole else {})


def group(entity: Entity) -> dict[str, Any]:
    """A group."""
    return {
        "Path": entity.path,
        "GroupName": entity.name,
        "GroupId": entity.id,
        "Arn": entity.arn,
        "CreateDate": entity.created,
    }


def role(entity: Entity, *, whole: bool = True, last_use: LastUse | None = None) -> dict[str, Any]:
    """A role; lists leave out tags, boundary and last use (`whole=False`)."""
    shown: dict[str, Any] = {
        "Path": entity.path,
        "RoleName": entity.name,
        "RoleId": entity.id,
        "Arn": entity.arn,
        "CreateDate": entity.created,
        "AssumeRolePolicyDocument": document(entity.details["trust"]),
        "MaxSessionDuration": entity.details["max_session"],
    }
    if entity.details["description"]:
        shown["Description"] = entity.details["description"]
    if whole:
        shown |= _extras(entity)
        shown["RoleLastUsed"] = {} if last_use is None else {"LastUsedDate": last_use.at, "Region": last_use.region}
    return shown


def _extras(entity: Entity) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if entity.boundary is not None:
        shown["PermissionsBoundary"] = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": entity.boundary}
    if entity.tags:
        shown["Tags"] = tags(entity.tags)
    return shown


def instance_profile(entity: Entity, roles: list[dict[str, Any]], *, whole: bool = True) -> dict[str, Any]:
    """An instance profile with the role in it."""
    shown: dict[str, Any] = {
        "Path": entity.path,
        "InstanceProfileName": entity.name,
        "InstanceProfileId": entity.id,
        "Arn": entity.arn,
        "CreateDate": entity.created,
        "Roles": roles,
    }
    if whole and entity.tags:
        shown["Tags"] = tags(entity.tags)
    return shown


def policy(of: ManagedPolicy, *, whole: bool = True) -> dict[str, Any]:
    """A managed policy; lists leave out description and tags (`whole=False`)."""
    shown: dict[str, Any] = {
        "PolicyName": of.name,
        "PolicyId": of.id,
        "Arn": of.arn,
        "Path": of.path,
        "DefaultVersionId": of.default_version,
        "AttachmentCount": of.attachments,
        "PermissionsBoundaryUsageCount": of.boundaries,
        "IsAttachable": of.attachable,
        "CreateDate": of.created,
        "UpdateDate": of.updated,
    }
    if whole:
        if of.description:
            shown["Description"] = of.description
        if of.tags:
            shown["Tags"] = tags(of.tags)
    return shown


def version(of: PolicyVersion, *, whole: bool = True) -> dict[str, Any]:
    """A version of a managed policy; lists leave out the document (`whole=False`)."""
    shown: dict[str, Any] = {"VersionId": of.version, "IsDefaultVersion": of.default, "CreateDate": of.created}
    return {"Document": document(of.document)} | shown if whole else shown
