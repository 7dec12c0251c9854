"""Pages of a list: none is missed, none comes twice, and a token is for its own request."""

from __future__ import annotations

import pytest

from opentrail.api.cloudtrail import token_pages
from opentrail.lake.faults import InvalidNextTokenException

NAMES = [f"name-{number:02d}" for number in range(7)]


def page(names: list[str], token: str | None, request: dict[str, str]) -> tuple[list[str], str | None]:
    shown, following = token_pages.page(names, 3, token, request, key=str)
    return list(shown), following


def test_every_item_comes_once_whatever_goes_in_between() -> None:
    first, token = page(NAMES, None, {})
    second, token = page([name for name in NAMES if name not in ("name-00", "name-02")], token, {})
    third, token = page(NAMES, token, {})
    assert first + second + third == NAMES
    assert token is None


@pytest.mark.parametrize("token", ["", "%%%%", "eyJ9", "bm9uZQ=="])
def test_tokens_that_nobody_gave(token: str) -> None:
    with pytest.raises(InvalidNextTokenException):
        page(NAMES, token, {})


def test_a_token_of_another_request() -> None:
    _, token = page(NAMES, None, {"Type": "CUSTOM"})
    with pytest.raises(InvalidNextTokenException):
        page(NAMES, token, {"Type": "MANAGED"})
