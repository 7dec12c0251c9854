"""SSE-KMS with the AWS CLI and boto3 against a real server: who may read, what lies on disk, 100 MB in memory that does not grow."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from simulators.running import RunningOpenTrail
from simulators.streaming import Endless, Growth, expected_digest, front_of

BUCKET = "encrypted-bucket"
GROWTH = 48 << 20
"""Bytes by which the front may grow while 100 MB go through: buffers, not the body."""
TEXT = "what only those may read who may decrypt\n" * 1000


@pytest.fixture(scope="module")
def server(opentrail: RunningOpenTrail) -> RunningOpenTrail:
    """With a bucket that encrypts by default under the key `alias/objects`, which leaves the rest to IAM."""
    kms, s3 = opentrail.client("kms"), opentrail.client("s3")
    kms.create_alias(AliasName="alias/objects", TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    s3.create_bucket(Bucket=BUCKET)
    arn = kms.describe_key(KeyId="alias/objects")["KeyMetadata"]["Arn"]
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn}
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": default}]})
    return opentrail


def reader(server: RunningOpenTrail, name: str, *actions: str) -> Any:
    """An S3 client of a new user with these permissions on everything."""
    iam = server.client("iam")
    iam.create_user(UserName=name)
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return server.client("s3", key=(key["AccessKeyId"], key["SecretAccessKey"]))


def test_the_aws_cli_brings_a_file_in_and_out_and_only_who_may_decrypt_reads_it(server: RunningOpenTrail, tmp_path: Path) -> None:
    (tmp_path / "in").write_text(TEXT)
    options = ("--sse", "aws:kms", "--sse-kms-key-id", "alias/objects")
    server.aws("s3", "cp", str(tmp_path / "in"), f"s3://{BUCKET}/story", *options)
    server.aws("s3", "cp", f"s3://{BUCKET}/story", str(tmp_path / "out"))
    assert (tmp_path / "out").read_text() == TEXT
    lying = (server.data / "buckets" / BUCKET / "story").read_bytes()
    assert lying.startswith(b"OpenTrail encrypted object")
    assert TEXT[:20].encode() not in lying

    without = reader(server, "without-key", "s3:GetObject")
    with pytest.raises(ClientError) as caught:
        without.get_object(Bucket=BUCKET, Key="story")
    assert (caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]) == ("AccessDenied", 403)
    with_key = reader(server, "with-key", "s3:GetObject", "kms:Decrypt")
    assert with_key.get_object(Bucket=BUCKET, Key="story")["Body"].read().decode() == TEXT
    with pytest.raises(ClientError):
        reader(server, "key-only", "kms:Decrypt").get_object(Bucket=BUCKET, Key="story")


def test_an_upload_in_parts_comes_back(server: RunningOpenTrail) -> None:
    s3, data = server.client("s3"), bytes(range(256)) * (45 << 10)  # 11.25 MiB: three parts
    s3.upload_fileobj(io.BytesIO(data), BUCKET, "parts", Config=TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20))
    assert s3.get_object(Bucket=BUCKET, Key="parts")["Body"].read() == data
    assert s3.get_object(Bucket=BUCKET, Key="parts", Range="bytes=5242879-5242881")["Body"].read() == data[5242879:5242882]
    head = s3.head_object(Bucket=BUCKET, Key="parts")
    assert (head["ServerSideEncryption"], head["ETag"][-3:]) == ("aws:kms", '-3"')


def test_100_mb_go_through_without_being_held(server: RunningOpenTrail) -> None:
    s3, digest = server.client("s3"), hashlib.sha256()
    s3.put_object(Bucket=BUCKET, Key="small", Body=b"x" * 100_000)  # whatever is loaded on first use
    with Growth(front_of(server)) as growth:
        s3.put_object(Bucket=BUCKET, Key="big", Body=Endless())
        for piece in s3.get_object(Bucket=BUCKET, Key="big")["Body"].iter_chunks(1 << 20):
            digest.update(piece)
    assert digest.hexdigest() == expected_digest()
    assert growth.bytes < GROWTH
