"""The catalogue: what is known before a model is read, what is read when, and what is let go again."""

from __future__ import annotations

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from opentrail.wire.models import Catalogue
from opentrail.wire.parse import parse
from opentrail.wire.query_names import QUERY_CODES, QUERY_NAMES
from unit.wire.protocol_calls import json_call

CATALOGUE = Catalogue()


def test_services_of_the_house() -> None:
    for name in ("s3", "sts", "iam", "organizations", "kms", "sns", "sqs", "logs", "cloudwatch", "events", "cloudformation", "cloudtrail"):
        service = CATALOGUE.service(name)
        assert service.operation_names
        assert service.protocol == CATALOGUE.listings[name].protocols[0]


PROTOCOLS = [
    ("cloudtrail", ("json",)),
    ("cloudtrail-data", ("rest-json",)),
    ("s3", ("rest-xml",)),
    ("iam", ("query",)),
    ("ec2", ("ec2",)),
    ("sqs", ("json", "query")),
    ("cloudwatch", ("json", "smithy-rpc-v2-cbor", "query")),
]


@pytest.mark.parametrize(("name", "protocols"), PROTOCOLS)
def test_protocols(name: str, protocols: tuple[str, ...]) -> None:
    assert CATALOGUE.listings[name].protocols == protocols


def test_facts_of_a_service() -> None:
    service = CATALOGUE.service("cloudwatch")
    facts = (service.signing_name, service.endpoint_prefix, service.event_source, service.api_version, service.json_version)
    assert facts == ("monitoring", "monitoring", "monitoring.amazonaws.com", "2010-08-01", "1.0")


def test_streaming() -> None:
    s3 = CATALOGUE.service("s3")
    streams = [
        (name, s3.operation(name).streaming_input, s3.operation(name).streaming_output)
        for name in ("PutObject", "GetObject", "PutBucketPolicy")
    ]
    assert streams == [("PutObject", True, False), ("GetObject", False, True), ("PutBucketPolicy", False, False)]
    assert not CATALOGUE.service("lambda").operation("Invoke").streaming_input


def test_unknown_names() -> None:
    with pytest.raises(KeyError):
        CATALOGUE.service("nothing")
    with pytest.raises(KeyError):
        CATALOGUE.service("iam").operation("Nothing")
    with pytest.raises(ValueError, match="does not speak"):
        CATALOGUE.service("iam", "json")


def test_the_same_service_in_two_protocols_is_two_values() -> None:
    assert CATALOGUE.service("sqs") is CATALOGUE.service("sqs", "json")
    assert CATALOGUE.service("sqs") is not CATALOGUE.service("sqs", "query")
    assert CATALOGUE.service("sqs") is not CATALOGUE.service("sqs", query_mode=True)


def test_models_are_let_go_again() -> None:
    small = Catalogue(keep=2)
    first = small.service("sts")
    for name in ("sts", "sns", "sts"):
        small.service(name)
    assert small.service("sts") is first
    small.service("sqs")
    small.service("kms")
    assert small.service("sts") is not first
    assert first.operation("GetCallerIdentity").name == "GetCallerIdentity"


def test_documentation_is_not_kept() -> None:
    assert '"documentation":' not in json.dumps(CATALOGUE.service("sts").description)


def write_model(folder: Path, metadata: dict[str, Any], *, first: dict[str, Any] | None = None) -> None:
    path = folder / "thing" / "2020-01-01" / "service-2.json.gz"
    path.parent.mkdir(parents=True)
    model = {**(first or {}), "metadata": metadata, "operations": {"Do": {"name": "Do", "http": {}}}, "shapes": {}}
    path.write_bytes(gzip.compress(json.dumps(model).encode()))


METADATA = {"apiVersion": "2020-01-01", "endpointPrefix": "thing", "protocol": "json", "targetPrefix": "a.b.Thing", "jsonVersion": "1.1"}


@pytest.mark.parametrize("first", [None, {"version": "2.0", "filler": "x" * 20_000}])
def test_metadata_is_found_wherever_it_stands(tmp_path: Path, first: dict[str, Any] | None) -> None:
    write_model(tmp_path, METADATA, first=first)
    listing = Catalogue(tmp_path).listings["thing"]
    assert (listing.version, listing.target, listing.signing_name, listing.protocols) == ("2020-01-01", "Thing", "thing", ("json",))


def test_compiling_from_many_threads_gives_one_answer() -> None:
    body = b'{"TableName":"t","Item":{"a":{"L":[{"M":{"b":{"S":"x"}}}]}}}'
    routes = [json_call("dynamodb", "PutItem", body) for _ in range(16)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(parse, routes))
    assert all(answer == {"TableName": "t", "Item": {"a": {"L": [{"M": {"b": {"S": "x"}}}]}}} for answer in answers)


def test_query_names_stand_for_what_the_model_has() -> None:
    for name, names in QUERY_NAMES.items():
        shapes = CATALOGUE.service(name).description["shapes"]
        for path in names:
            shape, member = path.split(".")
            assert member in shapes[shape].get("members", shapes[shape]), path
    for name, codes in QUERY_CODES.items():
        assert codes.keys() <= CATALOGUE.service(name).description["shapes"].keys()


def test_a_service_that_is_first_spoken_to_in_query_keeps_its_names_in_json() -> None:
    catalogue = Catalogue()
    member = {
        name: catalogue.service("sqs", name).model.shape_for("SetQueueAttributesRequest").members["Attributes"]
        for name in ("query", "json")
    }
    assert member["query"].serialization["name"] == "Attribute"
    assert "name" not in member["json"].serialization
