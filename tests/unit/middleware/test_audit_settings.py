"""A client set up by arguments and environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opentrail.errors import SettingError
from opentrail.middleware import AuditSettings, Keys

WHOLE = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:4747",
    "AWS_ACCESS_KEY_ID": "AKIA",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "HOME": "/home/app",
}


def test_the_environment_of_aws_tools_is_enough() -> None:
    found = AuditSettings.from_environment(WHOLE)
    assert (found.endpoint, found.keys, found.region) == ("http://127.0.0.1:4747", Keys("AKIA", "secret"), "us-east-1")
    assert found.spool == Path("/home/app/.local/state/opentrail/audit-spool")
    assert found.source


def test_arguments_come_before_the_environment() -> None:
    more = {**WHOLE, "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "x", "OPENTRAIL_EVENT_SOURCE": "env", "OPENTRAIL_CHANNEL": "c"}
    found = AuditSettings.from_environment(more, endpoint="https://trail.example.com/base", source="given", spool="/var/spool/x")
    assert (found.endpoint, found.source, found.spool) == ("https://trail.example.com/base", "given", Path("/var/spool/x"))
    assert (found.region, found.channel) == ("eu-west-1", "c")


def test_the_services_own_endpoint_comes_first() -> None:
    found = AuditSettings.from_environment({**WHOLE, "AWS_ENDPOINT_URL_CLOUDTRAIL_DATA": "http://other:1", "AWS_SESSION_TOKEN": "t"})
    assert found.endpoint == "http://other:1"
    assert found.current_keys().session_token == "t"


SPOOLS = [
    ({"OPENTRAIL_AUDIT_SPOOL": "/srv/spool"}, Path("/srv/spool")),
    ({"OPENTRAIL_AUDIT_SPOOL": "off"}, None),
    ({"XDG_STATE_HOME": "/state"}, Path("/state/opentrail/audit-spool")),
    ({"HOME": ""}, None),
]


@pytest.mark.parametrize(("more", "spool"), SPOOLS)
def test_where_events_wait(more: dict[str, str], spool: Path | None) -> None:
    assert AuditSettings.from_environment({**WHOLE, **more}).spool == spool
    assert AuditSettings.from_environment({**WHOLE, **more}, spool=None).spool is None


WRONG = [
    ({"AWS_ENDPOINT_URL": ""}, {}, "AWS_ENDPOINT_URL"),
    ({"AWS_ACCESS_KEY_ID": ""}, {}, "AWS_ACCESS_KEY_ID"),
    ({"AWS_SECRET_ACCESS_KEY": ""}, {}, "AWS_SECRET_ACCESS_KEY"),
    ({}, {"endpoint": "127.0.0.1:4747"}, "http://HOST:PORT"),
    ({}, {"endpoint": "ftp://x"}, "http://HOST:PORT"),
    ({}, {"queue_events": 0}, "queue_events"),
    ({}, {"timeout": -1.0}, "timeout"),
]


@pytest.mark.parametrize(("environment", "given", "says"), WRONG)
def test_what_cannot_be_used_is_refused_at_the_start(environment: dict[str, str], given: dict[str, object], says: str) -> None:
    with pytest.raises(SettingError, match=says) as caught:
        AuditSettings.from_environment({**WHOLE, **environment}, **given)
    assert "secret" not in str(caught.value)


def test_every_variable_is_in_the_guide() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "how-to" / "record-your-own-application.md").read_text()
    asked: set[str] = set()

    class Watched(dict[str, str]):
        def get(self, name: str, default: Any = None) -> Any:
            asked.add(name)
            return super().get(name, default)

    AuditSettings.from_environment(Watched(WHOLE))
    assert {name for name in asked if f"`{name}`" not in guide} <= {"HOME", "XDG_STATE_HOME"}
    assert "OPENTRAIL_AUDIT_SPOOL" in asked
