"""Names, ARNs and URLs of queues."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.messaging.queues import Place, names
from opentrail.messaging.queues.faults import InvalidParameterValue

ACCOUNT = "123456789012"
WORK = Place(account_id=ACCOUNT, region="us-east-1", name="work")


@pytest.mark.parametrize(
    "url",
    [
        f"http://127.0.0.1:4747/{ACCOUNT}/work",
        f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/work",
        f"https://queue.amazonaws.com/{ACCOUNT}/work/",
        f"http://somewhere.else/below/{ACCOUNT}/work?query=1#fragment",
        f"/{ACCOUNT}/work",
        f"{ACCOUNT}/work",
        "work",
        "/work",
        f"http://[::1]:4747/{ACCOUNT}/%77ork",
    ],
)
def test_only_the_end_of_the_path_of_a_queue_url_counts(url: str) -> None:
    assert names.of_url(url, ACCOUNT, "us-east-1") == WORK


@pytest.mark.parametrize(
    "url", ["", "/", "http://127.0.0.1:4747", "http://[/work", "http://host/short/work", "a b", f"/{ACCOUNT}/a.b", "/x/" + "a" * 81, "é"]
)
def test_what_names_no_queue_is_none(url: str) -> None:
    assert names.of_url(url, ACCOUNT, "us-east-1") is None


@given(st.text() | st.text("/:.%?#[]@ab0123456789", max_size=60))
def test_any_text_is_a_queue_or_none(text: str) -> None:
    for found in (names.of_url(text, ACCOUNT, "us-east-1"), names.of_arn(text)):
        assert found is None or names.is_name(found.name)


@given(
    st.from_regex(r"[0-9]{12}", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9_-]{1,75}(\.fifo)?", fullmatch=True).filter(str.isascii),
)
def test_url_and_arn_lead_back_to_the_queue(account: str, name: str) -> None:
    if not account.isascii():
        return
    place = Place(account_id=account, region="eu-west-1", name=name)
    assert names.of_url(names.url("https://host:1", account, name), "999999999999", "eu-west-1") == place
    assert names.of_arn(place.arn) == place


@pytest.mark.parametrize(("name", "fifo"), [("a" * 80, False), ("A_b-9", False), ("a" * 75 + ".fifo", True)])
def test_good_names_are_taken(name: str, fifo: bool) -> None:
    names.check_name(name, fifo=fifo)


@pytest.mark.parametrize(
    ("name", "fifo"),
    [
        ("", False),
        ("a" * 81, False),
        ("a.b", False),
        ("a b", False),
        ("a.fifo", False),
        ("a", True),
        (".fifo", True),
        ("a" * 76 + ".fifo", True),
    ],
)
def test_bad_names_are_refused(name: str, fifo: bool) -> None:
    with pytest.raises(InvalidParameterValue):
        names.check_name(name, fifo=fifo)
