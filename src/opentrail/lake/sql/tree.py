"""A statement as a tree: values (`Expression`) and queries. Every node knows where it begins (`at`). Pure data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Name:
    """A name as written, and in lower case to be looked up."""

    text: str
    at: int

    @property
    def lower(self) -> str:
        return self.text.lower()


@dataclass(frozen=True, slots=True)
class Written:
    """A type as written: `array(varchar)`, `row(a bigint)`, `decimal(10, 2)`."""

    name: str
    at: int
    parts: tuple[Written, ...] = ()
    fields: tuple[str | None, ...] = ()
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Literal:
    """`kind`: string, number, boolean, null, binary, or a type's name (`timestamp '…'`)."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Interval:
    text: str
    unit: str
    to: str | None
    at: int


@dataclass(frozen=True, slots=True)
class Reference:
    name: Name
    at: int


@dataclass(frozen=True, slots=True)
class Field:
    """`of.name`"""

    of: Expression
    name: Name
    at: int


@dataclass(frozen=True, slots=True)
class Subscript:
    of: Expression
    index: Expression
    at: int


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic, `||` and comparisons; `operator` as written, `!=` as `<>`."""

    operator: str
    left: Expression
    right: Expression
    at: int


@dataclass(frozen=True, slots=True)
class Unary:
    """`-`, `+` or `NOT`."""

    operator: str
    of: Expression
    at: int


@dataclass(frozen=True, slots=True)
class Logical:
    """`AND` or `OR` of two or more."""

    operator: str
    parts: tuple[Expression, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Test:
    """`of [NOT] kind parts`: null, distinct, between, in, like."""

    kind: str
    of: Expression
    parts: tuple[Expression, ...]
    negated: bool
    at: int


@dataclass(frozen=True, slots=True)
class InQuery:
    of: Expression
    query: Query
    negated: bool
    at: int


@dataclass(frozen=True, slots=True)
class Quantified:
    """`of operator ALL|ANY (query)`"""

    operator: str
    every: bool
    of: Expression
    query: Query
    at: int


@dataclass(frozen=True, slots=True)
class Exists:
    query: Query
    at: int


@dataclass(frozen=True, slots=True)
class Scalar:
    """A query in the place of a value."""

    query: Query
    at: int


@dataclass(frozen=True, slots=True)
class Case:
    of: Expression | None
    branches: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression | None
    at: int


@dataclass(frozen=True, slots=True)
class Cast:
    of: Expression
    to: Written
    trying: bool
    at: int


@dataclass(frozen=True, slots=True)
class Try:
    of: Expression
    at: int


@dataclass(frozen=True, slots=True)
class Zoned:
    """`of AT TIME ZONE zone`"""

    of: Expression
    zone: Expression
    at: int


@dataclass(frozen=True, slots=True)
class RowOf:
    parts: tuple[Expression, ...]
    at: int


@dataclass(frozen=True, slots=True)
class ArrayOf:
    parts: tuple[Expression, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Lambda:
    names: tuple[Name, ...]
    body: Expression
    at: int


@dataclass(frozen=True, slots=True)
class Order:
    of: Expression
    descending: bool
    nulls_first: bool


@dataclass(frozen=True, slots=True)
class Bound:
    """`kind`: `UNBOUNDED PRECEDING`, `CURRENT ROW`, `PRECEDING` …; `of` for the last kind only."""

    kind: str
    of: Expression | None


@dataclass(frozen=True, slots=True)
class Window:
    base: Name | None
    partition: tuple[Expression, ...]
    order: tuple[Order, ...]
    frame: tuple[str, Bound, Bound | None] | None
    at: int


@dataclass(frozen=True, slots=True)
class Call:
    name: Name
    parts: tuple[Expression, ...]
    at: int
    distinct: bool = False
    star: bool = False
    order: tuple[Order, ...] = ()
    filter: Expression | None = None
    over: Window | None = None
    ignore_nulls: bool = False
    options: tuple[str, ...] = ()
    """Words inside the parentheses that are no values: `WITH WRAPPER`, `NULL ON EMPTY` …"""


Expression = (
    Literal
    | Interval
    | Reference
    | Field
    | Subscript
    | Binary
    | Unary
    | Logical
    | Test
    | InQuery
    | Quantified
    | Exists
    | Scalar
    | Case
    | Cast
    | Try
    | Zoned
    | RowOf
    | ArrayOf
    | Lambda
    | Call
)


@dataclass(frozen=True, slots=True)
class Item:
    """One of the SELECT list; `of` None for `*`; `all_of` with `of` for `x.*`."""

    of: Expression | None
    alias: Name | None
    all_of: bool
    at: int


@dataclass(frozen=True, slots=True)
class Sample:
    method: str
    percent: str


@dataclass(frozen=True, slots=True)
class Table:
    """A store (`is_store`), or the name of a WITH query."""

    name: Name
    is_store: bool
    alias: Name | None
    columns: tuple[Name, ...]
    sample: Sample | None
    at: int


@dataclass(frozen=True, slots=True)
class Derived:
    query: Query
    lateral: bool
    alias: Name | None
    columns: tuple[Name, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Unnest:
    parts: tuple[Expression, ...]
    ordinality: bool
    alias: Name | None
    columns: tuple[Name, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Join:
    """`kind`: INNER, LEFT, RIGHT, FULL, CROSS."""

    kind: str
    left: From
    right: From
    on: Expression | None
    using: tuple[Name, ...]
    at: int


From = Table | Derived | Unnest | Join


@dataclass(frozen=True, slots=True)
class Grouping:
    """`kind`: plain, rollup, cube, sets; plain has one set of one."""

    kind: str
    sets: tuple[tuple[Expression, ...], ...]


@dataclass(frozen=True, slots=True)
class Select:
    items: tuple[Item, ...]
    distinct: bool
    source: From | None
    where: Expression | None
    grouped: bool
    groups: tuple[Grouping, ...]
    having: Expression | None
    windows: tuple[tuple[Name, Window], ...]
    at: int


@dataclass(frozen=True, slots=True)
class Values:
    rows: tuple[Expression, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Combined:
    """`operator`: UNION, EXCEPT, INTERSECT."""

    operator: str
    every: bool
    left: Body
    right: Body
    at: int


@dataclass(frozen=True, slots=True)
class Query:
    withs: tuple[tuple[Name, tuple[Name, ...], Query], ...]
    body: Body
    order: tuple[Order, ...]
    offset: int
    limit: int | None
    with_ties: bool
    at: int


Body = Select | Values | Combined | Query
