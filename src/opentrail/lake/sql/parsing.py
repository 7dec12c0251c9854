"""Trino's grammar of queries: SELECT, FROM, WITH, set operations (values: `expressions`, `forms`). Pure."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from opentrail.lake.faults import InvalidQueryStatementException
from opentrail.lake.sql.forms import Forms
from opentrail.lake.sql.reading import LONGEST_CHAIN, RESERVED
from opentrail.lake.sql.scanning import Refused, line_and_column, words
from opentrail.lake.sql.tree import (
    Body,
    Combined,
    Derived,
    Expression,
    From,
    Grouping,
    Item,
    Join,
    Name,
    Order,
    Query,
    RowOf,
    Sample,
    Select,
    Table,
    Unnest,
    Values,
    Window,
)

_NO_ALIAS = frozenset(
    "TABLESAMPLE LIMIT OFFSET FETCH WINDOW MATCH_RECOGNIZE PIVOT UNPIVOT QUALIFY ASOF POSITIONAL SEMI ANTI".split()  # noqa: SIM905
)


def parse(statement: str) -> Query:
    """The one SELECT that `statement` is. Raises `Refused`."""
    grammar = Queries(words(statement))
    first = grammar.word
    if first.kind == "end":
        raise Refused("the query is empty: write a SELECT", first.at)
    if first.upper not in ("SELECT", "WITH", "(", "VALUES", "TABLE"):
        raise Refused(f"{first.text[:60]!r} does not begin a query: only SELECT (or WITH … SELECT) can be run", first.at)
    query = grammar.query()
    while grammar.takes(";"):
        pass
    if grammar.word.kind != "end":
        if grammar.after(-1).upper == ";":
            raise grammar.unexpected("one query is run at a time")
        raise grammar.unexpected("the query should end here")
    _refuse_values_only(query)
    return query


def check(statement: str) -> None:
    """Raises `InvalidQueryStatementException`, with the place, for what the grammar alone does not take."""
    with spoken(statement):
        parse(statement)


@contextlib.contextmanager
def spoken(statement: str) -> Iterator[None]:
    """What is refused of `statement` inside is an `InvalidQueryStatementException` that names the place."""
    try:
        yield
    except Refused as refused:
        line, column = line_and_column(statement, refused.at)
        raise InvalidQueryStatementException(f"line {line}:{column}: {refused.message}.") from None
    except RecursionError:
        raise InvalidQueryStatementException("The query is nested too deep: write parts of it as WITH queries.") from None


def _refuse_values_only(query: Query) -> None:
    body: Body = query
    while isinstance(body, Query):
        body = body.body
    if isinstance(body, Values):
        raise Refused("VALUES alone is no query over an event data store: write a SELECT", body.at)


class Queries(Forms):
    """The half of the grammar that has rows."""

    def query(self) -> Query:
        """`[WITH …] body [ORDER BY …] [OFFSET …] [LIMIT …]`"""
        at = self.word.at
        with self.deeper():
            withs: list[tuple[Name, tuple[Name, ...], Query]] = []
            if self.takes("WITH"):
                if self.sees("RECURSIVE"):
                    raise Refused("WITH RECURSIVE is not available: a query over events has a bounded amount of work", self.word.at)
                while True:
                    name = self.name("the name of a WITH query")
                    columns = self.names("names of columns") if self.sees("(") else ()
                    self.expect("AS", "after the name of a WITH query")
                    self.expect("(", "before a WITH query")
                    withs.append((name, columns, self.query()))
                    self.expect(")", "after a WITH query")
                    if not self.takes(","):
                        break
            body = self._combined()
            order: tuple[Order, ...] = ()
            if self.takes("ORDER"):
                self.expect("BY", "after ORDER")
                order = self.orders()
            offset, limit, ties = self._bounds()
            return Query(tuple(withs), body, order, offset, limit, ties, at)

    def _bounds(self) -> tuple[int, int | None, bool]:
        offset, limit, ties = 0, None, False
        if self.takes("OFFSET"):
            offset = self.number("after OFFSET")
            if not self.takes("ROWS"):
                self.takes("ROW")
        if self.takes("LIMIT"):
            limit = None if self.takes("ALL") else self.number("after LIMIT")
        elif self.takes("FETCH"):
            if not self.takes("FIRST") and not self.takes("NEXT"):
                raise self.unexpected("FIRST or NEXT is expected after FETCH")
            limit = self.number("after FETCH FIRST") if self.word.kind == "number" else 1
            if not self.takes("ROWS") and not self.takes("ROW"):
                raise self.unexpected("ROWS is expected")
            ties = self.takes("WITH", "TIES")
            if not ties:
                self.expect("ONLY", "at the end of FETCH")
        return offset, limit, ties

    def _combined(self) -> Body:
        left = self._intersected()
        for _ in range(LONGEST_CHAIN):
            at, operator = self.word.at, self.word.upper
            if operator not in ("UNION", "EXCEPT"):
                return left
            self.take()
            left = Combined(operator, self._every(), left, self._intersected(), at)
        raise Refused(f"more than {LONGEST_CHAIN} queries are combined", self.word.at)

    def _intersected(self) -> Body:
        left = self._primary_query()
        for _ in range(LONGEST_CHAIN):
            at = self.word.at
            if not self.takes("INTERSECT"):
                return left
            left = Combined("INTERSECT", self._every(), left, self._primary_query(), at)
        raise Refused(f"more than {LONGEST_CHAIN} queries are combined", self.word.at)

    def _every(self) -> bool:
        if self.takes("ALL"):
            return True
        self.takes("DISTINCT")
        return False

    def _primary_query(self) -> Body:
        at = self.word.at
        if self.takes("("):
            query = self.query()
            self.expect(")", "after a query")
            return query
        if self.takes("VALUES"):
            rows = [self.expression()]
            while self.takes(","):
                rows.append(self.expression())
            return Values(tuple(rows), at)
        if self.takes("TABLE"):
            source = self._table()
            return Select((Item(None, None, False, at),), False, source, None, False, (), None, (), at)
        return self._select()

    def _select(self) -> Select:
        at = self.expect("SELECT", "to begin a query").at
        distinct = self.takes("DISTINCT")
        if not distinct:
            self.takes("ALL")
        items = [self._item()]
        while self.takes(","):
            items.append(self._item())
        source = self._sources() if self.takes("FROM") else None
        where = self.expression() if self.takes("WHERE") else None
        grouped = False
        groups: tuple[Grouping, ...] = ()
        if self.takes("GROUP"):
            self.expect("BY", "after GROUP")
            if self.sees("AUTO"):
                raise self.unexpected("the grouping is to be spelled out")
            grouped, groups = True, self._groups()
        having = self.expression() if self.takes("HAVING") else None
        windows: list[tuple[Name, Window]] = []
        if self.takes("WINDOW"):
            while True:
                name = self.name("the name of a window")
                self.expect("AS", "after the name of a window")
                windows.append((name, self.window()))
                if not self.takes(","):
                    break
        return Select(tuple(items), distinct, source, where, grouped, groups, having, tuple(windows), at)

    def _item(self) -> Item:
        at = self.word.at
        if self.takes("*"):
            return Item(None, None, False, at)
        of = self.expression()
        if self.sees(".", "*"):
            self.take()
            self.take()
            return Item(of, None, True, at)
        if self.takes("AS"):
            return Item(of, self.name("a name after AS"), False, at)
        word = self.word
        if word.kind == "quoted" or (word.kind == "word" and self.may_be_alias(word.upper)):
            return Item(of, self.name("a name"), False, at)
        return Item(of, None, False, at)

    def _groups(self) -> tuple[Grouping, ...]:
        if not self.takes("DISTINCT"):
            self.takes("ALL")
        found: list[Grouping] = []
        while True:
            if self.sees("ROLLUP") or self.sees("CUBE"):
                kind = self.take().upper.lower()
                found.append(Grouping(kind, tuple(self._sets())))
            elif self.takes("GROUPING", "SETS"):
                found.append(Grouping("sets", tuple(self._sets())))
            elif self.takes("(", ")"):
                found.append(Grouping("sets", ((),)))
            else:
                of = self.expression()
                found.extend(Grouping("plain", ((part,),)) for part in (of.parts if isinstance(of, RowOf) else (of,)))
            if not self.takes(","):
                return tuple(found)

    def _sets(self) -> list[tuple[Expression, ...]]:
        self.expect("(", "before the sets of a grouping")
        found: list[tuple[Expression, ...]] = []
        while not self.sees(")"):
            if self.takes("(", ")"):
                found.append(())
            else:
                of = self.expression()
                found.append(of.parts if isinstance(of, RowOf) else (of,))
            if not self.takes(","):
                break
        self.expect(")", "after the sets of a grouping")
        return found

    def _sources(self) -> From:
        left = self._joined()
        for _ in range(LONGEST_CHAIN):
            at = self.word.at
            if not self.takes(","):
                return left
            left = Join("CROSS", left, self._joined(), None, (), at)
        raise Refused(f"more than {LONGEST_CHAIN} tables are joined", self.word.at)

    def _joined(self) -> From:
        left = self._table()
        for _ in range(LONGEST_CHAIN):
            at = self.word.at
            if self.sees("NATURAL"):
                raise self.unexpected("say with ON or USING which columns are compared")
            if self.takes("CROSS"):
                self.expect("JOIN", "after CROSS")
                left = Join("CROSS", left, self._table(), None, (), at)
                continue
            kind = "INNER"
            if self.word.upper in ("LEFT", "RIGHT", "FULL"):
                kind = self.take().upper
                self.takes("OUTER")
            elif not self.sees("JOIN") and not self.takes("INNER"):
                return left
            self.expect("JOIN", f"after {kind}")
            right = self._table()
            if self.takes("USING"):
                left = Join(kind, left, right, None, self.names("names of columns"), at)
            else:
                self.expect("ON", "after the joined table")
                left = Join(kind, left, right, self.expression(), (), at)
        raise Refused(f"more than {LONGEST_CHAIN} tables are joined", self.word.at)

    def _table(self) -> From:
        at = self.word.at
        if self.takes("UNNEST"):
            parts = self.arguments()
            ordinality = self.takes("WITH", "ORDINALITY")
            return Unnest(parts, ordinality, *self._alias(), at)
        if self.sees("LATERAL", "("):
            self.take()
            self.take()
            query = self.query()
            self.expect(")", "after a LATERAL query")
            return Derived(query, True, *self._alias(), at)
        if self.takes("("):
            if self.word.upper in ("SELECT", "WITH", "VALUES", "TABLE") or (self.sees("(") and self._is_query()):
                query = self.query()
                self.expect(")", "after a sub-query")
                return Derived(query, False, *self._alias(), at)
            with self.deeper():
                source = self._sources()
            self.expect(")", "after a join in parentheses")
            return source
        return self._named()

    def _named(self) -> From:
        word = self.word
        if word.kind == "store":
            self.take()
            name, is_store = Name(word.text.lower(), word.at), True
        elif word.kind == "string":
            raise Refused("a text is no table: write the ID of an event data store without quotes", word.at)
        else:
            name, is_store = self.name("the ID of an event data store"), False
        if self.sees("."):
            raise Refused(f"{name.text!r} is a catalog or schema: only event data stores can be read, by their ID alone", name.at)
        if self.sees("("):
            raise Refused(f"table function {name.text!r} is not available: only event data stores can be read, by their ID", name.at)
        alias, columns = self._alias()
        sample = None
        if self.takes("TABLESAMPLE"):
            if self.word.upper not in ("BERNOULLI", "SYSTEM"):
                raise self.unexpected("BERNOULLI or SYSTEM is expected after TABLESAMPLE")
            method = self.take().upper
            self.expect("(", "before the percentage of a sample")
            percent = self.word.text
            if self.word.kind != "number" or not 0 <= float(percent.replace("_", "")) <= 100:
                raise self.unexpected("a percentage from 0 to 100 is expected")
            self.take()
            self.expect(")", "after the percentage of a sample")
            sample = Sample(method, percent)
        return Table(name, is_store, alias, columns, sample, word.at)

    def _alias(self) -> tuple[Name | None, tuple[Name, ...]]:
        word = self.word
        if self.takes("AS"):
            alias = self.name("a name after AS")
        elif word.kind == "quoted" or (word.kind == "word" and self.may_be_alias(word.upper)):
            alias = self.name("a name")
        else:
            return None, ()
        return alias, self.names("names of columns") if self.sees("(") else ()

    def may_be_alias(self, keyword: str) -> bool:
        """Whether a bare word after a value or table names it."""
        if keyword in _NO_ALIAS:
            return (
                self.after().upper in (",", ")", "FROM", "WHERE", "ON", "") and self.after().kind != "number" and self.after().upper != "("
            )
        return keyword not in RESERVED

    def _is_query(self) -> bool:
        count = 0
        while self.after(count).upper == "(":
            count += 1
        return self.after(count).upper in ("SELECT", "WITH", "VALUES")
