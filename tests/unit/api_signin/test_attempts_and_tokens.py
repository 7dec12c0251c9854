"""The bounds on attempts, and the seals of sign-in tokens."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.api.signin import tokens
from opentrail.api.signin.throttle import Allowance, Throttle, source_key

SECRET = b"s" * 32


def test_a_bucket_empties_and_fills_again() -> None:
    throttle = Throttle(Allowance(burst=3, interval=10.0))
    assert [throttle.take("a", 0.0) for _ in range(4)] == [True, True, True, False]
    assert throttle.take("b", 0.0)
    assert not throttle.take("a", 9.9)
    assert throttle.take("a", 10.0)
    assert not throttle.take("a", 10.0)
    throttle.give_back("a", 10.0)
    assert throttle.take("a", 10.0)


def test_a_bucket_that_is_full_again_takes_no_memory() -> None:
    throttle = Throttle(Allowance(burst=3, interval=10.0))
    throttle.take("a", 0.0)
    throttle.give_back("a", 0.0)
    assert len(throttle) == 0


@given(st.lists(st.tuples(st.text(max_size=5), st.floats(0, 5)), max_size=300))
def test_memory_is_bounded_and_no_bucket_gives_more_than_it_has(attempts: list[tuple[str, float]]) -> None:
    throttle = Throttle(Allowance(burst=2, interval=1.0), most=8)
    now = 0.0
    allowed: dict[str, int] = {}
    for key, later in attempts:
        now += later
        if throttle.take(key, now):
            allowed[key] = allowed.get(key, 0) + 1
        assert len(throttle) <= 8
    if len({key for key, _ in attempts}) <= 8:
        assert all(count <= 2 + now for count in allowed.values())


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("unknown", "unknown"),
    ],
)
def test_an_address_stands_for_one_customer(address: str, key: str) -> None:
    assert source_key(address) == key


KEYS = st.text(string.ascii_uppercase + string.digits, min_size=1, max_size=128)


@given(KEYS, st.floats(0, 4e9))
def test_a_token_tells_what_was_sealed(key: str, expires: float) -> None:
    token = tokens.seal("SigninToken", key, expires, SECRET)
    assert tokens.unseal("SigninToken", token, SECRET) == (key, float(int(expires)))
    assert tokens.unseal("ConsoleSession", token, SECRET) is None
    assert tokens.unseal("SigninToken", token, b"t" * 32) is None


@given(KEYS, st.integers(0, 200), st.characters(max_codepoint=255))
def test_a_token_with_another_character_is_none(key: str, place: int, character: str) -> None:
    token = tokens.seal("SigninToken", key, 1.0, SECRET)
    place %= len(token)
    changed = token[:place] + character + token[place + 1 :]
    found = tokens.unseal("SigninToken", changed, SECRET)
    assert found is None or found == (key, 1.0)


@given(st.text(max_size=700))
def test_any_other_text_is_no_token(text: str) -> None:
    assert tokens.unseal("SigninToken", text, SECRET) is None
