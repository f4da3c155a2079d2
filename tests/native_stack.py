"""docker/compose.yaml without containers: the same commands and checks, natively on loopback.

What a container would give is put in place of its names: addresses become loopback ports, paths
folders of the test. Everything else (commands, environment, health checks, init script) is read
from the files that are shipped, so that a wrong option there fails here.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.code_closure import ROOT
from tests.prefect_servers import free_port, prefect_environment, running

COMPOSE = ROOT / "docker" / "compose.yaml"
INIT_SCRIPT = ROOT / "docker" / "postgres" / "databases.sh"
SECRETS = {
    "POSTGRES_PASSWORD": "the-administrators",
    "MLFLOW_DB_PASSWORD": "of-mlflow",
    "PREFECT_DB_PASSWORD": "of-prefect",
    "PREFECT_AUTH": "somebody:something",
}
_VARIABLE = re.compile(r"\$\{(\w+)(?::(?P<kind>[?-])(?P<text>[^}]*))?\}")


def read_compose(variables: dict[str, str]) -> dict[str, Any]:
    """Read the services, variables filled in as Compose does; a missing one raises KeyError."""

    def value(match: re.Match[str]) -> str:
        if match["kind"] == "-":
            return variables.get(match[1], match["text"])
        return variables[match[1]]

    content = yaml.safe_load(_VARIABLE.sub(value, COMPOSE.read_text()))
    return dict(content["services"])


def postgres_bin() -> Path:
    """Find the folder of Debian's PostgreSQL commands; skip without it, but fail in CI."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        reason = "no PostgreSQL: install the apt package `postgresql`"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return found[-1].parent


class NativeStack:
    """The services' commands and environments as they are on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.services = read_compose(SECRETS)
        self.ports = {port: str(free_port()) for port in ("5432", "5000", "4200", "8080")}

    def here(self, text: str) -> str:
        """Return a word of the compose file, with this machine's address or path in it."""
        if text in self.ports:
            return self.ports[text]
        if text.startswith(("/tmp", "/mlartifacts", "/home/aislewatch")):
            return f"{self.folder}{text}"
        ports = "|".join(self.ports)
        address = rf"\b(?:postgres|mlflow|prefect|localhost|127\.0\.0\.1):({ports})\b"
        text = re.sub(address, lambda found: f"127.0.0.1:{self.ports[found[1]]}", text)
        return text.replace("0.0.0.0", "127.0.0.1")

    def command(self, service: str) -> list[str]:
        """Return what the service runs."""
        return [self.here(word) for word in self.services[service]["command"]]

    def environment(self, service: str) -> dict[str, str]:
        """Return the service's environment, on top of what this machine's programs need."""
        stated = self.services[service].get("environment", {})
        own = {key: self.here(value) for key, value in stated.items()}
        return prefect_environment(self.folder / "prefect", **own)

    def healthy(self, service: str) -> Callable[[], bool]:
        """Return the service's own health check, as a question."""
        kind, *command = (self.here(word) for word in self.services[service]["healthcheck"]["test"])
        assert kind == "CMD"
        env = self.environment(service)
        env["PATH"] = f"{env['PATH']}:{postgres_bin()}"
        return lambda: subprocess.run(command, env=env, capture_output=True).returncode == 0

    @contextmanager
    def serving(self, service: str) -> Iterator[None]:
        """Run the service, healthy, for the length of a block."""
        log = self.folder / f"{service}.log"
        env = self.environment(service)
        with running(self.command(service), env, log, self.healthy(service)):
            yield


@contextmanager
def native_stack(folder: Path) -> Iterator[NativeStack]:
    """Run compose.yaml's PostgreSQL, MLflow, Prefect; clients use ``environment("worker")``."""
    stack = NativeStack(folder)
    for name in ("tmp", "mlartifacts"):
        (folder / name).mkdir()
    with ExitStack() as running_now:
        running_now.enter_context(serving_postgres(stack))
        for service in ("mlflow", "prefect"):
            running_now.enter_context(stack.serving(service))
        yield stack


@contextmanager
def serving_postgres(stack: NativeStack) -> Iterator[None]:
    """Make a cluster as the image's entry point does, then by our script, and run it."""
    commands, port = postgres_bin(), stack.ports["5432"]
    # Not below pytest's folder: that is closed to the user `postgres`, and PostgreSQL refuses root.
    with tempfile.TemporaryDirectory(prefix="aislewatch-postgres-") as place:
        data = Path(place) / "data"
        prefix: list[str] = []
        if os.geteuid() == 0:
            shutil.chown(place, user="postgres")
            prefix = ["runuser", "-u", "postgres", "--"]
        initialise = [*prefix, str(commands / "initdb"), "--pgdata", str(data)]
        auth = ["--username=postgres", "--auth-local=trust", "--auth-host=scram-sha-256"]
        subprocess.run([*initialise, *auth], cwd=place, check=True, capture_output=True)
        server = [*prefix, str(commands / "postgres"), "-D", str(data), "-p", port, "-k", place]
        listen = ["-c", "listen_addresses=127.0.0.1"]
        env = stack.environment("postgres") | {"PGHOST": place, "PGPORT": port}
        env["PATH"] = f"{env['PATH']}:{commands}"
        log = stack.folder / "postgres.log"
        with running([*server, *listen], env, log, stack.healthy("postgres")):
            subprocess.run(["sh", str(INIT_SCRIPT)], env=env, check=True)
            yield
