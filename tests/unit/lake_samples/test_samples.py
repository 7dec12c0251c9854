"""The sample queries: all of them run, and they are found by what they are about."""

from __future__ import annotations

from collections import Counter

import pytest

from opentrail.lake.families import Family
from opentrail.lake.samples.collection import STORE as PLACEHOLDER
from opentrail.lake.samples.collection import Sample, samples
from opentrail.lake.samples.ranking import Ranking
from opentrail.lake.samples.search import search
from opentrail.lake.samples.stemming import stem, words
from simulators.lake_engine import STORE, Engine
from simulators.lake_records import RECORDS


@pytest.fixture(scope="module")
def engines() -> dict[Family, tuple[Engine, Engine]]:
    """An empty one and a filled one per family."""
    return {family: (Engine(family), Engine(family, RECORDS[family])) for family in Family}


def test_there_are_enough_of_every_kind() -> None:
    assert len(samples()) >= 60
    assert Counter(one.family for one in samples()).keys() == set(Family)
    assert len({one.name for one in samples()}) == len(samples())
    assert len({one.sql for one in samples()}) == len(samples())


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)
def test_a_sample_is_complete_and_runs(sample: Sample, engines: dict[Family, tuple[Engine, Engine]]) -> None:
    assert 10 <= len(sample.description) <= 1000
    assert PLACEHOLDER in sample.sql
    empty, filled = engines[sample.family]
    statement = sample.sql.replace(PLACEHOLDER, STORE)
    assert empty.rows(statement) == []
    filled.rows(statement)


@pytest.mark.parametrize(
    ("phrase", "name"),
    [
        ("failed console logins", "Failed console sign-ins by IP address"),
        ("who created access keys", "Access keys created"),
        ("S3 objects that were deleted", "S3 objects deleted"),
        ("throttling", "Throttled calls"),
        ("public buckets", "Public access to S3 buckets allowed"),
        ("which KMS keys are scheduled for deletion", "KMS keys disabled or scheduled for deletion"),
        ("RunInstances", "Instances launched"),
        ("config resources without tags", "Resources without a tag"),
        ("audit manager evidence that failed", "Evidence that did not comply"),
        ("users behind an insight", "Users behind Insights"),
    ],
)
def test_a_phrase_finds_its_sample_among_the_first_three(phrase: str, name: str) -> None:
    assert name in [found.sample.name for found in search(phrase)[:3]]


def test_the_most_relevant_come_first_and_nothing_is_beyond_one() -> None:
    found = [one.relevance for one in search("who deleted s3 buckets and iam users")]
    assert found == sorted(found, reverse=True)
    assert all(0 < one <= 1 for one in found)
    assert search("quantum bananas") == []


def test_words_that_nobody_has_make_everything_less_relevant() -> None:
    (best, *_), (worse, *_) = search("access keys created"), search("access keys created by zebras")
    assert best.relevance > worse.relevance


@pytest.mark.parametrize(
    "same",
    [
        ("created", "creating", "creates", "create"),
        ("policy", "policies"),
        ("denied", "denies", "deny"),
        ("login", "logins"),
        ("keys", "key"),
    ],
)
def test_forms_of_a_word_meet(same: tuple[str, ...]) -> None:
    assert len({stem(word) for word in same}) == 1


def test_names_of_apis_are_found_whole_and_by_their_words() -> None:
    assert words("CreateAccessKey") == ["createaccesskei", "creat", "access", "key"]


def test_a_rare_word_weighs_more_than_a_frequent_one() -> None:
    ranking = Ranking([["a", "b"], ["a", "c"], ["a", "d"]])
    (first, place), *rest = ranking.relevances(["a", "d"])
    assert place == 2
    assert first > rest[0][0]
