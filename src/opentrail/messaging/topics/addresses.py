"""Addresses that messages are never sent to: those under which clouds hand out credentials to whoever asks. Pure."""

from __future__ import annotations

import ipaddress
from typing import Final, TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_NEVER: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "169.254.0.0/16",  # link-local, instance metadata of nearly every cloud
        "fe80::/10",
        "fd00:ec2::/32",  # metadata and the like, of AWS
        "fd20:ce::254/128",  # of Google
        "100.100.100.200/32",  # of Alibaba
        "192.0.0.192/32",  # of Oracle
        "224.0.0.0/4",
        "ff00::/8",
    )
)
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


def is_refused(text: str) -> bool:
    """Whether nothing is sent to the address `text`; also not in one of IPv6's ways to write an IPv4 address, nor to what is no address."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return True
    return any(form in network for form in _forms(address) for network in _NEVER)


def _forms(address: Address) -> list[Address]:
    """The address, and the IPv4 addresses within it."""
    found: list[Address] = [address]
    if isinstance(address, ipaddress.IPv6Address):
        found += [inner for inner in (address.ipv4_mapped, address.sixtofour) if inner is not None]
        if address.teredo is not None:
            found.append(address.teredo[1])
        if address in _NAT64 or int(address) >> 32 == 0:  # the latter: the old "IPv4-compatible" form
            found.append(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    return found
