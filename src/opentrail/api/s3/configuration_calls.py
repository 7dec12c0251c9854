"""What is configured for a bucket: policy, ACL, tags, ownership, public access block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.api.call import Call, Handler
from opentrail.api.s3 import requests, shapes
from opentrail.api.s3.bucket_calls import OWNERSHIPS, required
from opentrail.api.s3.part import ServicePart
from opentrail.buckets.access import PublicAccessBlock, check_canned_acl, is_public
from opentrail.buckets.faults import InvalidArgument, MalformedXML

_SWITCHES = {
    "BlockPublicAcls": "block_public_acls",
    "IgnorePublicAcls": "ignore_public_acls",
    "BlockPublicPolicy": "block_public_policy",
    "RestrictPublicBuckets": "restrict_public_buckets",
}


class ConfigurationCalls(ServicePart):
    """See the module."""

    @property
    def operations(self) -> dict[str, Handler]:
        """Operation → handler."""
        return {
            "GetBucketPolicy": self.get_policy,
            "PutBucketPolicy": self.put_policy,
            "DeleteBucketPolicy": self.delete_policy,
            "GetBucketPolicyStatus": self.get_policy_status,
            "GetBucketAcl": self.get_acl,
            "PutBucketAcl": self.put_acl,
            "GetBucketTagging": self.get_tagging,
            "PutBucketTagging": self.put_tagging,
            "DeleteBucketTagging": self.delete_tagging,
            "GetBucketOwnershipControls": self.get_ownership,
            "PutBucketOwnershipControls": self.put_ownership,
            "DeleteBucketOwnershipControls": self.delete_ownership,
            "GetPublicAccessBlock": self.get_public_access_block,
            "PutPublicAccessBlock": self.put_public_access_block,
            "DeletePublicAccessBlock": self.delete_public_access_block,
        }

    def get_policy(self, call: Call) -> Mapping[str, Any]:
        """Faults: `NoSuchBucketPolicy`."""
        return {"Policy": self.buckets.configurations.policy(self._name(call))}

    def put_policy(self, call: Call) -> None:
        """Faults: `MalformedPolicy`, `AccessDenied` (public, while public policies are blocked)."""
        self.buckets.configurations.put_policy(self._name(call), call.parameters.get("Policy") or "")

    def delete_policy(self, call: Call) -> None:
        """Also when there is none."""
        self.buckets.configurations.delete_policy(self._name(call))

    def get_policy_status(self, call: Call) -> Mapping[str, Any]:
        """Faults: `NoSuchBucketPolicy`."""
        return {"PolicyStatus": {"IsPublic": is_public(self.buckets.configurations.policy(self._name(call)))}}

    def get_acl(self, call: Call) -> Mapping[str, Any]:
        """The owner's full control: the only grant there is."""
        return acl(self._bucket(call).bucket.account_id)

    def put_acl(self, call: Call) -> None:
        """Canned ACLs that say what is so already. Faults: `access.check_canned_acl`."""
        access = self._bucket(call)
        canned, grants = call.parameters.get("ACL"), requests.has_grants(call.parameters)
        if canned is None and not grants:
            raise InvalidArgument("Missing required header for this request: x-amz-acl", ArgumentName="x-amz-acl")
        check_canned_acl(canned, grants=grants, ownership=access.ownership, blocked=access.blocked, for_bucket=True)

    def get_tagging(self, call: Call) -> Mapping[str, Any]:
        """Faults: `NoSuchTagSet`."""
        return {"TagSet": shapes.tag_set(self.buckets.configurations.tags(self._name(call)))}

    def put_tagging(self, call: Call) -> None:
        """Faults: `InvalidTag`."""
        tags = requests.tag_set(required(call.parameters.get("Tagging")).get("TagSet"), limit=50)
        self.buckets.configurations.put_tags(self._name(call), tags)

    def delete_tagging(self, call: Call) -> None:
        """Also when there are none."""
        self.buckets.configurations.put_tags(self._name(call), {})

    def get_ownership(self, call: Call) -> Mapping[str, Any]:
        """Faults: `OwnershipControlsNotFoundError`."""
        return {"OwnershipControls": {"Rules": [{"ObjectOwnership": self.buckets.configurations.ownership(self._name(call))}]}}

    def put_ownership(self, call: Call) -> None:
        """Exactly one rule."""
        rules = required(call.parameters.get("OwnershipControls")).get("Rules") or []
        if len(rules) != 1 or rules[0].get("ObjectOwnership") not in OWNERSHIPS:
            raise MalformedXML()
        self.buckets.configurations.put_ownership(self._name(call), rules[0]["ObjectOwnership"])

    def delete_ownership(self, call: Call) -> None:
        """Back to `ObjectWriter`, in effect."""
        self.buckets.configurations.put_ownership(self._name(call), None)

    def get_public_access_block(self, call: Call) -> Mapping[str, Any]:
        """Faults: `NoSuchPublicAccessBlockConfiguration`."""
        block = self.buckets.configurations.public_access_block(self._name(call))
        return {"PublicAccessBlockConfiguration": {name: getattr(block, switch) for name, switch in _SWITCHES.items()}}

    def put_public_access_block(self, call: Call) -> None:
        """A switch that is left out is off."""
        given = required(call.parameters.get("PublicAccessBlockConfiguration"))
        block = PublicAccessBlock(**{switch: bool(given.get(name, False)) for name, switch in _SWITCHES.items()})
        self.buckets.configurations.put_public_access_block(self._name(call), block)

    def delete_public_access_block(self, call: Call) -> None:
        """Nothing is blocked any more."""
        self.buckets.configurations.put_public_access_block(self._name(call), None)

    def _name(self, call: Call) -> str:
        return self._bucket(call).bucket.name


def acl(account_id: str) -> dict[str, Any]:
    """The ACL of everything here: full control for the owner."""
    owner = shapes.owner(account_id)
    return {"Owner": owner, "Grants": [{"Grantee": {"Type": "CanonicalUser", **owner}, "Permission": "FULL_CONTROL"}]}
