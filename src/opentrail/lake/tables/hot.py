"""The hot tail of a store: events that are not in its table yet, in memory, and as files for queries that ask for them.

A piece is what came in together. Pieces are sealed before a commit, all that are there at a time, so that a file of theirs holds either
sealed ones or others. Not thread-safe by itself: the table's locks guard it.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

MOST_FILES: Final = 8
"""Files of the hot tail at which they are written anew as one."""


@dataclass(eq=False, slots=True)
class Piece:
    """Events that came in together."""

    table: pa.Table
    last: int
    """The journal position of the last of them."""
    characters: int
    """Of their records."""
    sealed: bool = False
    path: Path | None = None
    """The file that they are in, if there is one."""


class HotTail:
    """The pieces of one store; its files lie in `folder`."""

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        self._folder = folder
        self._schema = schema
        self.pieces: tuple[Piece, ...] = ()
        folder.mkdir(parents=True, exist_ok=True)
        for left_over in folder.iterdir():  # of queries that died, or went on when we did
            left_over.unlink()

    @property
    def rows(self) -> int:
        return sum(piece.table.num_rows for piece in self.pieces)

    @property
    def characters(self) -> int:
        return sum(piece.characters for piece in self.pieces)

    def add(self, piece: Piece) -> None:
        self.pieces = (*self.pieces, piece)

    def drop(self, pieces: Collection[Piece]) -> None:
        """These are in the table, or are to be read again."""
        gone = set(pieces)
        self.pieces = tuple(piece for piece in self.pieces if piece not in gone)

    def written(self) -> list[Path]:
        """The files that hold all pieces, after what is in none yet has been written to one."""
        for sealed in (True, False):
            own = [piece for piece in self.pieces if piece.sealed is sealed]
            fresh = [piece for piece in own if piece.path is None]
            if fresh:
                files = {piece.path for piece in own if piece.path is not None}
                self._write(own if len(files) >= MOST_FILES else fresh)
        return list(dict.fromkeys(piece.path for piece in self.pieces if piece.path is not None))

    def tidy(self, in_use: Collection[Path]) -> None:
        """Delete the files that hold no piece any more, but for those `in_use`."""
        kept = {piece.path for piece in self.pieces} | set(in_use)
        for path in self._folder.iterdir():
            if path not in kept:
                path.unlink(missing_ok=True)

    def _write(self, pieces: Collection[Piece]) -> None:
        path = self._folder / f"{uuid.uuid4()}.arrow"
        try:
            with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, self._schema) as writer:
                for piece in pieces:
                    writer.write_table(piece.table)
        except Exception:
            path.unlink(missing_ok=True)
            raise
        for piece in pieces:
            piece.path = path
