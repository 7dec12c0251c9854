"""`[ip, user, ..., status = 4*, bytes > 1000]`: patterns for lines of fields that blanks part. Pure.

The number of fields must be that of the line, but for `...`, which stands for any number of them, and for a last field without a
condition that has no name or one like `w2`: that is the rest of the line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from opentrail.monitoring.filter_patterns.expressions import AllOf, AnyOf, Expression, expression
from opentrail.monitoring.filter_patterns.message import Message
from opentrail.monitoring.filter_patterns.objects import MOST_REGEXES
from opentrail.monitoring.filter_patterns.scanner import Scanner
from opentrail.monitoring.filter_patterns.values import Comparison, comparison, test_of_text

ELLIPSIS: Final = "..."
_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
_POSITIONAL: Final = re.compile(r"w[0-9]+")
_NUMBERED: Final = re.compile(r"\$([1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    """Empty where it has none."""
    conditions: Expression[Comparison] | None = None

    @property
    def is_rest(self) -> bool:
        """Whether it is the rest of the line, when it stands last."""
        return self.conditions is None and (not self.name or _POSITIONAL.fullmatch(self.name) is not None)


class Lines:
    """A space-delimited pattern, compiled."""

    def __init__(self, scanner: Scanner) -> None:
        """Reads the whole pattern. Raises `InvalidParameterException`."""
        scanner.expect("[")
        fields = _fields(scanner)
        if not scanner.done:
            raise scanner.wrong("nothing may follow ]")
        names = [field.name for field in fields if field.name not in ("", ELLIPSIS)]
        if len(set(names)) < len(names):
            raise scanner.wrong("two fields have the same name: each of them stands once,")
        dots = [index for index, field in enumerate(fields) if field.name == ELLIPSIS]
        if len(dots) > 1:
            raise scanner.wrong(f"{ELLIPSIS} stands at most once")
        self.regexes = sum(one.value.kind == "regex" for field in fields for one in _comparisons(field.conditions))
        if self.regexes > MOST_REGEXES:
            raise scanner.wrong(f"a space-delimited pattern has at most {MOST_REGEXES} regular expressions; one more stands")
        self._rest = not dots and len(fields) > 1 and fields[-1].is_rest
        self._rest_name = fields[-1].name if self._rest else ""
        if self._rest:
            fields = fields[:-1]
        cut = dots[0] if dots else len(fields)
        self._before, self._after = fields[:cut], fields[cut + 1 :]
        self._open = bool(dots)
        self._tests = [(index, _compiled(field.conditions)) for index, field in enumerate(self._before) if field.conditions]
        behind = len(self._after)
        self._tests += [(index - behind, _compiled(field.conditions)) for index, field in enumerate(self._after) if field.conditions]
        named = [field.name for field in (*self._before, *self._after) if field.name]
        self.references = tuple(f"${name}" for name in ([*named, self._rest_name] if self._rest_name else named))

    def matches(self, message: Message) -> bool:
        """Whether the line has as many fields, and each is as the pattern wants it."""
        fields = message.fields
        return self._counts(len(fields)) and all(test(fields[index]) for index, test in self._tests)

    def extracted(self, message: Message) -> dict[str, str]:
        """Every field of a line that matches, by `$name`, or by `$` and its place (from 1) where it has no name."""
        return {f"${name or index + 1}": text for index, (name, text) in enumerate(self._named(message))}

    def reader(self, reference: str) -> Callable[[Message], str | None]:
        """The field `reference` (`$name`, `$3`) of lines that match. Raises `InvalidParameterException`."""
        if reference not in self.references and not _NUMBERED.fullmatch(reference):
            known = ", ".join(self.references) or "its place, such as $1"
            raise Scanner(reference).wrong(f"the pattern has no field {reference} (there is {known}): something else stands")
        return lambda message: self.extracted(message).get(reference)

    def _counts(self, count: int) -> bool:
        least = len(self._before) + len(self._after)
        if self._rest:
            return count >= least + bool(self._rest_name)
        return count >= least if self._open else count == least

    def _named(self, message: Message) -> list[tuple[str, str]]:
        fields = message.fields
        if not self._counts(len(fields)):
            return []
        names = [""] * len(fields)
        for index, field in enumerate(self._before):
            names[index] = field.name
        for index, field in enumerate(self._after):
            names[index - len(self._after)] = field.name
        if self._rest_name:
            first = len(self._before)
            (begin, _, before), (_, end, after) = message.spans[first], message.spans[-1]
            rest = fields[first] if len(fields) == first + 1 else message.text[begin - before : end + after]
            return [*zip(names[:first], fields[:first], strict=True), (self._rest_name, rest)]
        return list(zip(names, fields, strict=True))


def _fields(scanner: Scanner) -> list[_Field]:
    """All fields, to the closing bracket; `[]` is any line."""
    scanner.blanks()
    if scanner.take("]"):
        return [_Field(ELLIPSIS)]
    fields = [_field(scanner)]
    while not scanner.take("]"):
        if not scanner.take(","):
            raise scanner.wrong("',' or ']' is expected")
        fields.append(_field(scanner))
    return fields


def _field(scanner: Scanner) -> _Field:
    scanner.blanks()
    if scanner.take(ELLIPSIS):
        scanner.blanks()
        return _Field(ELLIPSIS)
    if scanner.peek(",", "]"):
        return _Field("")
    begin = scanner.at
    names: list[str] = []

    def condition(scanner: Scanner) -> Comparison:
        scanner.blanks()
        name = scanner.match(_NAME)
        if name is None:
            raise scanner.wrong("the name of a field is expected")
        if names and names[0] != name:
            raise scanner.wrong(f"the conditions of the field {names[0]} cannot ask for another: it is expected")
        names.append(name)
        return comparison(scanner, ends="()],")

    name = scanner.match(_NAME)
    if name is not None and (scanner.done or scanner.peek(",", "]")):
        return _Field(name)
    scanner.at = begin
    conditions = expression(scanner, condition)
    scanner.blanks()
    return _Field(names[0], conditions)


def _comparisons(node: Expression[Comparison] | None) -> Sequence[Comparison]:
    if node is None:
        return ()
    if isinstance(node, AllOf | AnyOf):
        return [one for part in node.parts for one in _comparisons(part)]
    return (node,)


def _compiled(node: Expression[Comparison]) -> Callable[[str], bool]:
    if isinstance(node, AllOf):
        every = [_compiled(part) for part in node.parts]
        return lambda text: all(test(text) for test in every)
    if isinstance(node, AnyOf):
        some = [_compiled(part) for part in node.parts]
        return lambda text: any(test(text) for test in some)
    return test_of_text(node)
