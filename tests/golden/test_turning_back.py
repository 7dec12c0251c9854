"""What `scripts/record-fidelity` stands on: printed parameters, turned back into a call, are printed the same again."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from opentrail.identity.principals import Principal
from opentrail.recorder import Observation, Recorder
from opentrail.wire.models import Catalogue

sys.path.append(str(Path(__file__).parents[2] / "scripts"))

from fidelity import inverse, inverse_ec2, inverse_s3
from fidelity.replay import ALWAYS_PRINTED

PAIRS = [json.loads(line) for line in (Path(__file__).parent / "requests.jsonl").read_text().splitlines()]
NOT_BACK = {
    # records of these leave out how the call was made: which attributes are an item, what a statement was, where a transaction put things
    "dynamodb",
}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue(keep=4)


@pytest.fixture(scope="module")
def recorder(catalogue: Catalogue) -> Recorder:
    return Recorder(catalogue)


@pytest.mark.parametrize("pair", PAIRS, ids=[f"{number}-{pair['service']}-{pair['operation']}" for number, pair in enumerate(PAIRS, 1)])
def test_what_is_turned_back_is_printed_the_same_again(pair: dict[str, Any], catalogue: Catalogue, recorder: Recorder) -> None:
    service, expected = pair["service"], pair["expected"]
    operation = catalogue.service(service).model.operation_model(pair["operation"])
    if service == "ec2":
        turned = inverse_ec2.turned(operation, expected)
    elif service in ("s3", "s3control"):
        turned = inverse_s3.turned(operation, expected, "111122223333")
    else:
        turned = inverse.turned(operation, expected)
    if service in NOT_BACK and set(turned.unknown) <= {"requestItems"}:
        return
    assert set(turned.unknown) - ALWAYS_PRINTED == set()
    described = recorder.describe(
        Observation(
            service=service,
            operation=pair["operation"],
            principal=Principal(type="Root", account_id="111122223333", principal_id="111122223333", access_key_id="AKIAEXAMPLE"),
            account_id="111122223333",
            region="us-east-1",
            request_id="r-1",
            source_ip="198.51.100.20",
            user_agent="boto3",
            time=0.0,
            parameters=turned.parameters,
            result={},
            host=pair.get("host", ""),
        )
    )
    assert described is not None
    assert json.loads(described)["requestParameters"] == expected
