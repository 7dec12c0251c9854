"""Values with words of their own: CASE, CAST, EXTRACT, TRIM, ARRAY[…], typed literals, the JSON forms of the SQL standard. Pure."""

from __future__ import annotations

from typing import Final

from opentrail.lake.sql.expressions import Expressions
from opentrail.lake.sql.scanning import Refused, Word
from opentrail.lake.sql.tree import (
    ArrayOf,
    Call,
    Case,
    Cast,
    Exists,
    Expression,
    Interval,
    Literal,
    Name,
    RowOf,
    Try,
    Written,
)

_UNITS: Final = frozenset(["SECOND", "MINUTE", "HOUR", "DAY", "MONTH", "YEAR"])
_NOW: Final = frozenset(["CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "LOCALTIMESTAMP", "LOCALTIME"])
_REFUSED: Final = frozenset(["CURRENT_USER", "CURRENT_ROLE", "CURRENT_CATALOG", "CURRENT_SCHEMA", "CURRENT_PATH"])
_TYPED: Final = frozenset(
    ["DATE", "TIMESTAMP", "TIME", "DECIMAL", "DOUBLE", "BIGINT", "INTEGER", "SMALLINT", "TINYINT", "REAL", "VARCHAR"]
) | {
    "BOOLEAN",
    "JSON",
    "IPADDRESS",
    "UUID",
    "CHAR",
}
_JSON: Final = frozenset(["JSON_VALUE", "JSON_QUERY", "JSON_EXISTS"])


class Forms(Expressions):
    """The special forms of values."""

    def form(self, word: Word) -> Expression | None:
        upper, after = word.upper, self.after()
        if upper in _NOW and after.upper != ".":
            self.take()
            if self.takes("("):
                self.number("of digits")
                self.expect(")", "after the number of digits")
            return Call(Name(upper.lower(), word.at), (), word.at)
        if upper in _REFUSED:
            raise Refused(f"{upper} is not available in queries over events", word.at)
        if upper in ("TRUE", "FALSE"):
            self.take()
            return Literal("boolean", upper, word.at)
        if upper == "NULL":
            self.take()
            return Literal("null", "NULL", word.at)
        if after.kind == "string" and upper in _TYPED:
            self.take()
            return Literal(upper.lower(), self.take().text, word.at)
        if upper == "DOUBLE" and after.upper == "PRECISION" and self.after(2).kind == "string":
            self.take()
            self.take()
            return Literal("double", self.take().text, word.at)
        if upper == "INTERVAL" and (after.kind == "string" or after.upper in ("+", "-")):
            return self._interval(word)
        if upper == "CASE":
            return self._case(word)
        if upper == "EXISTS":
            self.take()
            self.expect("(", "after EXISTS")
            query = self.query()
            self.expect(")", "after a sub-query")
            return Exists(query, word.at)
        if upper == "ARRAY" and after.upper == "[":
            self.take()
            return ArrayOf(self._elements(), word.at)
        if after.upper == "(":
            return self._called(word)
        return None

    def _called(self, word: Word) -> Expression | None:
        match word.upper:
            case "CAST" | "TRY_CAST":
                self.take()
                self.take()
                of = self.expression()
                self.expect("AS", f"in {word.upper}")
                to = self.written_type()
                self.expect(")", f"after {word.upper}")
                return Cast(of, to, word.upper == "TRY_CAST", word.at)
            case "TRY":
                self.take()
                parts = self.arguments()
                if len(parts) != 1:
                    raise Refused("TRY takes one value", word.at)
                return Try(parts[0], word.at)
            case "ROW":
                self.take()
                return RowOf(self.arguments(), word.at)
            case "EXTRACT":
                self.take()
                self.take()
                field = self.take()
                self.expect("FROM", "in EXTRACT")
                of = self.expression()
                self.expect(")", "after EXTRACT")
                return Call(Name("extract", word.at), (Literal("string", field.text.lower(), field.at), of), word.at)
            case "POSITION":
                self.take()
                self.take()
                part = self.chain(("||",), ("+", "-"), ("*", "/", "%"))
                self.expect("IN", "in POSITION")
                of = self.expression()
                self.expect(")", "after POSITION")
                return Call(Name("strpos", word.at), (of, part), word.at)
            case "SUBSTRING":
                return self._substring(word)
            case "TRIM":
                return self._trim(word)
            case "NORMALIZE":
                self.take()
                self.take()
                of = self.expression()
                form = self.take().text if self.takes(",") else "NFC"
                self.expect(")", "after NORMALIZE")
                return Call(Name("normalize", word.at), (of, Literal("string", form.upper(), word.at)), word.at)
            case "JSON_VALUE" | "JSON_QUERY" | "JSON_EXISTS":
                return self._json(word)
            case "LISTAGG":
                return self._listagg(word)
            case "JSON_OBJECT" | "JSON_ARRAY" | "JSON_TABLE":
                raise Refused(f"{word.upper} is not available: build JSON with CAST(MAP(…) AS JSON) or CAST(ARRAY[…] AS JSON)", word.at)
        return None

    def _listagg(self, word: Word) -> Expression:
        self.take()
        self.take()
        distinct = self.takes("DISTINCT")
        parts = [self.expression()]
        if self.takes(","):
            parts.append(self.expression())
        if self.takes("ON", "OVERFLOW"):
            self.expect("ERROR", "after ON OVERFLOW")
        self.expect(")", "after the arguments of LISTAGG")
        return self.after_call(Call(Name("listagg", word.at), tuple(parts), word.at, distinct=distinct))

    def _elements(self) -> tuple[Expression, ...]:
        self.expect("[", "before elements")
        found: list[Expression] = []
        if not self.sees("]"):
            found.append(self.expression())
            while self.takes(","):
                found.append(self.expression())
        self.expect("]", "after the elements")
        return tuple(found)

    def _interval(self, word: Word) -> Expression:
        self.take()
        sign = "-" if self.takes("-") else ""
        if not sign:
            self.takes("+")
        if self.word.kind != "string":
            raise self.unexpected("a number in single quotes is expected after INTERVAL")
        text = self.take().text
        if self.word.upper not in _UNITS:
            raise self.unexpected("SECOND, MINUTE, HOUR, DAY, MONTH or YEAR is expected")
        unit, to = self.take().upper, None
        if self.takes("TO"):
            if self.word.upper not in _UNITS:
                raise self.unexpected("SECOND, MINUTE, HOUR, DAY, MONTH or YEAR is expected")
            to = self.take().upper
        return Interval(sign + text, unit, to, word.at)

    def _case(self, word: Word) -> Expression:
        self.take()
        with self.deeper():
            of = None if self.sees("WHEN") else self.expression()
            branches: list[tuple[Expression, Expression]] = []
            while self.takes("WHEN"):
                condition = self.expression()
                self.expect("THEN", "after the condition of WHEN")
                branches.append((condition, self.expression()))
            if not branches:
                raise self.unexpected("WHEN is expected in CASE")
            otherwise = self.expression() if self.takes("ELSE") else None
            self.expect("END", "at the end of CASE")
            return Case(of, tuple(branches), otherwise, word.at)

    def _substring(self, word: Word) -> Expression:
        self.take()
        self.take()
        parts = [self.expression()]
        if self.takes("FROM"):
            parts.append(self.expression())
            if self.takes("FOR"):
                parts.append(self.expression())
        else:
            while self.takes(","):
                parts.append(self.expression())
        self.expect(")", "after SUBSTRING")
        return Call(Name("substr", word.at), tuple(parts), word.at)

    def _trim(self, word: Word) -> Expression:
        self.take()
        self.take()
        side = self.take().upper if self.word.upper in ("BOTH", "LEADING", "TRAILING") else "BOTH"
        parts: list[Expression] = []
        if not self.takes("FROM"):
            parts.append(self.expression())
            if self.takes("FROM"):
                parts.insert(0, self.expression())
            elif self.takes(","):
                parts.append(self.expression())
        else:
            parts.append(self.expression())
        self.expect(")", "after TRIM")
        return Call(Name({"BOTH": "trim", "LEADING": "ltrim", "TRAILING": "rtrim"}[side], word.at), tuple(parts), word.at)

    def _json(self, word: Word) -> Expression:
        self.take()
        self.take()
        of = self.expression()
        self.takes("FORMAT", "JSON")
        self.expect(",", f"before the path of {word.upper}")
        if self.word.kind != "string":
            raise self.unexpected("the path is a text such as 'lax $.a'")
        path = Literal("string", self.word.text, self.take().at)
        options: list[str] = []
        while not self.sees(")"):
            if self.word.kind != "word" or len(options) > 30:
                raise self.unexpected(f"{word.upper} takes RETURNING, wrappers, ON EMPTY and ON ERROR here")
            if self.takes("RETURNING"):
                options.append("RETURNING " + self.written_type().name)
            else:
                options.append(self.take().upper)
        self.expect(")", f"after {word.upper}")
        return Call(Name(word.text.lower(), word.at), (of, path), word.at, options=tuple(options))

    def written_type(self) -> Written:
        """Read a type."""
        with self.deeper():
            word = self.word
            if word.kind != "word":
                raise self.unexpected("a type is expected")
            self.take()
            name = word.text.lower()
            if name == "double":
                self.takes("PRECISION")
            if name == "row":
                return self._row_type(word)
            if name in ("array", "map"):
                parts = self._type_parts(word)
                return self._arrays(Written(name, word.at, parts))
            if name == "interval":
                unit = self.take().upper
                self.expect("TO", "in the type of an interval")
                self.take()
                return Written("interval year to month" if unit == "YEAR" else "interval day to second", word.at)
            numbers: list[int] = []
            if self.takes("("):
                numbers.append(self.number("in a type"))
                while self.takes(","):
                    numbers.append(self.number("in a type"))
                self.expect(")", "after the numbers of a type")
            if name in ("timestamp", "time"):
                if self.takes("WITH", "TIME", "ZONE"):
                    name += " with time zone"
                else:
                    self.takes("WITHOUT", "TIME", "ZONE")
            return self._arrays(Written(name, word.at, numbers=tuple(numbers)))

    def _arrays(self, of: Written) -> Written:
        while self.takes("ARRAY"):
            of = Written("array", of.at, (of,))
        return of

    def _type_parts(self, word: Word) -> tuple[Written, ...]:
        closing = ">" if self.sees("<") else ")"
        self.expect("<" if closing == ">" else "(", f"after {word.text}")
        parts = [self.written_type()]
        while self.takes(","):
            parts.append(self.written_type())
        self.expect(closing, f"after the type of {word.text}")
        if len(parts) != (2 if word.text.lower() == "map" else 1):
            raise Refused(f"{word.text} has {'two types' if word.text.lower() == 'map' else 'one type'} in it", word.at)
        return tuple(parts)

    def _row_type(self, word: Word) -> Written:
        self.expect("(", "after ROW")
        names: list[str | None] = []
        parts: list[Written] = []
        while True:
            after = self.after().upper
            named = self.word.kind == "quoted" or (after not in (",", ")", "(", "WITH", "PRECISION", "ARRAY", "<") or after == "")
            if (
                self.word.kind == "word"
                and after == "("
                and self.word.upper not in ("ROW", "ARRAY", "MAP", "DECIMAL", "VARCHAR", "CHAR", "TIMESTAMP")
            ):
                named = True
            names.append(self.name("the name of a field").text.lower() if named else None)
            parts.append(self.written_type())
            if not self.takes(","):
                break
        self.expect(")", "after the fields of a row")
        return self._arrays(Written("row", word.at, tuple(parts), tuple(names)))
