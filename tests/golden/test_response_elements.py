"""Result → `responseElements`, as CloudTrail prints them (`responses.jsonl`; same making as `requests.jsonl`)."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from opentrail.identity.principals import Principal
from opentrail.recorder import Observation, Recorder
from opentrail.wire.models import Catalogue

PAIRS = [json.loads(line) for line in (Path(__file__).parent / "responses.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def recorder() -> Recorder:
    return Recorder(Catalogue())


def _revived(value: Any) -> Any:
    if isinstance(value, dict):
        return datetime.fromisoformat(value["$time"]) if set(value) == {"$time"} else {key: _revived(item) for key, item in value.items()}
    return [_revived(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("pair", PAIRS, ids=[f"{number}-{pair['service']}-{pair['operation']}" for number, pair in enumerate(PAIRS, 1)])
def test_a_result_is_printed_as_cloudtrail_prints_it(pair: dict[str, Any], recorder: Recorder) -> None:
    described = recorder.describe(
        Observation(
            service=pair["service"],
            operation=pair["operation"],
            principal=Principal(type="Root", account_id="111122223333", principal_id="111122223333", access_key_id="AKIAEXAMPLE"),
            account_id="111122223333",
            region="us-east-1",
            request_id=pair["request_id"],
            source_ip="198.51.100.20",
            user_agent="boto3",
            time=1_767_607_872.0,
            parameters={},
            result=_revived(pair["result"]),
        )
    )
    assert described is not None
    assert b"SECRET-CANARY" not in described
    assert json.loads(described)["responseElements"] == pair["expected"]
