"""The hidden columns of usual keys in the view of a store: as its files have them, or made of the maps where they do not. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from opentrail.lake.families import Family
from opentrail.lake.usual_keys import MARKS, USUAL_KEYS


class KeyColumns:
    """Those that the SQL of a statement reads; each piece of SQL follows the other columns of a SELECT list."""

    def __init__(self, family: Family, sql: str) -> None:
        keys = USUAL_KEYS.get(family, {})
        wanted = {name: of for name, of in keys.items() if f'"{name}"' in sql}
        self._mark = MARKS.get(family, "")
        self._read = "".join(f', "{name}"' for name in wanted)
        self.made = "".join(f""", "{column}"['{key}'] AS "{name}\"""" for name, (column, key) in wanted.items())
        """Made of the maps."""
        self.null = "".join(f', CAST(NULL AS VARCHAR) AS "{name}"' for name in wanted)
        """Of no event."""

    def alike(self, paths: Sequence[str]) -> list[tuple[str, list[str]]]:
        """`paths` in groups for which the SQL is the same."""
        if not self._read:
            return [("", list(paths))] if paths else []
        groups = [(self._read, [path for path in paths if self._has(path)]), (self.made, [path for path in paths if not self._has(path)])]
        return [group for group in groups if group[1]]

    def _has(self, path: str) -> bool:
        return path.rpartition("/")[2].startswith(self._mark)
