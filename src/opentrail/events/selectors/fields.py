"""Which fields an advanced event selector may have, by its owner and category (reference of trails, §7; of Lake, §2.4). Data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from opentrail.events.selectors.types import NETWORK_SOURCES, RESOURCE_TYPES

Owner = Literal["trail", "store"]
"""Whose selectors: a trail's, or an event data store's."""

SELECTING: Final = ("Equals", "StartsWith", "EndsWith")
DESELECTING: Final = ("NotEquals", "NotStartsWith", "NotEndsWith")
OPERATORS: Final = SELECTING + DESELECTING

EXCLUDABLE: Final = ("kms.amazonaws.com", "rdsdata.amazonaws.com")
"""Event sources whose management events a trail can leave out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a field may hold."""

    operators: tuple[str, ...] = OPERATORS
    values: frozenset[str] | None = None
    """The values there are; `None`: any text."""
    single: bool = False
    """Exactly one value."""
    needed: bool = False


def _only(*values: str, operators: tuple[str, ...] = ("Equals",), single: bool = True, needed: bool = False) -> Rule:
    return Rule(operators=operators, values=frozenset(values), single=single, needed=needed)


_ANY = Rule()
_READ_ONLY = _only("true", "false")
_FROM_CONSOLE = _only("true", operators=("Equals", "NotEquals"))

_DATA: Mapping[str, Rule] = {
    "resources.type": Rule(operators=("Equals",), values=RESOURCE_TYPES, single=True, needed=True),
    "resources.ARN": _ANY,
    "readOnly": _READ_ONLY,
    "eventName": _ANY,
    "eventSource": _ANY,
    "eventType": _ANY,
    "userIdentity.arn": _ANY,
    "sessionCredentialFromConsole": _FROM_CONSOLE,
}
_NETWORK: Mapping[str, Rule] = {
    "eventSource": Rule(operators=("Equals",), values=NETWORK_SOURCES, single=True, needed=True),
    "eventName": _ANY,
    "errorCode": _only("VpceAccessDenied"),
    "vpcEndpointId": _ANY,
}

FIELDS: Mapping[Owner, Mapping[str, Mapping[str, Rule]]] = {
    "trail": {
        "Management": {"readOnly": _READ_ONLY, "eventSource": _only(*EXCLUDABLE, operators=("NotEquals",), single=False)},
        "Data": _DATA,
        "NetworkActivity": _NETWORK,
    },
    "store": {
        "Management": {
            "readOnly": _READ_ONLY,
            "eventSource": _ANY,
            "eventName": _ANY,
            "eventType": _ANY,
            "userIdentity.arn": _ANY,
            "sessionCredentialFromConsole": _FROM_CONSOLE,
        },
        "Data": _DATA,
        "NetworkActivity": _NETWORK,
        "Insight": {},
        "ConfigurationItem": {},
        "Evidence": {},
        "ActivityAuditLog": {},
    },
}
"""Owner → `eventCategory` → the fields beside it."""

TOGETHER: Final = frozenset({"Management", "Data", "NetworkActivity"})
"""Categories that the selectors of one owner may mix; each of the others stands alone."""
