"""Bucket policies as the CloudTrail user guide gives them."""

from __future__ import annotations

from typing import Any


def trail_policy(bucket: str, trail_arn: str, account_id: str) -> dict[str, Any]:
    """What lets the trail `trail_arn` of `account_id` deliver into `bucket`, and nobody else."""
    service = {"Service": "cloudtrail.amazonaws.com"}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AWSCloudTrailAclCheck20150319",
                "Effect": "Allow",
                "Principal": service,
                "Action": "s3:GetBucketAcl",
                "Resource": f"arn:aws:s3:::{bucket}",
                "Condition": {"StringEquals": {"aws:SourceArn": trail_arn}},
            },
            {
                "Sid": "AWSCloudTrailWrite20150319",
                "Effect": "Allow",
                "Principal": service,
                "Action": "s3:PutObject",
                "Resource": f"arn:aws:s3:::{bucket}/AWSLogs/{account_id}/*",
                "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control", "aws:SourceArn": trail_arn}},
            },
        ],
    }


def organization_trail_policy(bucket: str, trail_arn: str, organization_id: str) -> dict[str, Any]:
    """What lets the organization trail `trail_arn` deliver the files of all accounts into `bucket`, and nobody else."""
    return trail_policy(bucket, trail_arn, organization_id)
