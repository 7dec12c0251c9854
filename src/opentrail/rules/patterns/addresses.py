"""Texts that are IP addresses, and ranges of them."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address

Address = tuple[int, int]
"""Version (4 or 6) and number. Written as IPv6, a mapped IPv4 address (`::ffff:a00:1`) is that IPv4 address."""
_BITS = {4: 32, 6: 128}
_FOUR = re.compile(r"[0-9]{1,12}\.[0-9]{1,12}\.[0-9]{1,12}\.[0-9]{1,12}")
_SIX = re.compile(r"[0-9a-fA-F:]*:[0-9a-fA-F:]*")
LONGEST = 45
"""Characters; no longer text is an address."""


class NoRange(ValueError):
    """Why a text is no range of addresses."""


def address(text: str) -> Address | None:
    """The address that `text` is; `None` when it is none. Numbers of an IPv4 address are decimal, with leading zeros, too."""
    return _parsed(text) if len(text) <= LONGEST else None


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Address | None:
    """The same few addresses come again and again."""
    if _FOUR.fullmatch(text) and len(text) <= 15:
        parts = [int(part) for part in text.split(".")]
        return (4, int.from_bytes(bytes(parts))) if max(parts) <= 255 else None
    if _SIX.fullmatch(text):
        try:
            six = IPv6Address(text)
        except AddressValueError:
            return None
        mapped = six.ipv4_mapped
        return (4, int(mapped)) if mapped is not None else (6, int(six))
    return None


def address_range(text: str) -> tuple[Address, Address]:
    """The first and the last address of `10.0.0.0/24`; raises `NoRange`."""
    parts = text.split("/")
    while parts and not parts[-1]:
        parts.pop()
    if len(parts) != 2:
        raise NoRange("Malformed CIDR, one '/' required")
    base, mask = parts
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", mask):
        raise NoRange("Malformed CIDR, mask bits must be an integer")
    bits = int(mask)
    if bits < 0:
        raise NoRange("Malformed CIDR, mask bits must not be negative")
    found = address(base)
    if found is None:
        looks = len(base) <= LONGEST and (_FOUR.fullmatch(base) or _SIX.fullmatch(base))
        raise NoRange(f"{'Invalid' if looks else 'Nonstandard'} IP address: {base}")
    version, number = found
    width = _BITS[version]
    if bits >= width:
        raise NoRange(f"IPv{version} mask bits must be < {width}")
    free = (1 << (width - bits)) - 1
    return (version, number & ~free), (version, number | free)
