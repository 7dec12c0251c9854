"""OpenID Connect providers."""

from __future__ import annotations

from collections.abc import Mapping

from opentrail.api.call import Call, Result
from opentrail.api.iam import paging, shapes
from opentrail.api.iam.caller import Operation
from opentrail.identity import Identities
from opentrail.identity.entities import checked_tags


def create_open_id_connect_provider(identities: Identities, call: Call) -> Result:
    """CreateOpenIDConnectProvider"""
    given = call.parameters
    tags = checked_tags(given.get("Tags", ()))
    provider = identities.oidc_providers.create(
        call.account_id, given["Url"], clients=given.get("ClientIDList", ()), thumbprints=given.get("ThumbprintList", ()), tags=tags
    )
    return {"OpenIDConnectProviderArn": provider.arn} | ({"Tags": shapes.tags(tags)} if tags else {})


def get_open_id_connect_provider(identities: Identities, call: Call) -> Result:
    """GetOpenIDConnectProvider"""
    provider = identities.oidc_providers.get(call.account_id, call.parameters["OpenIDConnectProviderArn"])
    return {
        "Url": provider.name,
        "ClientIDList": provider.details["clients"],
        "ThumbprintList": provider.details["thumbprints"],
        "CreateDate": provider.created,
        "Tags": shapes.tags(provider.tags),
    }


def list_open_id_connect_providers(identities: Identities, call: Call) -> Result:
    """ListOpenIDConnectProviders"""
    return {"OpenIDConnectProviderList": [{"Arn": provider.arn} for provider in identities.oidc_providers.list(call.account_id)]}


def delete_open_id_connect_provider(identities: Identities, call: Call) -> None:
    """DeleteOpenIDConnectProvider"""
    identities.oidc_providers.delete(call.account_id, call.parameters["OpenIDConnectProviderArn"])


def add_client_id(identities: Identities, call: Call) -> None:
    """AddClientIDToOpenIDConnectProvider"""
    identities.oidc_providers.add_client(call.account_id, call.parameters["OpenIDConnectProviderArn"], call.parameters["ClientID"])


def remove_client_id(identities: Identities, call: Call) -> None:
    """RemoveClientIDFromOpenIDConnectProvider"""
    identities.oidc_providers.remove_client(call.account_id, call.parameters["OpenIDConnectProviderArn"], call.parameters["ClientID"])


def update_thumbprint(identities: Identities, call: Call) -> None:
    """UpdateOpenIDConnectProviderThumbprint"""
    given = call.parameters
    identities.oidc_providers.set_thumbprints(call.account_id, given["OpenIDConnectProviderArn"], given["ThumbprintList"])


def tag_open_id_connect_provider(identities: Identities, call: Call) -> None:
    """TagOpenIDConnectProvider"""
    given = call.parameters
    identities.oidc_providers.tag(call.account_id, given["OpenIDConnectProviderArn"], checked_tags(given["Tags"]))


def untag_open_id_connect_provider(identities: Identities, call: Call) -> None:
    """UntagOpenIDConnectProvider"""
    given = call.parameters
    identities.oidc_providers.untag(call.account_id, given["OpenIDConnectProviderArn"], given["TagKeys"])


def list_open_id_connect_provider_tags(identities: Identities, call: Call) -> Result:
    """ListOpenIDConnectProviderTags"""
    provider = identities.oidc_providers.get(call.account_id, call.parameters["OpenIDConnectProviderArn"])
    return paging.paged(call, "Tags", shapes.tags(provider.tags), dict)


OPERATIONS: Mapping[str, Operation] = {
    "CreateOpenIDConnectProvider": create_open_id_connect_provider,
    "GetOpenIDConnectProvider": get_open_id_connect_provider,
    "ListOpenIDConnectProviders": list_open_id_connect_providers,
    "DeleteOpenIDConnectProvider": delete_open_id_connect_provider,
    "AddClientIDToOpenIDConnectProvider": add_client_id,
    "RemoveClientIDFromOpenIDConnectProvider": remove_client_id,
    "UpdateOpenIDConnectProviderThumbprint": update_thumbprint,
    "TagOpenIDConnectProvider": tag_open_id_connect_provider,
    "UntagOpenIDConnectProvider": untag_open_id_connect_provider,
    "ListOpenIDConnectProviderTags": list_open_id_connect_provider_tags,
}
