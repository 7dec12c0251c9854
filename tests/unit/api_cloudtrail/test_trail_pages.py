"""ListTrails, page by page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.api.cloudtrail.trail_pages import PAGE, page
from opentrail.trails.store import Trail
from opentrail.wire.faults import Fault
from simulators.trails import ACCOUNT, HOME, World

NAMES = st.lists(st.from_regex(r"[a-z]{3,5}", fullmatch=True), unique=True, max_size=12)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Trail:
    folder: Path = tmp_path_factory.mktemp("pages")
    world = World(folder)
    world.trail("audit", start=False)
    trail = world.trails.get(ACCOUNT, HOME, "audit")
    world.close()
    return trail


@given(names=NAMES, size=st.integers(1, 5))
def test_every_trail_is_on_one_page(model: Trail, names: list[str], size: int) -> None:
    trails = [replace(model, name=name, arn=model.arn.replace("audit", name)) for name in names]
    seen: list[str] = []
    token: str | None = None
    for _ in range(len(trails) + 1):
        answer = page(trails, token, size=size)
        assert len(answer["Trails"]) <= size
        seen += [trail["Name"] for trail in answer["Trails"]]
        token = answer.get("NextToken")
        if token is None:
            break
    assert seen == sorted(names)


def test_a_trail_deleted_between_two_pages_hides_no_other(model: Trail) -> None:
    trails = [replace(model, name=name, arn=model.arn.replace("audit", name)) for name in ("aaa", "bbb", "ccc")]
    token = page(trails, None, size=1)["NextToken"]
    assert [trail["Name"] for trail in page(trails[1:], token, size=5)["Trails"]] == ["bbb", "ccc"]


@pytest.mark.parametrize("token", ["x", "!!!", "YWJj", "w6TDpA==", "YWJjCmRlZgpn"])
def test_a_token_that_was_never_given_out(model: Trail, token: str) -> None:
    with pytest.raises(Fault) as raised:
        page([model], token)
    assert raised.value.code == "InvalidNextTokenException"
    assert PAGE >= 5
