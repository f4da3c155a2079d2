"""Make a bucket where there is none: ``python -m flows.storage BUCKET``, in the project's root.

Address and login come from the environment (``AWS_ENDPOINT_URL``, ``AWS_ACCESS_KEY_ID``,
``AWS_SECRET_ACCESS_KEY``). With ``--dvc`` the bucket becomes DVC's default remote where the project
has none; said twice it changes nothing.
"""

import argparse
import subprocess
from pathlib import Path

from aislewatch.errors import PipelineError
from aislewatch.exits import plain_errors
from flows.training import DVC
from flows.worktree import has_dvc_remote

# What DVC calls the remote.
REMOTE = "storage"


def main() -> None:
    """Make the bucket, tell DVC of it, and say so."""
    parser = argparse.ArgumentParser(prog="flows.storage", description=__doc__)
    parser.add_argument("bucket")
    parser.add_argument("--dvc", action="store_true")
    asked = parser.parse_args()
    with plain_errors("storage"):
        make_bucket(asked.bucket)
        if asked.dvc:
            name_remote(asked.bucket)


def make_bucket(name: str) -> None:
    """Make a bucket unless it is there.

    Raises:
        PipelineError: the server does not answer, or refuses; with its words, and no password.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    client = boto3.client("s3")
    try:
        if name not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
            client.create_bucket(Bucket=name)
            print(f"made the bucket {name}")
    except (BotoCoreError, ClientError) as error:
        raise PipelineError(f"S3 at {client.meta.endpoint_url}: {error}") from None


def name_remote(bucket: str) -> None:
    """Make a bucket DVC's default remote, in ``.dvc/config.local``, unless there is a default.

    Raises:
        PipelineError: DVC refuses; with its words.
    """
    if has_dvc_remote(Path.cwd()):
        return
    command = ["remote", "add", "--local", "--force", "--default", REMOTE, f"s3://{bucket}/dvc"]
    done = subprocess.run([*DVC, *command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise PipelineError(f"`dvc {' '.join(command)}` failed:\n{done.stderr}")
    print(f"DVC pushes to s3://{bucket}/dvc")


if __name__ == "__main__":
    main()
