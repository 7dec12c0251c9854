"""S3 of our own: buckets whose objects are ordinary files.

    buckets = Buckets(database, data_folder / "buckets", clock)
    buckets.create("example-logs", account_id="111122223333", region="us-east-1")
    ServiceWriter(buckets, clock).put(bucket="example-logs", key="AWSLogs/…", body=…, metadata={}, source_arn=…, account_id=…)

The data of an object are a file that a person can read (`zcat <data>/buckets/<bucket>/<key>`); all else is a row in the state database,
and the commit of that row is when a write or a removal happens. Killed at any line, the old object or the new one is there, whole.
"""

from opentrail.buckets.buckets import Buckets
from opentrail.buckets.service_writer import ServiceWriter

__all__ = ["Buckets", "ServiceWriter"]
