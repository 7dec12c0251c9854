"""Rules and subscription filters to Lambda functions behind `--upstream lambda=URL`: what arrives there, and what comes of its answers."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.clock import ManualClock
from opentrail.proxy import Upstreams
from opentrail.rules.values import InputTransformer, RetryPolicy, Target
from opentrail.server.subscription_destinations import SubscriptionDestinations
from opentrail.server.watching.upstream_functions import UpstreamFunctions
from opentrail.wire.faults import Fault
from simulators.event_targets import ACCOUNT, BUS, REGION, RulesWorld, queue
from simulators.filtered_logs import LAMBDA, FilteredLogs
from simulators.functions import SECRET, FakeLambda, lambda_endpoint
from simulators.kms import House as Account

FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:react"
DEAD = queue("dead")
AGAIN: list[tuple[int, str] | None] = [(429, "TooManyRequestsException"), (500, "ServiceException"), (503, "ServiceUnavailable"), None]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[FakeLambda]:
    with lambda_endpoint() as made:
        yield made


@pytest.fixture(scope="module")
def upstreams(endpoint: FakeLambda) -> Upstreams:
    return Upstreams.parse([f"lambda={endpoint.url}"], sandbox=None)


@pytest.fixture(scope="module")
def functions(upstreams: Upstreams) -> UpstreamFunctions:
    upstream = upstreams.find("lambda", "lambda")
    assert upstream is not None
    return UpstreamFunctions(upstream)


@pytest.fixture(scope="module")
def destinations(upstreams: Upstreams, tmp_path_factory: pytest.TempPathFactory) -> SubscriptionDestinations:
    account = Account(tmp_path_factory.mktemp("account"), ManualClock())
    return SubscriptionDestinations(upstreams, account.identities, account.clock)


@pytest.fixture(autouse=True)
def anew(endpoint: FakeLambda) -> Iterator[None]:
    for kept in (endpoint.tried, endpoint.taken, endpoint.answers, endpoint.always):
        kept.clear()
    endpoint.unsigned = 0
    yield
    assert endpoint.unsigned == 0


@pytest.fixture
def world(tmp_path: Path, functions: UpstreamFunctions) -> Iterator[RulesWorld]:
    made = RulesWorld(tmp_path, functions=functions)
    yield made
    made.database.close()


@pytest.fixture
def house(tmp_path: Path, destinations: SubscriptionDestinations) -> Iterator[FilteredLogs]:
    made = FilteredLogs(tmp_path, functions=destinations)
    yield made
    made.close()


def to_function(world: RulesWorld, arn: str = FUNCTION, **more: Any) -> None:
    world.rule("users", Target(rule_arn=BUS.rule_arn("users"), target_id="t", arn=arn, dead_letter_arn=DEAD, **more))


def test_a_rule_invokes_the_function_with_the_event(world: RulesWorld, endpoint: FakeLambda) -> None:
    to_function(world)
    world.happens("CreateUser")
    world.settle()
    (call,) = endpoint.taken
    assert (call.function, call.invocation_type, call.region) == (FUNCTION, "Event", REGION)
    assert {name: call.event[name] for name in ("source", "detail-type", "account", "region")} == {
        "source": "aws.iam", "detail-type": "AWS API Call via CloudTrail", "account": ACCOUNT, "region": REGION,
    }  # fmt: skip
    assert call.event["detail"]["eventName"] == "CreateUser"


def test_a_rule_invokes_the_function_with_what_the_transformer_makes(world: RulesWorld, endpoint: FakeLambda) -> None:
    to_function(
        world,
        transformer=InputTransformer(
            template='{"who": "<who>", "all": <all>}', paths={"who": "$.source", "all": "$.detail.requestParameters"}
        ),
    )
    world.happens("CreateUser")
    world.settle()
    assert endpoint.of(FUNCTION) == [{"who": "aws.iam", "all": {"number": 1}}]


def test_a_version_of_a_function_in_another_region_is_called_there(world: RulesWorld, endpoint: FakeLambda) -> None:
    there = f"arn:aws:lambda:eu-west-3:{ACCOUNT}:function:react:live"
    to_function(world, there)
    world.happens("CreateUser")
    world.settle()
    assert [(one.function, one.region) for one in endpoint.taken] == [(there, "eu-west-3")]


@pytest.mark.parametrize("answer", AGAIN, ids=str)
def test_what_may_work_later_is_tried_again(world: RulesWorld, endpoint: FakeLambda, answer: tuple[int, str] | None) -> None:
    to_function(world)
    endpoint.answers[FUNCTION] = [answer, answer]
    world.happens("CreateUser")
    world.pass_time(10)
    assert (len(endpoint.tried), len(endpoint.taken)) == (3, 1)
    assert world.endpoint.buried == []


@pytest.mark.parametrize(
    ("answer", "code"),
    [((429, "TooManyRequestsException"), "THROTTLING"), ((500, "ServiceException"), "ERROR_FROM_TARGET")],
)
def test_attempts_that_run_out_end_in_the_dead_letter_queue(
    world: RulesWorld, endpoint: FakeLambda, answer: tuple[int, str], code: str
) -> None:
    to_function(world, retry=RetryPolicy(attempts=2))
    endpoint.always[FUNCTION] = answer
    world.happens("CreateUser")
    world.pass_time(10)
    ((_, body, attributes),) = world.endpoint.buried
    assert json.loads(body)["detail"]["eventName"] == "CreateUser"
    assert (attributes["ERROR_CODE"], attributes["RETRY_ATTEMPTS"]) == (code, "2")
    assert attributes["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
    assert len(endpoint.tried) == 3


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((404, "ResourceNotFoundException"), "NO_RESOURCE"),
        ((403, "AccessDeniedException"), "NO_PERMISSIONS"),
        ((400, "InvalidParameterValueException"), "ERROR_FROM_TARGET"),
    ],
)
def test_what_never_works_goes_to_the_dead_letter_queue_at_once(
    world: RulesWorld, endpoint: FakeLambda, answer: tuple[int, str], code: str
) -> None:
    to_function(world)
    endpoint.always[FUNCTION] = answer
    world.happens("CreateUser")
    world.pass_time(10)
    ((_, _, attributes),) = world.endpoint.buried
    assert (attributes["ERROR_CODE"], attributes["RETRY_ATTEMPTS"], len(endpoint.tried)) == (code, "0", 1)
    assert attributes["TARGET_ARN"] == FUNCTION


def test_the_endpoint_takes_nothing_with_a_wrong_signature(endpoint: FakeLambda) -> None:
    upstream = Upstreams.parse([f"lambda={endpoint.url.replace(SECRET, 'another')}"], sandbox=None).find("lambda", "lambda")
    assert upstream is not None
    with pytest.raises(Fault) as fault:
        UpstreamFunctions(upstream).invoke(function_arn=FUNCTION, payload=b"{}", source_arn=BUS.rule_arn("users"))
    assert fault.value.code == "InvalidSignatureException"
    assert (endpoint.unsigned, endpoint.tried) == (1, [])
    endpoint.unsigned = 0


def unpacked(endpoint: FakeLambda) -> list[dict[str, Any]]:
    """What the function has taken of a subscription filter."""
    return [json.loads(gzip.decompress(base64.b64decode(one["awslogs"]["data"]))) for one in endpoint.of(LAMBDA)]


def messages(endpoint: FakeLambda) -> list[str]:
    return [event["message"] for one in unpacked(endpoint) if one["messageType"] == "DATA_MESSAGE" for event in one["logEvents"]]


def test_a_subscription_filter_invokes_the_function_with_what_matches(house: FilteredLogs, endpoint: FakeLambda) -> None:
    house.subscription("ERROR")
    house.put("ERROR ünd", "fine")
    house.deliver()
    control, data = unpacked(endpoint)
    assert control["messageType"] == "CONTROL_MESSAGE"
    assert (data["logGroup"], data["logStream"], data["subscriptionFilters"], data["owner"]) == ("app", "s", ["s"], ACCOUNT)
    assert [event["message"] for event in data["logEvents"]] == ["ERROR ünd"]
    assert {(one.invocation_type, one.region) for one in endpoint.taken} == {("Event", REGION)}
    assert list(endpoint.of(LAMBDA)[1]) == ["awslogs"]


@pytest.mark.parametrize("answer", [*AGAIN, (404, "ResourceNotFoundException"), (403, "AccessDeniedException")], ids=str)
def test_a_function_that_takes_nothing_loses_nothing(house: FilteredLogs, endpoint: FakeLambda, answer: tuple[int, str] | None) -> None:
    house.subscription("")
    endpoint.answers[LAMBDA] = [answer, answer]
    house.put("1")
    house.deliver()
    house.put("2")
    for _ in range(3):
        house.clock.advance(60)
        house.deliver()
    assert messages(endpoint) == ["1", "2"]
    kind = "DeliveryThrottling" if answer is not None and answer[0] == 429 else "DeliveryErrors"
    failed, went_out = house.told.names[:2], house.told.names[2:]
    assert [told.split()[0] for told in failed] == [f"AWS/Logs/{kind}"] * 2
    assert [told.split()[0] for told in went_out] == ["AWS/Logs/ForwardedBytes", "AWS/Logs/ForwardedLogEvents"] * 2


def test_a_payload_that_the_function_cannot_take_is_given_up(house: FilteredLogs, endpoint: FakeLambda) -> None:
    house.subscription("")
    endpoint.answers[LAMBDA] = [(413, "RequestEntityTooLargeException")]
    house.put("1")
    house.deliver()
    house.put("2")
    house.deliver()
    assert messages(endpoint) == ["2"]
    assert house.delivering.counts()["subscription_payloads_given_up"] == 1


@pytest.mark.parametrize("answer", [(404, "ResourceNotFoundException"), None], ids=str)
def test_no_filter_is_put_for_a_function_that_does_not_answer_the_control_message(
    house: FilteredLogs, endpoint: FakeLambda, answer: tuple[int, str] | None
) -> None:
    endpoint.answers[LAMBDA] = [answer]
    with pytest.raises(Exception, match="function"):
        house.subscription("")
    assert house.subscription_filters.list(ACCOUNT, REGION, "app", limit=10) == []
