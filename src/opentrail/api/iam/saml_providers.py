"""SAML providers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.api.call import Call, Result
from opentrail.api.iam import paging, shapes
from opentrail.api.iam.caller import Operation
from opentrail.identity import Identities
from opentrail.identity.entities import Entity, checked_tags
from opentrail.identity.faults import InvalidInput
from opentrail.identity.saml_providers import valid_until


def create_saml_provider(identities: Identities, call: Call) -> Result:
    """CreateSAMLProvider"""
    given = call.parameters
    _refuse_encryption(given)
    tags = checked_tags(given.get("Tags", ()))
    provider = identities.saml_providers.create(call.account_id, given["Name"], given["SAMLMetadataDocument"], tags=tags)
    return {"SAMLProviderArn": provider.arn} | ({"Tags": shapes.tags(tags)} if tags else {})


def get_saml_provider(identities: Identities, call: Call) -> Result:
    """GetSAMLProvider"""
    provider = identities.saml_providers.get(call.account_id, call.parameters["SAMLProviderArn"])
    document = identities.saml_providers.document(provider)
    return {"SAMLMetadataDocument": document, **_dates(provider), "Tags": shapes.tags(provider.tags)}


def list_saml_providers(identities: Identities, call: Call) -> Result:
    """ListSAMLProviders"""
    listed = identities.saml_providers.list(call.account_id)
    return {"SAMLProviderList": [{"Arn": provider.arn, **_dates(provider)} for provider in listed]}


def _dates(provider: Entity) -> dict[str, Any]:
    end = valid_until(provider)
    return {"CreateDate": provider.created} | ({} if end is None else {"ValidUntil": end})


def update_saml_provider(identities: Identities, call: Call) -> Result:
    """UpdateSAMLProvider"""
    given = call.parameters
    _refuse_encryption(given)
    if "SAMLMetadataDocument" not in given:
        raise InvalidInput("Nothing to update: give a SAMLMetadataDocument.")
    provider = identities.saml_providers.update(call.account_id, given["SAMLProviderArn"], given["SAMLMetadataDocument"])
    return {"SAMLProviderArn": provider.arn}


def delete_saml_provider(identities: Identities, call: Call) -> None:
    """DeleteSAMLProvider"""
    identities.saml_providers.delete(call.account_id, call.parameters["SAMLProviderArn"])


def tag_saml_provider(identities: Identities, call: Call) -> None:
    """TagSAMLProvider"""
    identities.saml_providers.tag(call.account_id, call.parameters["SAMLProviderArn"], checked_tags(call.parameters["Tags"]))


def untag_saml_provider(identities: Identities, call: Call) -> None:
    """UntagSAMLProvider"""
    identities.saml_providers.untag(call.account_id, call.parameters["SAMLProviderArn"], call.parameters["TagKeys"])


def list_saml_provider_tags(identities: Identities, call: Call) -> Result:
    """ListSAMLProviderTags"""
    provider = identities.saml_providers.get(call.account_id, call.parameters["SAMLProviderArn"])
    return paging.paged(call, "Tags", shapes.tags(provider.tags), dict)


def _refuse_encryption(given: Mapping[str, Any]) -> None:
    if any(given.get(name) is not None for name in ("AssertionEncryptionMode", "AddPrivateKey", "RemovePrivateKey")):
        raise InvalidInput(
            "OpenTrail does not take encrypted SAML assertions: leave out AssertionEncryptionMode, AddPrivateKey and RemovePrivateKey."
        )


OPERATIONS: Mapping[str, Operation] = {
    "CreateSAMLProvider": create_saml_provider,
    "GetSAMLProvider": get_saml_provider,
    "ListSAMLProviders": list_saml_providers,
    "UpdateSAMLProvider": update_saml_provider,
    "DeleteSAMLProvider": delete_saml_provider,
    "TagSAMLProvider": tag_saml_provider,
    "UntagSAMLProvider": untag_saml_provider,
    "ListSAMLProviderTags": list_saml_provider_tags,
}
