"""Evaluation: by the clock and at once, each change told once, whatever the clock does and whenever the watch dies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from opentrail.monitoring.alarms import evaluating
from opentrail.monitoring.alarms.evaluating import Evaluating
from opentrail.monitoring.alarms.settings import Watched
from opentrail.monitoring.metrics.faults import InvalidFormatFault
from opentrail.wire.faults import Fault
from simulators.alarms import ACCOUNT, REGION, START, TOPIC_ARN, AlarmHouse


@pytest.fixture
def house(tmp_path: Path) -> AlarmHouse:
    return AlarmHouse(tmp_path)


def test_a_new_alarm_is_judged_at_once(house: AlarmHouse) -> None:
    assert house.alarm().state == "INSUFFICIENT_DATA"
    assert house.get().reason == "Unchecked: Initial alarm creation"
    assert house.alarm(AlarmName="quiet", TreatMissingData="notBreaching").state == "OK"
    assert house.alarm(AlarmName="loud", TreatMissingData="breaching").state == "ALARM"
    assert house.topics.states() == ["ALARM"]


def test_an_alarm_is_seen_at_once_and_told_once(house: AlarmHouse) -> None:
    house.alarm()
    house.pass_(12)
    house.put()
    house.work()
    assert house.state() == "ALARM"
    assert house.get().transitioned == START + 12
    house.put()
    house.pass_(170)
    assert house.state() == "ALARM"
    assert house.topics.states() == ["ALARM"]
    assert house.history("StateUpdate") == ["Alarm updated from INSUFFICIENT_DATA to ALARM"]
    assert house.history("Action") == [f"Successfully executed action {TOPIC_ARN}"]
    house.pass_(60)
    assert house.state() == "INSUFFICIENT_DATA"
    assert house.get().reason == "Insufficient Data: 1 datapoint was unknown."
    assert house.topics.states() == ["ALARM"]


def test_the_message_is_the_documented_one(house: AlarmHouse) -> None:
    house.alarm(TreatMissingData="notBreaching", Dimensions=[{"Name": "b", "Value": "2"}, {"Name": "a", "Value": "1"}])
    house.put(2.5, Dimensions=[{"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}])
    house.clock.advance(0.345)
    house.work()
    (told,) = house.topics.sent
    arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:root-usage"
    assert (told["subject"], told["source"], told["account"]) == ('ALARM: "root-usage" in US East (N. Virginia)', arn, ACCOUNT)
    assert told["message"] == {
        "AlarmName": "root-usage",
        "AlarmDescription": None,
        "AWSAccountId": ACCOUNT,
        "AlarmConfigurationUpdatedTimestamp": "2026-01-05T10:10:00.000+0000",
        "NewStateValue": "ALARM",
        "NewStateReason": "Threshold Crossed: 1 out of the last 1 datapoints [2.5 (05/01/26 10:10:00)] was greater than or equal to the "
        "threshold (1.0) (minimum 1 datapoint for OK -> ALARM transition).",
        "StateChangeTime": "2026-01-05T10:10:00.345+0000",
        "Region": "US East (N. Virginia)",
        "AlarmArn": arn,
        "OldStateValue": "OK",
        "OKActions": [],
        "AlarmActions": [TOPIC_ARN],
        "InsufficientDataActions": [],
        "Trigger": {
            "MetricName": "RootUsage",
            "Namespace": "CISBenchmark",
            "StatisticType": "Statistic",
            "Statistic": "SUM",
            "Unit": None,
            "Dimensions": [{"value": "1", "name": "a"}, {"value": "2", "name": "b"}],
            "Period": 60,
            "EvaluationPeriods": 1,
            "DatapointsToAlarm": 1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "Threshold": 1.0,
            "TreatMissingData": "notBreaching",
            "EvaluateLowSampleCountPercentile": "",
        },
    }
    data = json.loads(house.get().reason_data or "")
    assert data["recentDatapoints"] == [2.5]
    assert data["evaluatedDatapoints"] == [{"timestamp": "2026-01-05T10:10:00.000+0000", "sampleCount": 1.0, "value": 2.5}]
    assert (data["statistic"], data["period"], data["threshold"]) == ("Sum", 60, 1.0)


def test_each_change_is_an_event_for_the_bus(house: AlarmHouse) -> None:
    house.alarm(AlarmDescription="who is root?")
    house.put()
    house.work()
    (event,) = house.bus.events
    assert (event["source"], event["detail-type"]) == ("aws.cloudwatch", "CloudWatch Alarm State Change")
    assert event["resources"] == [house.get().arn]
    assert (event["detail"]["previousState"]["value"], event["detail"]["state"]["value"]) == ("INSUFFICIENT_DATA", "ALARM")
    (metric,) = event["detail"]["configuration"]["metrics"]
    assert metric["metricStat"]["stat"] == "Sum"
    assert metric["metricStat"]["metric"] == {"namespace": "CISBenchmark", "name": "RootUsage", "dimensions": {}}


@pytest.mark.parametrize(
    ("settings", "value", "at_once"),
    [
        ({}, 1.0, "ALARM"),
        ({"Statistic": "Maximum"}, 1.0, "ALARM"),
        ({"Statistic": "SampleCount"}, -9.0, "ALARM"),
        ({"Statistic": "Average"}, 1.0, "INSUFFICIENT_DATA"),
        ({"Statistic": "Minimum"}, 1.0, "INSUFFICIENT_DATA"),
        ({"Statistic": "Minimum", "ComparisonOperator": "LessThanThreshold"}, 0.5, "ALARM"),
        ({"Statistic": "Sum", "ComparisonOperator": "LessThanOrEqualToThreshold"}, 1.0, "INSUFFICIENT_DATA"),
        ({"Statistic": None, "ExtendedStatistic": "p99"}, 1.0, "INSUFFICIENT_DATA"),
        ({"ComparisonOperator": "GreaterThanThreshold"}, 1.0, "INSUFFICIENT_DATA"),
    ],
)
def test_only_what_more_data_cannot_undo_is_seen_before_the_period_ends(
    house: AlarmHouse, settings: dict[str, Any], value: float, at_once: str
) -> None:
    house.alarm(**settings)
    house.put(value)
    house.work()
    assert house.state() == at_once
    house.pass_(63)
    assert house.state() == ("OK" if "ThanThreshold" in settings.get("ComparisonOperator", "") and value == 1.0 else "ALARM")
    assert len(house.topics.sent) == (house.state() == "ALARM")


def test_a_sum_with_something_negative_in_it_waits_for_the_end_of_the_period(house: AlarmHouse) -> None:
    house.alarm()
    house.put(-1)
    house.put(3)
    house.work()
    assert house.state() == "INSUFFICIENT_DATA"
    house.put(-2)
    house.pass_(63)
    assert house.state() == "OK"
    assert house.topics.sent == []


def test_a_late_point_of_a_period_that_is_over_is_seen_at_once(house: AlarmHouse) -> None:
    house.alarm()
    house.pass_(20)
    house.put(at=START - 5)
    house.work()
    assert house.state() == "ALARM"


@pytest.mark.parametrize("period", [10, 20, 30])
def test_short_periods_work_on_data_of_any_resolution(house: AlarmHouse, period: int) -> None:
    house.alarm(Period=period, TreatMissingData="notBreaching")
    house.pass_(33)
    house.put()
    house.work()
    assert house.state() == "ALARM"
    house.pass_(4 * period)
    assert house.state() == "OK"
    house.put(StorageResolution=1)
    house.work()
    assert house.topics.states() == ["ALARM", "ALARM"]
    assert house.get().reason.startswith("Threshold Crossed: 1 out of the last 1 datapoints [1.0 (")


def test_m_of_n(house: AlarmHouse) -> None:
    house.alarm(EvaluationPeriods=3, DatapointsToAlarm=2, OKActions=[TOPIC_ARN], TreatMissingData="notBreaching")
    for value in (0, 1, 0, 1, 0, 0, 0, 0):
        house.put(value)
        house.pass_(60)
    assert house.topics.states() == ["OK", "ALARM", "OK"]
    assert "2 out of the last 3 datapoints" in house.topics.sent[1]["message"]["NewStateReason"]
    assert "were not greater than or equal to" in house.topics.sent[2]["message"]["NewStateReason"]
    assert "(minimum 2 datapoints for ALARM -> OK transition)" in house.topics.sent[2]["message"]["NewStateReason"]


def test_days_are_judged_by_the_full_hour(house: AlarmHouse) -> None:
    house.alarm(Period=3600, EvaluationPeriods=48, DatapointsToAlarm=1, Statistic="Average")
    house.put(5)
    house.pass_(40 * 60, 60)
    assert house.state() == "INSUFFICIENT_DATA"
    house.pass_(12 * 60, 60)
    assert house.state() == "ALARM"


def test_putting_an_alarm_again_keeps_its_state_and_looks_at_it_anew(house: AlarmHouse) -> None:
    house.alarm()
    house.put()
    house.work()
    house.alarms.put_metric_alarm({**_settings(house), "Threshold": 5.0, "AlarmName": "root-usage"}, account_id=ACCOUNT, region=REGION)
    assert house.state() == "ALARM"
    assert house.get().settings["Threshold"] == 5.0
    house.pass_(70)
    assert house.state() == "OK"
    assert house.history("ConfigurationUpdate") == ['Alarm "root-usage" created', 'Alarm "root-usage" updated']


def _settings(house: AlarmHouse) -> dict[str, Any]:
    return dict(house.get().settings)


def test_a_state_that_is_set_holds_until_the_next_look_and_is_told(house: AlarmHouse) -> None:
    house.alarm(TreatMissingData="notBreaching", OKActions=[TOPIC_ARN])
    house.pass_(5)
    house.alarms.set_state(ACCOUNT, REGION, "root-usage", state="ALARM", reason="a drill", data=None)
    house.work()
    assert (house.state(), house.get().reason) == ("ALARM", "a drill")
    house.pass_(60)
    assert house.state() == "OK"
    assert house.topics.states() == ["OK", "ALARM", "OK"]
    house.alarms.set_state(ACCOUNT, REGION, "root-usage", state="OK", reason="again", data="{}")
    house.work()
    assert len(house.topics.sent) == 3  # no change, nothing to tell


def test_disabled_actions_are_not_taken(house: AlarmHouse) -> None:
    house.alarm(ActionsEnabled=False)
    house.put()
    house.work()
    assert (house.state(), house.topics.sent) == ("ALARM", [])
    house.alarms.enable_actions(ACCOUNT, REGION, ["root-usage", "no such"], enabled=True)
    house.pass_(120)
    assert house.topics.sent == []  # only a change sets them off


def test_metrics_beside_the_watched_one_change_nothing(house: AlarmHouse) -> None:
    house.alarm(Unit="Count")
    house.put(Unit="Bytes")
    house.put(Dimensions=[{"Name": "user", "Value": "root"}])
    house.pass_(70)
    assert house.state() == "INSUFFICIENT_DATA"
    house.put(Unit="Count")
    house.work()
    assert house.state() == "ALARM"


def test_percentiles_of_few_samples_can_be_left_out(house: AlarmHouse) -> None:
    given: dict[str, Any] = {"Statistic": None, "ExtendedStatistic": "p90", "TreatMissingData": "notBreaching"}
    house.alarm(AlarmName="evaluating", **given)
    house.alarm(AlarmName="ignoring", EvaluateLowSampleCountPercentile="ignore", **given)
    house.put(5)
    house.pass_(63)
    assert (house.state("evaluating"), house.state("ignoring")) == ("ALARM", "OK")
    house.put(Value=None, Values=[5.0, 6.0], Counts=[99.0, 1.0])
    house.pass_(63)
    assert house.state("ignoring") == "ALARM"


class Died(BaseException):
    """The watch is gone; no handler of its own sees that."""


@pytest.mark.parametrize("step", ["after the point", "in the transaction", "after the transaction", "after the message"])
def test_a_watch_that_dies_loses_nothing_and_does_nothing_twice(house: AlarmHouse, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    house.alarm()
    house.put()
    if step == "in the transaction":

        def die(*_: object) -> None:
            raise Died

        with monkeypatch.context() as patched:
            patched.setattr(house.evaluating._transitions, "_act", die)
            with pytest.raises(Died):
                house.evaluating.step()
        assert house.state() == "INSUFFICIENT_DATA"
        assert house.history("StateUpdate") == []
    elif step != "after the point":
        house.evaluating.step()
        if step == "after the message":
            house.messages.step()
    house.restart()
    house.work()
    house.restart()
    house.work()
    assert house.topics.states() == ["ALARM"]
    assert house.history("StateUpdate") == ["Alarm updated from INSUFFICIENT_DATA to ALARM"]


def test_two_watches_make_one_change(house: AlarmHouse) -> None:
    """Not that there should be two: the state is read again in the transaction that changes it."""
    house.alarm()
    other = Evaluating(house.metrics, house.alarms.store, house.clock, transitions=house.evaluating._transitions)
    other.step()
    house.put()
    house.evaluating.step()
    other.step()
    house.work()
    assert house.topics.states() == ["ALARM"]


def test_a_clock_that_jumps_causes_one_look_and_no_storm(house: AlarmHouse) -> None:
    for number in range(20):
        house.alarm(AlarmName=f"alarm-{number}", TreatMissingData="notBreaching", OKActions=[TOPIC_ARN])
    house.topics.sent.clear()
    house.put()
    house.work()
    assert house.topics.states() == ["ALARM"] * 20
    house.clock.at += 7200
    for _ in range(3):
        house.work()
    assert house.topics.states() == ["ALARM"] * 20 + ["OK"] * 20
    house.clock.at -= 300
    house.pass_(120)
    assert len(house.topics.sent) == 40
    house.put()
    house.work()
    assert house.topics.states()[40:] == ["ALARM"] * 20  # news is taken in all the same
    house.clock.at -= 86_400
    house.pass_(130)
    assert house.topics.states()[60:] == ["OK"] * 20


def test_a_topic_that_refuses_is_in_the_history_and_one_that_fails_is_tried_again(house: AlarmHouse) -> None:
    gone, down = f"{TOPIC_ARN}-gone", f"{TOPIC_ARN}-down"
    house.topics.raising = {gone: _NotFound("Topic does not exist"), down: OSError("no route")}
    house.alarm(AlarmActions=[gone, down, TOPIC_ARN])
    house.put()
    house.work()
    assert [one["topic"] for one in house.topics.sent] == [TOPIC_ARN]
    assert f'Failed to execute action {gone}. Received error: "NotFound: Topic does not exist"' in house.history("Action")
    house.pass_(50)
    assert len(house.topics.sent) == 1
    del house.topics.raising[down]
    house.pass_(30)
    assert [one["topic"] for one in house.topics.sent] == [TOPIC_ARN, down]
    house.topics.raising[down] = OSError("no route")
    house.alarms.set_state(ACCOUNT, REGION, "root-usage", state="OK", reason="", data=None)
    house.alarms.set_state(ACCOUNT, REGION, "root-usage", state="ALARM", reason="", data=None)
    house.work()
    house.clock.advance(90_000)
    house.work()
    assert any('Received error: "OSError: no route"' in one for one in house.history("Action"))
    assert house.messages.step() == 0


class _NotFound(Fault):
    """It is not there."""

    code = "NotFound"
    status = 404


def test_an_alarm_that_cannot_be_read_holds_up_no_other(house: AlarmHouse, caplog: pytest.LogCaptureFixture) -> None:
    house.alarm(AlarmName="broken")
    house.alarm()
    with house.database.begin() as connection:
        connection.exec_driver_sql("UPDATE alarms SET settings = '{}' WHERE name = 'broken'")
    house.restart()
    house.put()
    house.work()
    assert house.topics.states() == ["ALARM"]
    assert "broken" in caplog.text


def test_an_alarm_that_cannot_be_judged_holds_up_no_other(
    house: AlarmHouse, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.alarm(AlarmName="broken", MetricName="Broken", TreatMissingData="notBreaching", OKActions=[TOPIC_ARN])
    house.alarm(TreatMissingData="notBreaching", OKActions=[TOPIC_ARN])
    looked = house.evaluating._look

    def look(connection: Any, held: Any, now: float, *, only_alarm: bool) -> Any:
        if held.watched.metric.name == "Broken":
            raise ZeroDivisionError
        return looked(connection, held, now, only_alarm=only_alarm)

    monkeypatch.setattr(house.evaluating, "_look", look)
    house.topics.sent.clear()
    house.put(MetricName="Broken")
    house.put()
    house.pass_(600, step=5)
    assert [one["message"]["AlarmName"] for one in house.topics.sent] == ["root-usage", "root-usage"]
    assert house.topics.states() == ["ALARM", "OK"]
    assert "cannot be judged" in caplog.text
    assert house.evaluating.rest() > 0.0


def test_the_evaluation_rests_until_something_is_due(house: AlarmHouse) -> None:
    assert house.evaluating.rest() == 1.0
    house.alarm(Period=10)
    house.pass_(10)
    assert 0.0 < house.evaluating.rest() <= 1.0
    house.clock.advance(10)
    assert house.evaluating.rest() == pytest.approx(0.02)


@pytest.mark.parametrize("where", ["look", "reason"])
def test_an_alarm_of_which_one_thing_fails_holds_up_no_other(house: AlarmHouse, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    house.alarm(AlarmName="broken", Threshold=0.5, TreatMissingData="notBreaching", OKActions=[TOPIC_ARN])
    house.alarm(TreatMissingData="notBreaching", OKActions=[TOPIC_ARN])
    plain = getattr(evaluating, where)

    def fails(*given: Any, **more: Any) -> Any:
        if any(isinstance(one, Watched) and one.threshold == 0.5 for one in given):
            raise OverflowError("nobody thought of this")
        return plain(*given, **more)

    monkeypatch.setattr(evaluating, where, fails)
    house.topics.sent.clear()
    house.put()
    house.evaluating.step()
    house.messages.step()
    assert house.topics.states() == ["ALARM"]
    for _ in range(40):
        house.clock.advance(10)
        house.evaluating.step()
        house.messages.step()
    assert house.topics.states() == ["ALARM", "OK"]
    monkeypatch.undo()
    house.pass_(130)
    assert house.state("broken") == "OK"


@pytest.mark.parametrize("data", ["{", "NaN", '"\\ud800"', "[" * 3900])
def test_what_is_no_json_is_no_reason(house: AlarmHouse, data: str) -> None:
    house.alarm()
    with pytest.raises(InvalidFormatFault):
        house.alarms.set_state(ACCOUNT, REGION, "root-usage", state="INSUFFICIENT_DATA", reason="", data=data)


@pytest.mark.parametrize("data", ["[]", '{"triggeringAlarms": 5}', '{"triggeringAlarms": [{"arn": "a"}]}'])
def test_a_composite_alarm_can_be_set_with_any_data(house: AlarmHouse, data: str) -> None:
    house.alarm()
    house.composite("both", "ALARM(root-usage)", AlarmActions=[TOPIC_ARN])
    house.topics.sent.clear()
    house.alarms.set_state(ACCOUNT, REGION, "both", state="ALARM", reason="", data=data)
    house.messages.step()
    assert [one["message"]["TriggeringChildren"] for one in house.topics.sent] == [[]]


def test_thousands_of_alarms_are_found_by_their_metric(house: AlarmHouse) -> None:
    for number in range(300):
        house.alarms.put_metric_alarm({**_ALARM, "AlarmName": f"a{number}", "MetricName": f"m{number}"}, account_id=ACCOUNT, region=REGION)
    house.work()
    house.put(MetricName="m7")
    house.evaluating.step()
    house.work()
    assert [one["message"]["AlarmName"] for one in house.topics.sent] == ["a7"]
    house.alarms.delete(ACCOUNT, REGION, [f"a{number}" for number in range(300)])
    house.work()
    assert house.evaluating._index.held == {}
    assert house.evaluating._index._by_key == {}


_ALARM = {
    "Namespace": "CISBenchmark",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    "AlarmActions": [TOPIC_ARN],
}
