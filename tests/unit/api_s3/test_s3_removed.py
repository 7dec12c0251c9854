"""The objects of a DeleteObjects, each an event of its own."""

from __future__ import annotations

import asyncio
from typing import Any

from opentrail.api.call import Answer
from opentrail.api.s3.removed import removed, removed_keys


def test_only_what_was_removed_is_an_event(s3: Any) -> None:
    for key in ("a", "b"):
        s3.put(key)
    objects = [{"Key": "a"}, {"Key": "none"}, {"Key": "b", "ETag": "no"}, {"Key": "x" * 1025}]
    call = s3.call("DeleteObjects", Bucket="example-logs", Delete={"Objects": objects, "Quiet": True}, region="eu-west-1")
    answer = asyncio.run(asyncio.to_thread(s3.service.operations["DeleteObjects"], call))
    assert isinstance(answer, Answer)
    assert [event.resources[0]["ARN"] for event in answer.events] == ["arn:aws:s3:::example-logs/a", "arn:aws:s3:::example-logs/none"]
    assert {(event.event_name, event.region, event.data, event.read_only) for event in answer.events} == {
        ("DeleteObject", "eu-west-1", True, False)
    }
    assert len({event.event_id for event in answer.events}) == 2


def test_what_another_s3_removed_is_seen_from_question_and_answer() -> None:
    asked = {"Bucket": "b", "Delete": {"Objects": [{"Key": "a"}, {"Key": "b"}, {"Key": ""}]}}
    assert removed_keys(asked, {"Deleted": [{"Key": "a"}], "Errors": [{"Key": "b", "Code": "AccessDenied"}]}) == ["a"]
    assert removed_keys(asked, None) == ["a", "b"]
    assert removed_keys(None, {}) == []
    (event,) = removed("b", ["k"], owner="111122223333", region="us-east-1", time=0.0)
    assert event.account_id == "111122223333"
