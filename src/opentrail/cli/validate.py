"""`opentrail validate`: prove that the log files of a trail are what was delivered, and that none is missing."""

from __future__ import annotations

import gc
import importlib
import json
import os
import re
import sys
from argparse import ArgumentParser, HelpFormatter, Namespace
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from opentrail.cli.evidence import Evidence
from opentrail.cli.progress import Progress
from opentrail.cli.reach import DEFAULT_FOLDER
from opentrail.errors import SettingError
from opentrail.trails.findings import Finding, NotCovered, Question, Report, Verdict
from opentrail.trails.validate import NoPublicKeys
from opentrail.trails.validate import validate as check

_ARN = re.compile(r"arn:[^:]+:cloudtrail:(?P<region>[^:]+):(?P<account>\d{12}):trail/(?P<name>.+)")
GRACE = 60
"""Seconds after the end of a digest interval within which the digest must be in its bucket."""


def main(words: Sequence[str]) -> NoReturn:
    """Run the verb with the command line `words`. Ends with exit code 0: all valid; 1: something is not. Raises `OpenTrailError`."""
    raise SystemExit(validate(_parser().parse_args(words)))


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "opentrail validate",
        description="Check every digest and log file of a trail. Exit code 0: all valid; 1: something is not.",
        allow_abbrev=False,
        formatter_class=lambda prog: HelpFormatter(prog, width=100),  # asking how wide the terminal is imports four compressors
    )
    option = parser.add_argument
    option("--trail-arn", metavar="ARN", required=True, help="The trail.")
    since = "Check what was delivered from this time on (ISO 8601; UTC unless it says otherwise)."
    option("--start-time", metavar="TIME", required=True, help=since)
    option("--end-time", metavar="TIME", help="... up to this time; now unless given.")
    option("--s3-bucket", metavar="NAME", help="The bucket, where the trail is not there any more.")
    option("--s3-prefix", metavar="TEXT", help="The prefix in that bucket.")
    option("--account-id", metavar="ID", help="Whose log files, when not those of the trail's owner.")
    option("--region", help="The Region to ask.")
    option("--local", action="store_true", help="Read the buckets of the data folder in place instead of asking a server.")
    option("--digest-interval", metavar="SECONDS", type=float, help="Seconds between two digests, where it is not known.")
    option("--verbose", action="store_true", help="Show valid files too.")
    folder = Path(os.environ.get("OPENTRAIL_DATA_DIR") or DEFAULT_FOLDER)
    option("--data-dir", metavar="PATH", type=Path, default=folder, help="The data folder. [env: OPENTRAIL_DATA_DIR]")
    option("--endpoint-url", metavar="URL", help="Where OpenTrail listens; the data folder tells otherwise.")
    option("--json", dest="as_json", action="store_true", help="Print JSON for machines.")
    return parser


def validate(given: Namespace) -> int:
    """Check what the command line asks for and print what is found; the exit code."""
    arn = _ARN.fullmatch(given.trail_arn)
    if arn is None:
        raise SettingError(f"{given.trail_arn} is no trail ARN: arn:aws:cloudtrail:REGION:ACCOUNT:trail/NAME.")
    start = _time("--start-time", given.start_time)
    end = _time("--end-time", given.end_time) if given.end_time else int(datetime.now(UTC).timestamp())
    if end < start:
        raise SettingError("--end-time must not be before --start-time.")
    evidence = _evidence(given.local, given.data_dir, given.endpoint_url, arn["region"])
    gc.freeze()
    gc.enable()
    try:
        reports = _reports(given, arn, start, end, evidence)
    finally:
        evidence.close()
    return _close(reports, given.as_json)


def _reports(given: Namespace, arn: re.Match[str], start: int, end: int, evidence: Evidence) -> list[Report]:
    """What is found on each chain of the trail."""
    whose = given.account_id or arn["account"]
    facts = None if given.s3_bucket else evidence.trail(given.trail_arn)
    if facts is None and given.s3_bucket is None:
        raise SettingError(f"There is no trail {given.trail_arn}; name its bucket with --s3-bucket if it was deleted.")
    bucket = given.s3_bucket or (facts.bucket if facts else "")
    prefix = given.s3_prefix if given.s3_bucket else (facts.prefix if facts else None)
    regions = (given.region,) if given.region else facts.regions if facts else evidence.chain_regions(bucket, prefix, whose)
    interval = given.digest_interval or evidence.digest_interval or 3600.0
    expected = None
    if facts is not None and facts.logs:
        now = datetime.now(UTC).timestamp()
        expected = min(end, int((now - GRACE) // interval * interval))
    known = {arn["region"]: evidence.known(given.trail_arn, whose, arn["region"], start, end)}
    if not given.region and (home := known[arn["region"]]) is not None:
        regions = tuple(sorted({*regions, *home.regions}))
    reports: list[Report] = []
    for source_region in regions or (arn["region"],):
        if source_region not in known:
            known[source_region] = evidence.known(given.trail_arn, whose, source_region, start, end)
        question = Question(
            trail_arn=given.trail_arn,
            region=source_region,
            bucket=bucket,
            prefix=prefix,
            start=start,
            end=end,
            account_id=whose,
            expected_until=expected,
            known=known[source_region],
            interval=interval,
        )
        try:
            reports.append(_report(question, evidence, quiet=given.as_json, verbose=given.verbose))
        except NoPublicKeys:
            if len(regions) <= 1:
                raise
    return reports


def _report(question: Question, evidence: Evidence, *, quiet: bool, verbose: bool) -> Report:
    """Check one chain, telling each finding as it is made unless `quiet`."""
    progress = Progress(question.region, sys.stderr)

    def tell(finding: Finding) -> None:
        if not quiet:
            _print(finding, verbose, progress)
        if isinstance(finding, Verdict):
            progress.advance()

    try:
        return check(
            question,
            evidence.source,
            evidence.public_keys(question.region),
            workers=evidence.workers(question.bucket, question.log_folder),
            progress=tell,
            expect=progress.expect,
        )
    finally:
        progress.erase()


def _evidence(local: bool, data_dir: Path, endpoint_url: str | None, region: str) -> Evidence:
    """Either kind is imported when it is wanted: neither needs what the other one imports."""
    module = importlib.import_module(f"opentrail.cli.{'local' if local else 'served'}")
    found: Evidence = module.LocalEvidence(data_dir) if local else module.ServedEvidence(data_dir, endpoint_url, region)
    return found


def _close(reports: Iterable[Report], as_json: bool) -> int:
    """The closing lines; the exit code."""
    found = list(reports)
    code = max((report.exit_code for report in found), default=1)
    if as_json:
        print(json.dumps({"valid": code == 0, "chains": [report.as_json() for report in found]}, indent=2))
    else:
        for report in found:
            if len(found) > 1:
                print(f"\n{report.question.region}:")
            print("\n".join(report.summary()))
    return code


def _print(finding: Finding, verbose: bool, progress: Progress) -> None:
    """Valid files only when asked for, to standard output; everything else to standard error, as the AWS CLI does."""
    if isinstance(finding, Verdict) and finding.problem is None:
        if verbose:
            progress.print(str(finding), sys.stdout)
        return
    if isinstance(finding, NotCovered) and not verbose:
        return
    progress.print(str(finding), sys.stderr)


def _time(option: str, text: str) -> int:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise SettingError(f"{option} {text}: write it as 2026-01-05T10:00:00Z.") from None
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())
