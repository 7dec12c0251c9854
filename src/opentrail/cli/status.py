"""`opentrail status`: is it up, how far are the followers, which trails log."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from opentrail.cli.connection import DEFAULT_FOLDER, AsJson, CallFailed, DataDir, EndpointUrl, Region, connect, failure
from opentrail.cli.tables import show


def status(data_dir: DataDir = DEFAULT_FOLDER, endpoint_url: EndpointUrl = None, region: Region = None, as_json: AsJson = False) -> None:
    """Show health, followers and trails."""
    connection = connect(data_dir, endpoint_url, region)
    try:
        with urllib.request.urlopen(connection.endpoint.rstrip("/") + "/_opentrail/health", timeout=10) as response:
            health = json.load(response)
    except (urllib.error.URLError, ValueError) as error:
        raise CallFailed(f"No OpenTrail answers at {connection.endpoint}: {error}") from error
    client = connection.client("cloudtrail")
    trails = []
    try:
        for trail in client.describe_trails()["trailList"]:
            found = client.get_trail_status(Name=trail["TrailARN"])
            found.pop("ResponseMetadata")
            trails.append({"name": trail["Name"], "bucket": trail["S3BucketName"], "home_region": trail["HomeRegion"], **found})
    except (BotoCoreError, ClientError) as error:
        raise failure(error) from error
    if as_json:
        print(json.dumps({"endpoint": connection.endpoint, "health": health, "trails": trails}, indent=2, default=str))
        return
    print(f"OpenTrail at {connection.endpoint}: {health['status']}")
    print(f"Journal head: {health.get('journal_head')}")
    followers = sorted(health.get("followers", {}).items())
    show(("Follower", "Position", "Behind"), [(name, str(follower["position"]), str(follower["lag"])) for name, follower in followers])
    for role in ("watch", "lake"):
        told = health.get(role, {})
        print(f"{role.capitalize()}: {told.get('status', 'unknown')}")
        of_role = sorted(told.get("followers", {}).items())
        show((role.capitalize(), "Position", "Behind"), [(name, str(one["position"]), str(one["lag"])) for name, one in of_role])
        for name, said in sorted(told.get("trouble", {}).items()):
            print(f"Trouble of {name}: {said}")
    if not trails:
        print("No trails.")
        return
    show(
        ("Trail", "Bucket", "Logging", "Last log file (UTC)", "Last digest (UTC)", "Error"),
        [
            (
                trail["name"],
                trail["bucket"],
                "yes" if trail["IsLogging"] else "no",
                _utc(trail.get("LatestDeliveryTime")),
                _utc(trail.get("LatestDigestDeliveryTime")),
                trail.get("LatestDeliveryError", ""),
            )
            for trail in trails
        ],
    )


def _utc(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
