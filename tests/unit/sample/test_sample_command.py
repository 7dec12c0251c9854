"""`opentrail sample`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from opentrail.cli.verbs import command
from opentrail.lake.sample import BadPlan

RUNNER = CliRunner()


def test_it_says_where_the_files_are(tmp_path: Path) -> None:
    done = RUNNER.invoke(command(["sample", "env"]), ["sample", str(tmp_path / "new"), "--events", "10", "--until", "2026-01-05"])
    assert done.exit_code == 0
    told = json.loads((tmp_path / "new" / "sample.json").read_text())
    assert done.stdout.startswith(f"{told['events']} events in {told['files']} log files below {tmp_path}/new/AWSLogs")
    assert (told["from"], told["until"]) == ("2026-01-03T00:00:00Z", "2026-01-06T00:00:00Z")


def test_as_json(tmp_path: Path) -> None:
    done = RUNNER.invoke(
        command(["sample", "env"]), ["sample", str(tmp_path / "new"), "--events", "10", "--days", "1", "--accounts", "1", "--json"]
    )
    assert json.loads(done.stdout)["files"] == len(list(tmp_path.rglob("*.json.gz")))


@pytest.mark.parametrize("until", ["tomorrow", "2026-02-30", "9999-12-31"])
def test_a_day_that_is_none(tmp_path: Path, until: str) -> None:
    done = RUNNER.invoke(command(["sample", "env"]), ["sample", str(tmp_path / "new"), "--until", until])
    assert isinstance(done.exception, BadPlan)
    assert not (tmp_path / "new").exists()
