"""The table of settings: what wins, what is refused, and that the documentation says the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from opentrail.config import described, load
from opentrail.errors import SettingError

ROOT = Path(__file__).parents[3]


def test_the_defaults_are_the_contract() -> None:
    settings = load()
    assert settings.trails.delivery_interval == 60.0
    assert settings.trails.digest_interval == 3600.0
    assert settings.history.retention == 90.0
    assert settings.journal.sync == "full"
    assert settings.lake.commit_interval == 60.0
    assert settings.sandbox.enabled is False
    assert settings.identity.open is False


def test_the_command_line_wins_over_the_environment_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "opentrail.toml"
    file.write_text('[trails]\ndelivery_interval = 1\ndigest_interval = 10\n[journal]\nsync = "normal"\n[identity]\nopen = true\n')
    environment = {"OPENTRAIL_TRAILS_DELIVERY_INTERVAL": "2", "OPENTRAIL_TRAILS_DIGEST_INTERVAL": "20", "UNRELATED": "x"}
    settings = load(assignments=["trails.delivery_interval=3"], environment=environment, file=file)
    assert (settings.trails.delivery_interval, settings.trails.digest_interval) == (3.0, 20.0)
    assert settings.journal.sync == "normal"
    assert settings.identity.open is True


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("trails.delivery_interval", "section.key=value"),
        ("trails.delivery=1", "no setting trails.delivery"),
        ("nonsense=1", "no setting nonsense"),
        ("trails.delivery_interval=soon", "not a number"),
        ("trails.delivery_interval=nan", "below 0.1"),
        ("trails.delivery_interval=-1", "below 0.1"),
        ("journal.max_bytes=1.5", "not a whole number"),
        ("sandbox.enabled=perhaps", "not a true or false"),
        ("journal.sync=sometimes", "none of full, normal"),
    ],
)
def test_what_cannot_be_used_is_named(assignment: str, words: str) -> None:
    with pytest.raises(SettingError) as caught:
        load(assignments=[assignment])
    assert words in str(caught.value)
    assert assignment.partition("=")[0] in str(caught.value)


@pytest.mark.parametrize("text", ["not toml [", "trails = 1", "[trails]\nunknown = 1"])
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "opentrail.toml"
    file.write_text(text)
    with pytest.raises(SettingError):
        load(file=file)


def test_every_setting_is_in_the_reference_as_it_is_in_the_table() -> None:
    reference = (ROOT / "docs" / "reference" / "settings.md").read_text()
    for row in described():
        choices = f" ({', '.join(row.choices)})" if row.choices else ""
        default = str(row.default).lower() if isinstance(row.default, bool) else str(row.default)
        assert f"| `{row.name}` | `{default}` | {row.unit} | {row.sentence}{choices} |" in reference
