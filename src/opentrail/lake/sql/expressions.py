"""Trino's grammar of values: operators, calls, CASE, lambdas, windows (forms with words of their own: `forms`). Pure."""

from __future__ import annotations

from abc import abstractmethod
from typing import Final

from opentrail.lake.sql.reading import LONGEST_CHAIN, RESERVED, Reader
from opentrail.lake.sql.scanning import Refused, Word
from opentrail.lake.sql.tree import (
    Binary,
    Bound,
    Call,
    Expression,
    Field,
    InQuery,
    Lambda,
    Literal,
    Logical,
    Name,
    Order,
    Quantified,
    Query,
    Reference,
    RowOf,
    Scalar,
    Subscript,
    Test,
    Unary,
    Window,
    Written,
    Zoned,
)

_COMPARISONS: Final = frozenset(["=", "<>", "!=", "<", ">", "<=", ">="])
_NEVER_CALLED: Final = RESERVED - frozenset(["GROUPING", "NORMALIZE", "LISTAGG", "CURRENT_TIMESTAMP", "LOCALTIMESTAMP", "LOCALTIME"])


class Expressions(Reader):
    """The half of the grammar that has values."""

    @abstractmethod
    def query(self) -> Query:
        """A query, in the place of a value or table."""

    def expression(self) -> Expression:
        """A value, of lowest precedence: OR."""
        with self.deeper():
            parts = [self._conjunction()]
            at = self.word.at
            while self.takes("OR"):
                parts.append(self._conjunction())
            return parts[0] if len(parts) == 1 else Logical("OR", tuple(parts), at)

    def _conjunction(self) -> Expression:
        parts = [self._negation()]
        at = self.word.at
        while self.takes("AND"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else Logical("AND", tuple(parts), at)

    def _negation(self) -> Expression:
        at = self.word.at
        count = 0
        while self.takes("NOT"):
            count += 1
        found = self._condition()
        for _ in range(min(count, 2 + count % 2)):
            found = Unary("NOT", found, at)
        return found

    def _condition(self) -> Expression:
        left = self._concatenation()
        for _ in range(LONGEST_CHAIN):
            at, upper = self.word.at, self.word.upper
            if upper in _COMPARISONS:
                self.take()
                left = self._compared("<>" if upper == "!=" else upper, left, at)
            elif upper == "IS":
                left = self._is(left)
            elif upper in ("BETWEEN", "IN", "LIKE") or (upper == "NOT" and self.after().upper in ("BETWEEN", "IN", "LIKE")):
                negated = self.takes("NOT")
                left = self._tested(left, negated)
            else:
                return left
        raise Refused(f"more than {LONGEST_CHAIN} conditions in a row", self.word.at)

    def _compared(self, operator: str, left: Expression, at: int) -> Expression:
        if self.word.upper in ("ALL", "ANY", "SOME") and self.after().upper == "(":
            every = self.take().upper == "ALL"
            self.take()
            query = self.query()
            self.expect(")", "after a sub-query")
            return Quantified(operator, every, left, query, at)
        return Binary(operator, left, self._concatenation(), at)

    def _is(self, left: Expression) -> Expression:
        at = self.take().at
        negated = self.takes("NOT")
        if self.takes("NULL"):
            return Test("null", left, (), negated, at)
        if self.takes("DISTINCT", "FROM"):
            return Test("distinct", left, (self._concatenation(),), negated, at)
        raise self.unexpected("NULL or DISTINCT FROM is expected after IS")

    def _tested(self, left: Expression, negated: bool) -> Expression:
        word = self.take()
        if word.upper == "BETWEEN":
            low = self._concatenation()
            self.expect("AND", "between the bounds of BETWEEN")
            return Test("between", left, (low, self._concatenation()), negated, word.at)
        if word.upper == "LIKE":
            pattern = self._concatenation()
            if self.takes("ESCAPE"):
                return Test("like", left, (pattern, self._concatenation()), negated, word.at)
            return Test("like", left, (pattern,), negated, word.at)
        self.expect("(", "after IN")
        if self.begins_query():
            query = self.query()
            self.expect(")", "after a sub-query")
            return InQuery(left, query, negated, word.at)
        parts = [self.expression()]
        while self.takes(","):
            parts.append(self.expression())
        self.expect(")", "after the values of IN")
        return Test("in", left, tuple(parts), negated, word.at)

    def begins_query(self) -> bool:
        """Whether a query, and no value, stands here."""
        count = 0
        while self.after(count).upper == "(":
            count += 1
        return self.after(count).upper in ("SELECT", "WITH", "VALUES", "TABLE")

    def _concatenation(self) -> Expression:
        return self.chain(("||",), ("+", "-"), ("*", "/", "%"))

    def chain(self, operators: tuple[str, ...], *tighter: tuple[str, ...]) -> Expression:
        left = self.chain(*tighter) if tighter else self._zoned()
        for _ in range(LONGEST_CHAIN):
            word = self.word
            if word.upper not in operators:
                return left
            self.take()
            left = Binary(word.upper, left, self.chain(*tighter) if tighter else self._zoned(), word.at)
        raise Refused(f"more than {LONGEST_CHAIN} operators {operators[0]} in a row: use a function such as concat", self.word.at)

    def _zoned(self) -> Expression:
        found = self._signed()
        while self.sees("AT", "TIME", "ZONE"):
            at = self.take().at
            self.takes("TIME", "ZONE")
            found = Zoned(found, self._signed(), at)
        return found

    def _signed(self) -> Expression:
        signs: list[Word] = []
        while self.word.upper in ("-", "+"):
            signs.append(self.take())
            if len(signs) > 4:
                raise self.unexpected("a value is expected after a sign")
        found = self._postfixed()
        for sign in reversed(signs):
            found = Unary(sign.upper, found, sign.at)
        return found

    def _postfixed(self) -> Expression:
        found = self.primary()
        for _ in range(LONGEST_CHAIN):
            at = self.word.at
            if self.sees(".") and self.after().upper != "*":
                self.take()
                found = Field(found, self._field_name(), at)
            elif self.takes("["):
                index = self.expression()
                self.expect("]", "after a subscript")
                found = Subscript(found, index, at)
            else:
                return found
        raise Refused(f"more than {LONGEST_CHAIN} parts in a path", self.word.at)

    def _field_name(self) -> Name:
        if self.word.kind == "word" and self.word.upper in RESERVED:
            raise self.unexpected("the name of a field; write a reserved word in double quotes")
        return self.name("the name of a field")

    def arguments(self) -> tuple[Expression, ...]:
        """Read `(value, …)`; values may be lambdas."""
        self.expect("(", "before arguments")
        found: list[Expression] = []
        if not self.sees(")"):
            found.append(self.argument())
            while self.takes(","):
                found.append(self.argument())
        self.expect(")", "after the arguments")
        return tuple(found)

    def argument(self) -> Expression:
        """A value, or a lambda."""
        at = self.word.at
        if self.word.kind in ("word", "quoted") and self.after().upper == "->":
            name = self.name("the name of a lambda's argument")
            self.take()
            return Lambda((name,), self.expression(), at)
        if self.sees("(") and self._is_lambda():
            names: tuple[Name, ...] = ()
            if self.sees("(", ")"):
                self.takes("(", ")")
            else:
                names = self.names("the names of a lambda's arguments")
            self.expect("->", "in a lambda")
            return Lambda(names, self.expression(), at)
        return self.expression()

    def _is_lambda(self) -> bool:
        count = 1
        while self.after(count).kind in ("word", "quoted") or self.after(count).upper == ",":
            count += 1
        return self.after(count).upper == ")" and self.after(count + 1).upper == "->"

    def orders(self) -> tuple[Order, ...]:
        """Read the list after ORDER BY. Nulls are last unless said otherwise, in both directions."""
        found: list[Order] = []
        while True:
            of = self.expression()
            descending = self.takes("DESC")
            if not descending:
                self.takes("ASC")
            first = False
            if self.takes("NULLS"):
                first = self.takes("FIRST")
                if not first:
                    self.expect("LAST", "after NULLS")
            found.append(Order(of, descending, first))
            if not self.takes(","):
                return tuple(found)

    def window(self) -> Window:
        """Read `(PARTITION BY … ORDER BY … frame)`."""
        at = self.expect("(", "before a window").at
        base = None
        if self.word.kind in ("word", "quoted") and self.word.upper not in ("PARTITION", "ORDER", "ROWS", "RANGE", "GROUPS"):
            base = self.name("the name of a window")
        partition: list[Expression] = []
        if self.takes("PARTITION"):
            self.expect("BY", "after PARTITION")
            partition.append(self.expression())
            while self.takes(","):
                partition.append(self.expression())
        order: tuple[Order, ...] = ()
        if self.takes("ORDER"):
            self.expect("BY", "after ORDER")
            order = self.orders()
        frame: tuple[str, Bound, Bound | None] | None = None
        if self.word.upper in ("ROWS", "RANGE", "GROUPS"):
            unit = self.take().upper
            if self.takes("BETWEEN"):
                start = self._bound()
                self.expect("AND", "between the bounds of a frame")
                frame = (unit, start, self._bound())
            else:
                frame = (unit, self._bound(), None)
        self.expect(")", "after a window")
        return Window(base, tuple(partition), order, frame, at)

    def _bound(self) -> Bound:
        for fixed in ("UNBOUNDED PRECEDING", "UNBOUNDED FOLLOWING", "CURRENT ROW"):
            if self.takes(*fixed.split()):
                return Bound(fixed, None)
        of = self.expression()
        if self.word.upper not in ("PRECEDING", "FOLLOWING"):
            raise self.unexpected("PRECEDING or FOLLOWING is expected")
        return Bound(self.take().upper, of)

    def primary(self) -> Expression:
        """A value of highest precedence."""
        word = self.word
        match word.kind:
            case "string" | "number" | "binary":
                self.take()
                return Literal(word.kind, word.text, word.at)
            case "store":
                raise Refused("the ID of an event data store stands after FROM or JOIN: give it an alias to name its columns", word.at)
            case "sign":
                return self._bracketed(word)
            case "word":
                form = self.form(word)
                if form is not None:
                    return form
            case "end":
                raise self.unexpected("a value is expected")
            case _:
                pass
        if self.after().upper == "(" and word.upper not in _NEVER_CALLED:
            return self._call(Name(self.take().text, word.at))
        if self.after().upper == "(":
            raise self.unexpected("a value is expected")
        return Reference(self.name("a value"), word.at)

    @abstractmethod
    def form(self, word: Word) -> Expression | None:
        """A value with words of its own, or `None` when `word` is an ordinary name."""

    @abstractmethod
    def written_type(self) -> Written:
        """A type."""

    def _bracketed(self, word: Word) -> Expression:
        if word.upper == "?":
            raise Refused("a parameter is left: the query takes values in place of ?", word.at)
        if word.upper != "(":
            raise self.unexpected("a value is expected")
        if self.after().upper == ")":
            raise Refused("() is no value", word.at)
        self.take()
        if self.begins_query() and (self.word.upper != "(" or self._query_in_parentheses()):
            query = self.query()
            self.expect(")", "after a sub-query")
            return Scalar(query, word.at)
        parts = [self.expression()]
        while self.takes(","):
            parts.append(self.expression())
        self.expect(")", "to close the parenthesis")
        return parts[0] if len(parts) == 1 else RowOf(tuple(parts), word.at)

    def _query_in_parentheses(self) -> bool:
        """`((SELECT 1) UNION …)` is a query, `((SELECT 1) + 1)` a value: what follows the first parenthesis that closes tells."""
        depth, count = 0, 0
        while self.after(count).kind != "end":
            depth += {"(": 1, ")": -1}.get(self.after(count).upper, 0)
            count += 1
            if depth == 0:
                return self.after(count).upper in ("UNION", "EXCEPT", "INTERSECT", "ORDER", "LIMIT", "OFFSET", "FETCH")
        return False

    def _call(self, name: Name) -> Expression:
        self.expect("(", "before arguments")
        if self.takes("*"):
            self.expect(")", "after *")
            return self.after_call(Call(name, (), name.at, star=True))
        distinct = self.takes("DISTINCT")
        if not distinct and self.sees("ALL"):
            self.take()
        parts: list[Expression] = []
        order: tuple[Order, ...] = ()
        if not self.sees(")"):
            parts.append(self.argument())
            while self.takes(","):
                parts.append(self.argument())
            if self.takes("ORDER"):
                self.expect("BY", "after ORDER")
                order = self.orders()
        self.expect(")", f"after the arguments of {name.text}")
        return self.after_call(Call(name, tuple(parts), name.at, distinct=distinct, order=order))

    def after_call(self, call: Call) -> Call:
        order, condition, over, ignoring = call.order, None, None, False
        if self.takes("WITHIN", "GROUP"):
            self.expect("(", "after WITHIN GROUP")
            self.expect("ORDER", "in WITHIN GROUP")
            self.expect("BY", "after ORDER")
            order = self.orders()
            self.expect(")", "after WITHIN GROUP")
        if self.sees("FILTER", "("):
            self.take()
            self.take()
            self.expect("WHERE", "in FILTER")
            condition = self.expression()
            self.expect(")", "after FILTER")
        if self.takes("IGNORE", "NULLS"):
            ignoring = True
        else:
            self.takes("RESPECT", "NULLS")
        if self.takes("OVER"):
            over = self.window() if self.sees("(") else Window(self.name("the name of a window"), (), (), None, self.word.at)
        return Call(
            call.name,
            call.parts,
            call.at,
            distinct=call.distinct,
            star=call.star,
            order=order,
            filter=condition,
            over=over,
            ignore_nulls=ignoring,
        )
