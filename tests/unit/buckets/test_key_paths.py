"""Keys become paths: safe for every key, plain for ordinary ones, never the same for two keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.buckets.paths import MAX_COMPONENT, MAX_DEPTH, MAX_PATH, path_of

NASTY = st.sampled_from(
    ["", ".", "..", "~", "~e", "~~", "~d", "~2", "~x2e", "\0", "\n", "a", "b", " ", "é", "x" * 199, "y" * 300, "☃" * 90]
)
KEYS = st.one_of(
    st.lists(NASTY, min_size=1, max_size=6).map("/".join),
    st.lists(st.lists(NASTY, max_size=3).map("".join), min_size=1, max_size=4).map("/".join),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60),
    st.text(st.sampled_from("/.~ex2\0\x7f"), min_size=1, max_size=1024),
).filter(lambda key: 0 < len(key.encode()) <= 1024)


@given(KEYS)
def test_a_path_stays_inside_its_bucket_and_fits_a_file_system(key: str) -> None:
    path = path_of(key)
    components = path.split("/")
    assert all(component not in ("", ".", "..") for component in components)
    assert not any(ord(character) < 32 or character == "\x7f" for character in path)
    assert all(len(component.encode()) <= MAX_COMPONENT for component in components)
    assert len(path.encode()) <= MAX_PATH
    assert len(components) <= MAX_DEPTH


@given(KEYS, KEYS)
def test_two_keys_never_share_a_path(one: str, other: str) -> None:
    assert (path_of(one) == path_of(other)) == (one == other)


@given(KEYS)
def test_no_path_looks_like_the_further_file_or_the_folder_twin_of_another(key: str) -> None:
    # `~<digit>` and `~d` at the end of a component belong to `Files`; a key's own tildes are doubled.
    for component in path_of(key).split("/"):
        left = component.replace("~~", "")
        assert not left.endswith("~d")
        assert not any(f"~{digit}" in left for digit in "0123456789")


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("AWSLogs/111122223333/CloudTrail/us-east-1/x.json.gz", "AWSLogs/111122223333/CloudTrail/us-east-1/x.json.gz"),
        ("a b/ü+=&.txt", "a b/ü+=&.txt"),
        (".hidden/...", ".hidden/..."),
        ("folder/", "folder/~e"),
        ("/a//b", "~e/a/~e/b"),
        ("../../etc/passwd", "~x2e~x2e/~x2e~x2e/etc/passwd"),
        ("a~2", "a~~2"),
        ("a\0b\n", "a~x00b~x0a"),
    ],
)
def test_the_mapping_is_readable(key: str, path: str) -> None:
    assert path_of(key) == path
