"""Where a request came from, when proxies stand before the application. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Sequence
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(trusted: Collection[str]) -> tuple[Network, ...]:
    """The addresses and networks (`10.0.0.0/8`) of proxies that are believed. Raises `ValueError` for what is neither."""
    return tuple(ipaddress.ip_network(item, strict=False) for item in trusted)


def client_address(peer: str | None, forwarded_for: str | None, trusted: Sequence[Network]) -> str | None:
    """The address of the client: the peer's, or behind trusted proxies the last one in `X-Forwarded-For` that is not theirs.

    `None` when it is not known. What an untrusted peer claims counts for nothing.
    """
    address = _address(peer)
    if address is None or not trusted or not forwarded_for:
        return address
    for claimed in reversed(forwarded_for.split(",")):
        if not _is_trusted(address, trusted):
            return address
        further = _address(claimed)
        if further is None:
            return address
        address = further
    return address


@lru_cache(maxsize=4096)
def _address(text: str | None) -> str | None:
    if not text:
        return None
    text = text.strip()
    if text.startswith("["):  # [2001:db8::1]:4711
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:  # 198.51.100.7:4711
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return None


def _is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    found = ipaddress.ip_address(address)
    return any(found.version == network.version and found in network for network in trusted)
