"""Which files are taken, told by their keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.lake.families import Family
from opentrail.lake.faults import InvalidImportSourceException
from opentrail.lake.imports.finding import files, prefixes
from opentrail.lake.imports.layout import Period, Scope, date_of
from opentrail.lake.imports.location import Location, check_region, location, role_account
from simulators.lake_imports import MemorySource, log_key

ORGANIZATION = "AWSLogs/o-exampleorg1/444455556666/CloudTrail/eu-west-1/2026/01/05/"
CONFIG = "AWSLogs/111122223333/Config/us-east-1/2026/1/5/ConfigHistory/"
CONFIG_NAME = "111122223333_Config_us-east-1_ConfigHistory_AWS::S3::Bucket_20260105T000000Z_20260105T060000Z_1.json.gz"


@pytest.mark.parametrize(
    ("family", "prefix", "key", "taken"),
    [
        (Family.EVENTS, "", log_key(1), True),
        (Family.EVENTS, "", ORGANIZATION + "444455556666_CloudTrail_eu-west-1_20260105T1020Z_Zz9Yy8Xx7Ww6Vv5U.json.gz", True),
        (Family.EVENTS, "", "some/prefix/" + log_key(1), True),
        (Family.EVENTS, "", log_key(1, folder="CloudTrail-Insight"), False),
        (Family.EVENTS, "", log_key(1, folder="CloudTrail-Digest"), False),
        (Family.EVENTS, "", CONFIG + CONFIG_NAME, False),
        (Family.EVENTS, "", "AWSLogs/111122223333/vpcflowlogs/us-east-1/2026/01/05/x.json.gz", False),
        (Family.EVENTS, "", "elsewhere/x.json.gz", False),
        (Family.EVENTS, "elsewhere/", "elsewhere/x.json.gz", True),
        (Family.EVENTS, "elsewhere/", "elsewhere/111122223333_CloudTrail-Digest_us-east-1_t_us-east-1_20260105T110000Z.json.gz", False),
        (Family.EVENTS, "AWSLogs/111122223333/CloudTrail-Insight/", log_key(1, folder="CloudTrail-Insight"), True),
        (Family.EVENTS, "", log_key(1).removesuffix(".gz"), False),
        (Family.EVENTS, "", "AWSLogs/111122223333/CloudTrail/", False),
        (Family.INSIGHTS, "", log_key(1, folder="CloudTrail-Insight"), True),
        (Family.INSIGHTS, "", log_key(1), False),
        (Family.CONFIGURATION, "", CONFIG + CONFIG_NAME, True),
        (Family.CONFIGURATION, "", log_key(1), False),
    ],
)
def test_a_key_is_taken_where_its_folder_is_meant(family: Family, prefix: str, key: str, taken: bool) -> None:
    assert Scope(family=family, prefix=prefix).takes(key) is taken


def test_a_directory_may_hold_plain_files_without_folders() -> None:
    scope = Scope(family=Family.EVENTS, local=True)
    assert scope.takes("218007301253_CloudTrail_us-east-1_20230710T1145Z_7xgocspSowgK0Gto.json")
    assert not scope.takes("218007301253_CloudTrail-Digest_us-east-1_t_us-east-1_20230710T110000Z.json.gz")
    assert not scope.takes("218007301253_CloudTrail_us-east-1_20230710T1145Z_x.json.gz.metadata.json")


def test_the_name_of_a_file_tells_its_minute_and_its_folders_the_day() -> None:
    assert date_of("x/111122223333_CloudTrail_us-east-1_20260105T1015Z_aB3dE5gH7jK9mN1p.json.gz") == Period(1767608100.0, 1767608159.0)
    assert date_of("logs/2026/1/5/ConfigSnapshot/x.json.gz") == Period(1767571200.0, 1767657599.0)
    assert date_of("logs/2026/13/45/x.json.gz") is None
    assert date_of("x.json.gz") is None


def test_a_list_begins_and_ends_near_the_window() -> None:
    keys = {log_key(1, day=f"2026/01/{day:02}"): b"" for day in range(1, 31)}
    folder = "AWSLogs/111122223333/CloudTrail/us-east-1/"
    scope = Scope(family=Family.EVENTS, start=1768003200.0, end=1768089599.0)  # 2026-01-10
    asked: list[tuple[str, str]] = []

    class Watched(MemorySource):
        def list(self, prefix: str, after: str = ""):  # type: ignore[no-untyped-def]
            asked.append((prefix, after))
            return super().list(prefix, after)

    assert list(files(Watched(keys), scope, folder)) == [log_key(1, day="2026/01/10")]
    assert asked == [(folder, folder + "2026/01/09")]


def test_prefixes_are_found_below_trails_prefixes_and_organizations() -> None:
    there = [log_key(1), "team/logs/" + log_key(1, region="eu-west-1"), ORGANIZATION + "x.json.gz", "photos/2026/cat.jpg"]
    there += [log_key(1, folder="CloudTrail-Digest"), "AWSLogs/111122223333/Config/us-east-1/2026/1/5/x.json.gz", "AWSLogs/stranger/x.gz"]
    source = MemorySource(dict.fromkeys(there, b""))
    assert sorted(prefixes(source, Scope(family=Family.EVENTS))) == [
        "AWSLogs/111122223333/CloudTrail/us-east-1/",
        "AWSLogs/o-exampleorg1/444455556666/CloudTrail/eu-west-1/",
        "team/logs/AWSLogs/111122223333/CloudTrail/eu-west-1/",
    ]
    assert list(prefixes(source, Scope(family=Family.EVENTS, prefix="team/"))) == ["team/logs/AWSLogs/111122223333/CloudTrail/eu-west-1/"]
    assert list(prefixes(source, Scope(family=Family.EVENTS, prefix="photos/"))) == ["photos/"]
    assert list(prefixes(source, Scope(family=Family.CONFIGURATION))) == ["AWSLogs/111122223333/Config/us-east-1/"]
    assert list(prefixes(MemorySource(), Scope(family=Family.EVENTS))) == []


def test_a_location_is_a_bucket_or_a_folder_of_it() -> None:
    assert location("s3://example-logs") == location("s3://example-logs/") == Location("example-logs", "")
    assert location("s3://example-logs/AWSLogs/111122223333/CloudTrail").prefix == "AWSLogs/111122223333/CloudTrail/"
    assert location(f"s3://example-logs/{log_key(1)}").prefix == log_key(1)


@pytest.mark.parametrize("uri", ["", "s3://", "s3://x", "file:///etc", "https://example.com/x", "s3://Upper-Case", "s3://b\0ucket/x"])
def test_what_is_no_location_is_refused(uri: str) -> None:
    with pytest.raises(InvalidImportSourceException):
        location(uri)


@pytest.mark.parametrize("arn", ["", "role", "arn:aws:iam::111122223333:user/anna", "arn:aws:iam::1:role/x"])
def test_what_is_no_role_or_region_is_refused(arn: str) -> None:
    with pytest.raises(InvalidImportSourceException):
        role_account(arn)
    with pytest.raises(InvalidImportSourceException):
        check_region(arn)


@given(st.text(), st.text(), st.sampled_from(Family))
def test_no_key_is_too_strange(prefix: str, key: str, family: Family) -> None:
    if family in (Family.EVENTS, Family.INSIGHTS, Family.CONFIGURATION):
        scope = Scope(family=family, prefix=prefix, start=1.0e9, end=4.0e11)
        assert scope.takes(key + "\n") is False
        assert isinstance(scope.takes(key + ".json.gz"), bool)
        assert scope.first_key(prefix).startswith(prefix) or scope.first_key(prefix) == ""
