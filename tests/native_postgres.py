"""PostgreSQL of docker/compose.yaml without its image: Debian's, and its clusters for tests."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def postgres_bin() -> Path:
    """Find the folder of Debian's PostgreSQL commands; skip without it, but fail in CI."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        reason = "no PostgreSQL: install the apt package `postgresql`"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return found[-1].parent


@contextmanager
def making_postgres(port: str) -> Iterator[list[str]]:
    """Make an empty cluster, as the image's entry point does; return the command of its server."""
    # Not below pytest's folder: that is closed to the user `postgres`, and PostgreSQL refuses root.
    with tempfile.TemporaryDirectory(prefix="aislewatch-postgres-") as place:
        data, commands = Path(place) / "data", postgres_bin()
        prefix: list[str] = []
        if os.geteuid() == 0:
            shutil.chown(place, user="postgres")
            prefix = ["runuser", "-u", "postgres", "--"]
        initialise = [*prefix, str(commands / "initdb"), "--pgdata", str(data)]
        auth = ["--username=postgres", "--auth-local=trust", "--auth-host=scram-sha-256"]
        subprocess.run([*initialise, *auth], cwd=place, check=True, capture_output=True)
        server = [*prefix, str(commands / "postgres"), "-D", str(data), "-k", place]
        yield [*server, "-p", port, "-c", "listen_addresses=127.0.0.1"]
