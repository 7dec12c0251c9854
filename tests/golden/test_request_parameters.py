"""boto3 call → `requestParameters`, as CloudTrail prints them.

`requests.jsonl` holds pairs learnt from delivered log files and from the records on the services' CloudTrail pages, with invented accounts,
names and ids: a new pair is a new line. Each call
is made with botocore's own client, caught before it is sent, routed and parsed by `wire`, and described. `{"$time": …}` is an instant.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config

from opentrail.identity.principals import Principal
from opentrail.recorder import Observation, Recorder
from opentrail.wire import sigv4
from opentrail.wire.http import Headers, Request
from opentrail.wire.models import Catalogue
from opentrail.wire.parse import parse
from opentrail.wire.routing import Route, Router

PAIRS = [json.loads(line) for line in (Path(__file__).parent / "requests.jsonl").read_text().splitlines()]
ACCOUNT = "111122223333"
CALLER = Principal(
    type="IAMUser",
    account_id=ACCOUNT,
    principal_id="AIDAEXAMPLEUSER00001",
    arn=f"arn:aws:iam::{ACCOUNT}:user/ana",
    access_key_id="AKIAEXAMPLEKEY000002",
    user_name="ana",
)
CANARY = "SECRET-CANARY"


class Caught(Exception):
    """The request, before it leaves."""

    def __init__(self, request: AWSPreparedRequest) -> None:
        super().__init__(request.url)
        self.request = request


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue()


@pytest.fixture(scope="module")
def router(catalogue: Catalogue) -> Router:
    return Router(catalogue)


@pytest.fixture(scope="module")
def recorder(catalogue: Catalogue) -> Recorder:
    return Recorder(catalogue)


def _catch(request: AWSPreparedRequest, **_: Any) -> None:
    raise Caught(request)


@functools.lru_cache(maxsize=4)
def _client(service: str) -> Any:
    session = botocore.session.get_session()
    session.set_credentials(CALLER.access_key_id, "secret")
    client = session.create_client(
        service,
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:4747",
        config=Config(inject_host_prefix=False, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )
    client.meta.events.register("before-send.*.*", _catch)
    return client


def _sent(service: str, operation: str, parameters: Mapping[str, Any]) -> Request:
    with pytest.raises(Caught) as caught:
        _client(service)._make_api_call(operation, dict(parameters))
    made = caught.value.request
    url = urlsplit(made.url)
    body: Any = made.body or b""
    headers: Any = made.headers
    lines = [(name, value.decode("latin-1") if isinstance(value, bytes) else str(value)) for name, value in headers.items()]
    return Request(
        method=made.method,
        path=url.path or "/",
        query=url.query,
        headers=Headers(lines),
        body=body.encode() if isinstance(body, str) else bytes(body),
    )


def _revived(value: Any) -> Any:
    if isinstance(value, dict):
        return datetime.fromisoformat(value["$time"]) if set(value) == {"$time"} else {key: _revived(item) for key, item in value.items()}
    return [_revived(item) for item in value] if isinstance(value, list) else value


def _parsed(route: Route, given: Mapping[str, Any]) -> dict[str, Any]:
    """What arrived, without the tokens that the client made up."""
    shape = route.operation.model.input_shape
    made_up = {member for member, inner in shape.members.items() if inner.metadata.get("idempotencyToken")} if shape else set()
    return {member: value for member, value in parse(route).items() if member in given or member not in made_up}


@pytest.mark.parametrize("pair", PAIRS, ids=[f"{number}-{pair['service']}-{pair['operation']}" for number, pair in enumerate(PAIRS, 1)])
def test_a_call_is_printed_as_cloudtrail_prints_it(pair: dict[str, Any], router: Router, recorder: Recorder) -> None:
    request = _sent(pair["service"], pair["operation"], _revived(pair["parameters"]))
    route = router.route(request, scope=sigv4.scope_of(request))
    assert route.operation.name in (pair["operation"], *_TWINS.get(pair["operation"], ()))
    described = recorder.describe(
        Observation(
            service=pair["service"],
            operation=pair["operation"],
            principal=CALLER,
            account_id=ACCOUNT,
            region="us-east-1",
            request_id="r-1",
            source_ip="198.51.100.20",
            user_agent="boto3",
            time=1_767_607_872.0,
            parameters=_parsed(route, pair["parameters"]),
            result={},
            host=pair.get("host", ""),
            headers=request.headers,
        )
    )
    assert described is not None
    assert CANARY.encode() not in described
    record = json.loads(described)
    assert record["requestParameters"] == pair["expected"]
    assert [record["eventSource"], record["eventName"]] == pair["event"]


_TWINS = {
    # the model has two operations for one request
    "GetBucketLifecycleConfiguration": ("GetBucketLifecycle",),
    "PutBucketLifecycleConfiguration": ("PutBucketLifecycle",),
}


def _events() -> Iterator[tuple[str, str]]:
    for pair in PAIRS:
        yield pair["event"][0], pair["event"][1]


def test_the_pairs_cover_many_operations() -> None:
    assert len(set(_events())) >= 240
