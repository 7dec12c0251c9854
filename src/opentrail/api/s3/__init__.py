"""AWS calls of S3, served by `buckets`."""

from opentrail.api.s3.service import S3

__all__ = ["S3"]
