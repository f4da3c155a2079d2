"""A server that speaks S3 on loopback, for tests: moto's, with the buckets that are asked for."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest

from tests.loopback import free_port
from tests.prefect_servers import is_up, running

LOGIN = {"AWS_ACCESS_KEY_ID": "shop", "AWS_SECRET_ACCESS_KEY": "open sesame"}


@contextmanager
def s3_server(folder: Path, *buckets: str) -> Iterator[str]:
    """Run a server whose log lies in ``folder``, as this process's S3; return its address."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    ready = is_up(f"{address}/moto-api/")
    with (
        running(command, os.environ, folder / "s3.log", ready),
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in (LOGIN | {"AWS_ENDPOINT_URL": address}).items():
            patch.setenv(name, value)
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        for bucket in buckets:
            boto3.client("s3").create_bucket(Bucket=bucket)
        yield address


def kept(bucket: str) -> dict[str, bytes]:
    """Return what a bucket holds, by name."""
    client = boto3.client("s3")
    found = client.list_objects_v2(Bucket=bucket).get("Contents", [])
    return {
        each["Key"]: client.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
        for each in found
    }
