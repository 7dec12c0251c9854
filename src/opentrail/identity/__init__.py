"""Identities: accounts, users, roles, keys, sessions; `policies` decides what they may."""

from opentrail.identity.credentials import Credential
from opentrail.identity.identities import Identities
from opentrail.identity.principals import Principal, Session, service_principal

__all__ = ["Credential", "Identities", "Principal", "Session", "service_principal"]
