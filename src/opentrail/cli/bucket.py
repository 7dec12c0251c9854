"""`opentrail bucket`: buckets for log files, made like any client makes them."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError

from opentrail.cli.connection import DEFAULT_FOLDER, AsJson, DataDir, EndpointUrl, Region, connect, failure
from opentrail.cli.failures import CallFailed
from opentrail.cli.log_bucket import MODES, LogBucket, creation, set_up

MAX_DAYS = 36_500

bucket = typer.Typer(no_args_is_help=True, help="Make buckets for log files.", rich_markup_mode=None)


@bucket.callback()
def _bucket() -> None:
    """Keep `create` a command of its own: a group with one command would swallow it."""


@bucket.command()
def create(
    name: Annotated[str, typer.Argument(help="The bucket's name.")],
    for_trail: Annotated[
        bool, typer.Option("--for-trail", help="With the strict set-up of a log bucket: versions, Object Lock, a policy for CloudTrail.")
    ] = False,
    trail: Annotated[list[str] | None, typer.Option(help="A trail that may deliver; repeatable. Any, where none is named.")] = None,
    account: Annotated[list[str] | None, typer.Option(help="A further account whose trails may deliver; repeatable.")] = None,
    organization: Annotated[str | None, typer.Option(help="The organization (o-…) whose trail may deliver.")] = None,
    prefix: Annotated[str | None, typer.Option(help="The S3 key prefix of the trail.")] = None,
    retention_days: Annotated[int, typer.Option(min=1, max=MAX_DAYS, help="How long log files cannot be removed.")] = 365,
    mode: Annotated[str, typer.Option(help="GOVERNANCE, which root can lift, or COMPLIANCE, which nobody can.")] = "GOVERNANCE",
    data_dir: DataDir = DEFAULT_FOLDER,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Make a bucket; made again, it only gets the set-up that is asked for."""
    if not for_trail and (trail or account or organization or prefix):
        raise CallFailed("--trail, --account, --organization and --prefix say who delivers: they go with --for-trail.")
    for one in account or ():
        if not re.fullmatch(r"[0-9]{12}", one):
            raise CallFailed(f"{one} is no account id: it must have twelve digits.")
    if organization is not None and not re.fullmatch(r"o-[a-z0-9]{10,32}", organization):
        raise CallFailed(f"{organization} is no organization id: those look like o-exampleorgid.")
    if mode not in MODES:
        raise CallFailed(f"--mode {mode}: use {' or '.join(MODES)}.")
    connection = connect(data_dir, endpoint_url, region)
    try:
        s3 = connection.client("s3")
        account_id = connection.client("sts").get_caller_identity()["Account"]
        made = LogBucket(
            name=name,
            account_id=account_id,
            region=connection.region,
            accounts=[one for one in account or () if one != account_id],
            organization=organization,
            trails=trail or (),
            prefix=prefix.strip("/") if prefix else None,
            retention_days=retention_days,
            mode=mode,
            tls_only=connection.endpoint.startswith("https://"),
        )
        with suppress(s3.exceptions.BucketAlreadyOwnedByYou):  # made before, perhaps by a run that was broken off
            s3.create_bucket(**creation(name, connection.region), **({"ObjectLockEnabledForBucket": True} if for_trail else {}))
        if for_trail:
            for operation, parameters in set_up(made):
                getattr(s3, operation)(**parameters)
    except (BotoCoreError, ClientError) as error:
        raise failure(error) from error
    if as_json:
        print(json.dumps(made.facts if for_trail else {"bucket": name, "arn": made.arn, "region": made.region}))
    elif not for_trail:
        print(f"Bucket {name} is there.")
    else:
        _tell(made)


def _tell(made: LogBucket) -> None:
    root = "not even root" if made.mode == "COMPLIANCE" else "only root"
    print(f"Bucket {made.name} is there, in {made.region}:")
    print("  versions are kept, and Object Lock cannot be turned off any more")
    print(f"  log files are locked for {made.retention_days} days in {made.mode} mode: {root} removes one before")
    print("  public access is blocked; the bucket's owner owns every object")
    for arn in made.source_arns:
        print(f"  may deliver: {arn}")
    if made.organization:
        print(f"  and for all accounts of {made.organization}")
    print(f"  only root of {made.account_id} may remove objects or loosen any of this")
    print(f"  plain HTTP is {'refused' if made.tls_only else 'not refused: OpenTrail listens without TLS'}")
    print("Now make a trail that delivers there:")
    trail = made.trails[0] if made.trails else "example-trail"
    option = f" --s3-key-prefix {made.prefix}" if made.prefix else ""
    organization = " --is-organization-trail" if made.organization else ""
    print(
        f"  aws cloudtrail create-trail --name {trail} --s3-bucket-name {made.name}{option}{organization} "
        "--is-multi-region-trail --enable-log-file-validation"
    )
