"""Filter patterns on CloudTrail records: records a second that one core compares with 1, 50 and 1,000 patterns.

    python bench/filters.py [--quick] [--out FILE]

Half of the patterns ask for a single event name, the others are like those of CIS (event names of one source, error codes, root); each
record is parsed anew. Beside it: each pattern asked by itself, what the index saves.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from part import Line, finish, options

from opentrail.monitoring.filter_patterns import Message, PatternSet, compiled

COUNTS = (1, 50, 1000)
GOAL = {1: 50_000.0, 50: 30_000.0, 1000: 20_000.0}
RECORDS = 500
"""Different ones; what is asked of them again and again is another message each time."""


def pattern(number: int) -> str:
    """The text of one pattern."""
    if number % 10 == 1:
        return f'{{ ($.errorCode = "*Unauthorized{number}") || ($.errorCode = "AccessDenied*") && ($.eventName != "Head{number}") }}'
    if number % 10 == 3:
        return f'{{ $.userIdentity.type = "Root" && $.userIdentity.invokedBy NOT EXISTS && $.eventType != "Type{number}" }}'
    if number % 2:
        names = " || ".join(f"($.eventName = Put{number}x{index})" for index in range(8))
        return f"{{ ($.eventSource = s{number}.amazonaws.com) && ({names}) }}"
    return f"{{ $.eventName = Create{number} }}"


def record(number: int) -> str:
    """A record as a trail writes it, some 1,300 bytes."""
    return json.dumps(
        {
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "AssumedRole",
                "principalId": f"AROAEXAMPLE:session-{number}",
                "arn": f"arn:aws:sts::111122223333:assumed-role/role/session-{number}",
                "accountId": "111122223333",
                "accessKeyId": "ASIAEXAMPLE",
                "sessionContext": {"sessionIssuer": {"type": "Role", "userName": "role"}, "attributes": {"mfaAuthenticated": "false"}},
            },
            "eventTime": "2026-01-05T10:11:12Z",
            "eventSource": "ec2.amazonaws.com",
            "eventName": f"Create{number % 200 * 2}" if number % 10 == 0 else f"Describe{number}",
            "awsRegion": "us-east-1",
            "sourceIPAddress": "198.51.100.7",
            "userAgent": "aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux#6.8 lang/python#3.13.7",
            "requestParameters": {"instancesSet": {"items": [{"instanceId": f"i-{number:017x}"} for _ in range(8)]}, "filterSet": {}},
            "responseElements": None,
            "requestID": f"{number:08x}-1111-4222-8333-444455556666",
            "eventID": f"{number:08x}-7777-4888-8999-000011112222",
            "readOnly": True,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": "111122223333",
            "eventCategory": "Management",
            "tlsDetails": {
                "tlsVersion": "TLSv1.3",
                "cipherSuite": "TLS_AES_128_GCM_SHA256",
                "clientProvidedHostHeader": "ec2.us-east-1.amazonaws.com",
            },
        }
        | ({"errorCode": "Client.UnauthorizedOperation"} if number % 25 == 0 else {})
    )


def rate(ask: Callable[[Message], object], texts: list[str], seconds: float) -> float:
    """Messages for a second of processor time: others at work on the machine do not count."""
    begin, done = time.process_time(), 0
    while (spent := time.process_time() - begin) < seconds:
        for text in texts:
            ask(Message(text))
        done += len(texts)
    return done / spent


def main() -> None:
    chosen = options(__doc__)
    seconds = 0.3 if chosen.quick else 3.0
    texts = [record(number) for number in range(RECORDS)]
    lines, figures = [], {}
    for count in COUNTS:
        patterns = {number: compiled(pattern(number)) for number in range(count)}
        together = rate(PatternSet(patterns).matching, texts, seconds)
        one_by_one = rate(lambda message, patterns=patterns: [one.matches(message) for one in patterns.values()], texts, seconds)
        figures[f"together_{count}"], figures[f"one_by_one_{count}"] = together, one_by_one
        lines.append(
            Line(
                what=f"Records a second and core against {count:,} filter patterns",
                reached=f"{together:,.0f} records/s",
                ratio=f"{together / one_by_one:.1f} x of asking one by one",
                goal=f"at least {GOAL[count]:,.0f} records/s",
                met=together >= GOAL[count],
                limit="parsing of the record" if count < 1000 else "the patterns that no event name leads to",
            )
        )
    finish(lines, figures, chosen)


if __name__ == "__main__":
    main()
