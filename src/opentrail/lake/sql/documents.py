"""JSON paths of the SQL standard, and addresses, in Python: what engines lack. Pure; arguments are never `None`."""

from __future__ import annotations

import ipaddress
import json

from opentrail.lake.sql.json_paths import PathFault, compact, for_duckdb, select


def ip(text: str) -> str:
    """An address as 32 hexadecimal digits, which sort as addresses do."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"Cannot cast value to IPADDRESS: {text}") from None
    number = int(address) if address.version == 6 else int(address) | 0xFFFF00000000
    return f"{number:032x}"


def ip_text(digits: str) -> str:
    number = int(digits, 16)
    return str(ipaddress.IPv4Address(number & 0xFFFFFFFF)) if number >> 32 == 0xFFFF else str(ipaddress.IPv6Address(number))


def in_network(network: str, digits: str) -> bool:
    try:
        found = ipaddress.ip_network(network, strict=False)
    except ValueError:
        raise ValueError("Invalid CIDR") from None
    address = ipaddress.ip_address(ip_text(digits))
    return address.version == found.version and address in found


def json_standard(text: str, path: str, options: str, form: str) -> str | None:
    """`json_value`, `json_query` and `json_exists` (`form`): what `path` finds, as text, or `None`."""
    try:
        found = select(json.loads(text), path)
    except (PathFault, ValueError) as fault:
        if "ERROR ON ERROR" in options:
            raise ValueError(f"path evaluation failed: {fault}") from None
        return (
            "true" if "TRUE ON ERROR" in options else "unknown" if "UNKNOWN ON ERROR" in options else "false" if form == "exists" else None
        )
    if form == "exists":
        return "true" if found else "false"
    if not found:
        if "ERROR ON EMPTY" in options:
            raise ValueError("path returned no items")
        return {"EMPTY ARRAY ON EMPTY": "[]", "EMPTY OBJECT ON EMPTY": "{}"}.get(options[options.find("EMPTY") :][:21].strip())
    if form == "value":
        if len(found) != 1 or isinstance(found[0], dict | list):
            if "ERROR ON ERROR" in options:
                raise ValueError("JSON path found multiple items or no scalar")
            return None
        value = found[0]
        return None if value is None else value if isinstance(value, str) else compact(value)
    conditional = "CONDITIONAL" in options.replace("UNCONDITIONAL", "")
    if "WITH" in options.replace("WITHOUT", "") and not (conditional and len(found) == 1):
        return compact(found)
    if len(found) != 1:
        return None
    return found[0] if isinstance(found[0], str) and "OMIT QUOTES" in options else compact(found[0])


def json_path(text: str) -> str:
    return for_duckdb(text)
