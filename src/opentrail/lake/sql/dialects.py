"""How DuckDB and Spark write what a translation is made of: names, texts, types, rows, arrays, lambdas. Pure.

`trino_…` are functions that each engine is given beforehand (`engine_duckdb` for DuckDB).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from opentrail.lake.sql.types import Kind


class Dialect(Protocol):
    """What the two write differently."""

    name: str

    def quoted(self, name: str) -> str:
        """A name."""

    def text(self, value: str) -> str:
        """A text."""

    def type(self, kind: Kind) -> str:
        """A type, as in CAST."""

    def row(self, names: Sequence[str], parts: Sequence[str]) -> str:
        """A row of values."""

    def array(self, parts: Sequence[str]) -> str:
        """An array of values."""

    def function(self, names: Sequence[str], body: str) -> str:
        """A lambda."""

    def timestamp(self, text: str) -> str:
        """A timestamp `YYYY-MM-DD HH:MM:SS[.ffffff]`."""


_DUCKDB_TYPES: Final = {
    "unknown": "INTEGER",
    "varbinary": "BLOB",
    "real": "FLOAT",
    "json": "VARCHAR",
    "ipaddress": "VARCHAR",
    "interval year to month": "INTERVAL",
    "interval day to second": "INTERVAL",
    "timestamp with time zone": "STRUCT(t TIMESTAMP, z VARCHAR)",
}


class DuckDB:
    """DuckDB 1.4 and later."""

    name = "duckdb"

    def quoted(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def text(self, value: str) -> str:
        if "\0" in value:
            parts = ["'" + part.replace("'", "''") + "'" for part in value.split("\0")]
            return "(" + " || chr(0) || ".join(parts) + ")"
        return "'" + value.replace("'", "''") + "'"

    def type(self, kind: Kind) -> str:
        match kind.name:
            case "array":
                return self.type(kind.of) + "[]"
            case "map":
                return f"MAP({self.type(kind.parts[0])}, {self.type(kind.parts[1])})"
            case "row":
                fields = zip(field_names(kind), kind.parts, strict=True)
                return f"STRUCT({', '.join(f'{self.quoted(name)} {self.type(part)}' for name, part in fields)})"
            case "decimal":
                return f"DECIMAL({kind.precision}, {kind.scale})"
            case name:
                return _DUCKDB_TYPES.get(name, name.upper())

    def row(self, names: Sequence[str], parts: Sequence[str]) -> str:
        return "struct_pack(" + ", ".join(f"{self.quoted(name)} := {part}" for name, part in zip(names, parts, strict=True)) + ")"

    def array(self, parts: Sequence[str]) -> str:
        return f"[{', '.join(parts)}]"

    def function(self, names: Sequence[str], body: str) -> str:
        return f"lambda {', '.join(names)}: {body}"

    def timestamp(self, text: str) -> str:
        return f"TIMESTAMP '{text}'"


_SPARK_TYPES: Final = {
    "unknown": "STRING",
    "varchar": "STRING",
    "varbinary": "BINARY",
    "integer": "INT",
    "real": "FLOAT",
    "json": "STRING",
    "ipaddress": "STRING",
    "uuid": "STRING",
    "timestamp": "TIMESTAMP_NTZ",
    "interval year to month": "INTERVAL YEAR TO MONTH",
    "interval day to second": "INTERVAL DAY TO SECOND",
    "timestamp with time zone": "STRUCT<t: TIMESTAMP_NTZ, z: STRING>",
}


class Spark:
    """Spark 4 in ANSI mode."""

    name = "spark"

    def quoted(self, name: str) -> str:
        return "`" + name.replace("`", "``") + "`"

    def text(self, value: str) -> str:
        escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\u0000").replace("\n", "\\n").replace("\r", "\\r")
        return f"'{escaped}'"

    def type(self, kind: Kind) -> str:
        match kind.name:
            case "array":
                return f"ARRAY<{self.type(kind.of)}>"
            case "map":
                return f"MAP<{self.type(kind.parts[0])}, {self.type(kind.parts[1])}>"
            case "row":
                fields = zip(field_names(kind), kind.parts, strict=True)
                return f"STRUCT<{', '.join(f'{self.quoted(name)}: {self.type(part)}' for name, part in fields)}>"
            case "decimal":
                return f"DECIMAL({kind.precision}, {kind.scale})"
            case name:
                return _SPARK_TYPES.get(name, name.upper())

    def row(self, names: Sequence[str], parts: Sequence[str]) -> str:
        return "named_struct(" + ", ".join(f"{self.text(name)}, {part}" for name, part in zip(names, parts, strict=True)) + ")"

    def array(self, parts: Sequence[str]) -> str:
        return f"array({', '.join(parts)})"

    def function(self, names: Sequence[str], body: str) -> str:
        return f"({', '.join(names)}) -> {body}"

    def timestamp(self, text: str) -> str:
        return f"TIMESTAMP_NTZ '{text}'"


def field_names(kind: Kind) -> list[str]:
    """The names of a row's fields in an engine; those without a name are counted, and names that come twice too."""
    found: list[str] = []
    for position, name in enumerate(kind.fields):
        taken = name is None or name in found
        found.append(f"field{position}" if taken or name is None else name)
    return found
