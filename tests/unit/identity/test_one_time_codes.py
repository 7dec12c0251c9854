"""One-time codes: those of RFC 6238, found again near their time and nowhere else."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.identity import totp

RFC_SEED = base64.b32encode(b"12345678901234567890").decode()
STEPS = st.integers(min_value=totp.SEARCH + 1, max_value=1 << 36)


@pytest.mark.parametrize(
    ("at", "code"), [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (20000000000, "353130")]
)
def test_the_codes_of_the_rfc(at: int, code: str) -> None:
    assert totp.code(RFC_SEED, at // totp.STEP) == code
    assert totp.find(RFC_SEED, code, at=at) == at // totp.STEP


@given(STEPS, st.integers(-5, 5), st.integers(-3, 3))
def test_a_code_is_found_within_the_tolerance_of_the_devices_clock(step: int, drift: int, off: int) -> None:
    found = totp.find(RFC_SEED, totp.code(RFC_SEED, step + drift + off), at=step * totp.STEP, drift=drift)
    if abs(off) <= totp.TOLERANCE:
        assert found is not None
    elif found is not None:  # one in a million is somebody else's
        assert totp.code(RFC_SEED, found) == totp.code(RFC_SEED, step + drift + off)


@given(STEPS, st.integers(-totp.SEARCH, totp.SEARCH))
def test_two_codes_in_a_row_tell_how_far_a_clock_is_off(step: int, off: int) -> None:
    first, second = (totp.code(RFC_SEED, step + off + before) for before in (-1, 0))
    assert totp.find_pair(RFC_SEED, first, second, at=step * totp.STEP) == step + off


def test_seeds_differ_and_go_into_addresses() -> None:
    one, other = totp.new_seed(), totp.new_seed()
    assert one != other
    assert totp.address("my phone", "123456789012", one) == f"otpauth://totp/my%20phone@123456789012?secret={one}"
