"""`opentrail validate`: prove that the log files of a trail are what was delivered, and that none is missing."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from opentrail.cli.connection import DEFAULT_FOLDER, AsJson, DataDir, EndpointUrl, Region
from opentrail.cli.evidence import Evidence, LocalEvidence, ServedEvidence
from opentrail.errors import SettingError
from opentrail.trails.validate import NoPublicKeys
from opentrail.trails.validate import validate as check
from opentrail.trails.validation import Finding, NotCovered, Question, Report, Verdict

_ARN = re.compile(r"arn:[^:]+:cloudtrail:(?P<region>[^:]+):(?P<account>\d{12}):trail/(?P<name>.+)")
GRACE = 60
"""Seconds after the end of a digest interval within which the digest must be in its bucket."""


def validate(
    trail_arn: Annotated[str, typer.Option(help="The trail.")],
    start_time: Annotated[str, typer.Option(help="Check what was delivered from this time on (ISO 8601; UTC unless it says otherwise).")],
    end_time: Annotated[str | None, typer.Option(help="... up to this time; now unless given.")] = None,
    s3_bucket: Annotated[str | None, typer.Option(help="The bucket, where the trail is not there any more.")] = None,
    s3_prefix: Annotated[str | None, typer.Option(help="The prefix in that bucket.")] = None,
    account_id: Annotated[str | None, typer.Option(help="Whose log files, when not those of the trail's owner.")] = None,
    region: Region = None,
    local: Annotated[
        bool, typer.Option("--local", help="Read the buckets of the data folder in place instead of asking a server.")
    ] = False,
    digest_interval: Annotated[float | None, typer.Option(help="Seconds between two digests, where it is not known.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show valid files too.")] = False,
    data_dir: DataDir = DEFAULT_FOLDER,
    endpoint_url: EndpointUrl = None,
    as_json: AsJson = False,
) -> None:
    """Check every digest and log file of a trail. Exit code 0: all valid; 1: something is not."""
    arn = _ARN.fullmatch(trail_arn)
    if arn is None:
        raise SettingError(f"{trail_arn} is no trail ARN: arn:aws:cloudtrail:REGION:ACCOUNT:trail/NAME.")
    start = _time("--start-time", start_time)
    end = _time("--end-time", end_time) if end_time else int(datetime.now(UTC).timestamp())
    if end < start:
        raise SettingError("--end-time must not be before --start-time.")
    evidence: Evidence = LocalEvidence(data_dir) if local else ServedEvidence(data_dir, endpoint_url, arn["region"])
    whose = account_id or arn["account"]
    facts = None if s3_bucket else evidence.trail(trail_arn)
    if facts is None and s3_bucket is None:
        raise SettingError(f"There is no trail {trail_arn}; name its bucket with --s3-bucket if it was deleted.")
    bucket = s3_bucket or (facts.bucket if facts else "")
    prefix = s3_prefix if s3_bucket else (facts.prefix if facts else None)
    regions = (region,) if region else facts.regions if facts else evidence.chain_regions(bucket, prefix, whose)
    interval = digest_interval or evidence.digest_interval or 3600.0
    expected = None
    if facts is not None and facts.logs:
        now = datetime.now(UTC).timestamp()
        expected = min(end, int((now - GRACE) // interval * interval))
    reports = []
    progress = _progress() if not as_json and sys.stderr.isatty() else None
    with progress or nullcontext():
        for source_region in regions or (arn["region"],):
            question = Question(
                trail_arn=trail_arn,
                region=source_region,
                bucket=bucket,
                prefix=prefix,
                start=start,
                end=end,
                account_id=whose,
                expected_until=expected,
            )
            task = progress.add_task(source_region, total=None) if progress else None

            def tell(finding: Finding, task: Any = task) -> None:
                if progress is not None and task is not None:
                    progress.advance(task)
                if not as_json:
                    _print(finding, verbose)

            try:
                reports.append(check(question, evidence.source, evidence.public_keys(source_region), progress=tell))
            except NoPublicKeys:
                if len(regions) <= 1:
                    raise
    _close(reports, as_json)


def _close(reports: Iterable[Report], as_json: bool) -> None:
    found = list(reports)
    code = max((report.exit_code for report in found), default=1)
    if as_json:
        print(json.dumps({"valid": code == 0, "chains": [report.as_json() for report in found]}, indent=2))
    else:
        for report in found:
            if len(found) > 1:
                print(f"\n{report.question.region}:")
            print("\n".join(report.summary()))
    raise typer.Exit(code)


def _print(finding: Finding, verbose: bool) -> None:
    """Valid files only when asked for, to standard output; everything else to standard error, as the AWS CLI does."""
    if isinstance(finding, Verdict) and finding.problem is None:
        if verbose:
            print(finding)
        return
    if isinstance(finding, NotCovered) and not verbose:
        return
    print(finding, file=sys.stderr)


def _progress() -> Progress:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("files"))
    return Progress(*columns, console=Console(stderr=True), transient=True)


def _time(option: str, text: str) -> int:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise SettingError(f"{option} {text}: write it as 2026-01-05T10:00:00Z.") from None
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())
