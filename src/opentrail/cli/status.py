"""`opentrail status`: is it up, how far are the followers, which trails log."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from opentrail.cli.connection import DEFAULT_FOLDER, AsJson, CallFailed, DataDir, EndpointUrl, Region, connect, failure


def status(data_dir: DataDir = DEFAULT_FOLDER, endpoint_url: EndpointUrl = None, region: Region = None, as_json: AsJson = False) -> None:
    """Show whether OpenTrail is up, how far its followers are and what its trails do."""
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
    console = Console()
    console.print(f"OpenTrail at {connection.endpoint}: [bold]{health['status']}[/bold]", highlight=False)
    journal = Table("Follower", "Position", "Behind", box=None, pad_edge=False)
    for name, follower in sorted(health.get("followers", {}).items()):
        journal.add_row(name, str(follower["position"]), str(follower["lag"]))
    console.print(f"Journal head: {health.get('journal_head')}", highlight=False)
    console.print(journal)
    table = Table("Trail", "Bucket", "Logging", "Last log file", "Last digest", "Error", box=None, pad_edge=False)
    for trail in trails:
        table.add_row(
            trail["name"],
            trail["bucket"],
            "yes" if trail["IsLogging"] else "no",
            str(trail.get("LatestDeliveryTime", "")),
            str(trail.get("LatestDigestDeliveryTime", "")),
            trail.get("LatestDeliveryError", ""),
        )
    console.print(table if trails else "No trails.")
