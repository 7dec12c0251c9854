"""Rows of a table, said briefly: nothing that is null. And every test twice: with the compiled kernel, and without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from opentrail.lake.columns import compiled
from opentrail.lake.columns.native import build


def rows(table: pa.Table) -> list[dict[str, Any]]:
    """Each row without its null columns and fields, maps as objects, times as text."""
    schema = table.schema
    return [_row({field.name: field.type for field in schema}, row) for row in table.to_pylist()]


def _row(types: dict[str, pa.DataType], row: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(types[name], value) for name, value in row.items() if value is not None}


def _value(type_: pa.DataType, value: Any) -> Any:
    if value is None:
        return None
    if pa.types.is_map(type_):
        return dict(value)
    if pa.types.is_list(type_):
        return [_value(type_.value_type, element) for element in value]
    if pa.types.is_struct(type_):
        return _row({field.name: field.type for field in type_}, value)
    return value.isoformat() if isinstance(value, datetime) else value


@pytest.fixture(name="rows")
def _rows() -> Callable[[pa.Table], list[dict[str, Any]]]:
    return rows


@pytest.fixture(scope="session")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> compiled.Kernel:
    """The kernel of the sources as they are; whoever has no C compiler has none."""
    folder: Path = tmp_path_factory.mktemp("kernel")
    if build.compiler() is None:
        pytest.skip("there is no C compiler")
    build.build(folder)
    return compiled.Kernel(str(build.library(folder)))


@pytest.fixture(scope="module", params=["compiled", "in Python"], autouse=True)
def _way(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "kernel", request.getfixturevalue("kernel") if request.param == "compiled" else None)
        yield
