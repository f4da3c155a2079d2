"""docker/compose.yaml without containers: the same commands and checks, natively on loopback.

What a container would give is put in place of its names: addresses become loopback ports, paths
folders of the test. Everything else (commands, environment, health checks, init script) is read
from the files that are shipped, so that a wrong option there fails here. The S3 server alone is
another program (`tests.s3_storage`), on the port and folder that its command names.
"""

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg2
import yaml

from tests.code_closure import ROOT
from tests.loopback import free_port
from tests.native_postgres import making_postgres, postgres_bin
from tests.prefect_servers import prefect_environment, running

COMPOSE = ROOT / "docker" / "compose.yaml"
DOCKER = COMPOSE.parent
INIT_SCRIPT = DOCKER / "postgres" / "databases.sh"
# Folders of a container, which lie below the test's own here.
PLACES = (
    *("/tmp", "/models", "/backups", "/project"),
    *("/home/aislewatch", "/run/secrets", "/etc/aislewatch"),
)
# Where MLflow's server hands artifacts up and down.
MLFLOW_ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"

# Seconds until a server answers, at most: one took 180 on two cores at load 12.
START_S = 600.0

_DEFAULT = re.compile(r"\$\{\w+:-([^}]*)\}")


def read_compose() -> dict[str, Any]:
    """Read compose.yaml; a variable has the value that it gives where nobody sets one."""
    return dict(yaml.safe_load(_DEFAULT.sub(r"\1", COMPOSE.read_text())))


class NativeStack:
    """The services' commands and environments as they are on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.services = read_compose()["services"]
        numbers = ("5432", "5000", "4200", "8080", "7070", "7071")
        self.ports = {port: str(free_port()) for port in numbers}
        # By service: what stops it, however many started after it.
        self.serving: dict[str, ExitStack] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.postgres_command: list[str] = []  # of a cluster that is made, by `making_postgres`
        self._bring_files()

    def start(self, *services: str) -> None:
        """Start services one after the other, each healthy before the next."""
        for service in services:
            self.serving[service] = stack = ExitStack()
            self.processes[service] = stack.enter_context(self._serve(service))

    def stop(self, *services: str) -> None:
        """Stop services as an engine does: SIGTERM, and SIGKILL to what does not end."""
        for service in services:
            if service == "postgres":
                # Its image's STOPSIGNAL: with SIGTERM it would wait for its clients to go.
                postgres = psutil.Process(self.processes[service].pid)
                if self.postgres_command[0] == "runuser":
                    [postgres] = postgres.children()
                postgres.send_signal(signal.SIGINT)
                self.processes[service].wait(300)
            self.serving.pop(service).close()

    def _bring_files(self) -> None:
        """Make the secrets by the script that a shop runs; copy what is mounted, as it is here."""
        scripts = self.folder / "docker"
        scripts.mkdir()
        shutil.copy(DOCKER / "new_secrets.sh", scripts)
        subprocess.run(["sh", "new_secrets.sh"], cwd=scripts, check=True)
        (self.folder / "run").mkdir()
        (scripts / "secrets").rename(self.folder / "run" / "secrets")
        for service in self.services.values():
            for mount in service.get("volumes", []):
                source, target = mount.split(":")[:2]
                if target.startswith("/etc/aislewatch/"):
                    file = self.folder / target[1:]
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_text(self.here((DOCKER / source).read_text()))

    def secret(self, name: str) -> str:
        """Return what the secret's file holds."""
        return (self.folder / "run" / "secrets" / name).read_text()

    def here(self, text: str) -> str:
        """Return a word of the compose file, with this machine's address or path in it."""
        if text in self.ports:
            return self.ports[text]
        if text.startswith(PLACES):
            return f"{self.folder}{text}"
        ports = "|".join(self.ports)
        names = "|".join(self.services)
        address = rf"\b(?:{names}|localhost|127\.0\.0\.1):({ports})\b"
        text = re.sub(address, lambda found: f"127.0.0.1:{self.ports[found[1]]}", text)
        return text.replace("0.0.0.0", "127.0.0.1")

    def command(self, service: str) -> list[str]:
        """Return what the service runs, by our images' entry point."""
        entry = ["sh", str(DOCKER / "with_secrets.sh")]
        words = self.services[service]["command"]
        if words[0] == "versitygw":
            port = self.ports[words[words.index("--port") + 1].removeprefix(":")]
            objects = self.volume(service) / Path(words[-1]).relative_to("/data")
            objects.mkdir(parents=True, exist_ok=True)
            return [*entry, sys.executable, "-m", "tests.s3_storage", port, str(objects)]
        return [*entry, *(self.here(word) for word in words)]

    def volume(self, service: str) -> Path:
        """Return the folder that stands for a storage service's volume."""
        [mount] = self.services[service]["volumes"]
        return self.folder / mount.split(":")[0]

    def environment(self, service: str) -> dict[str, str]:
        """Return the service's environment, on top of what this machine's programs need."""
        stated = self.services[service].get("environment", {})
        own = {key: self.here(value) for key, value in stated.items()}
        if "PGHOST" in own:
            own["PGHOST"] = "127.0.0.1"
        return prefect_environment(self.folder / "prefect", **own)

    def inside(self, service: str) -> dict[str, str]:
        """Return what the service's program gets: secrets are read from their files."""
        env = self.environment(service)
        for name in self.services[service].get("secrets", []):
            path = str(self.folder / "run" / "secrets" / name)
            for variable in [key for key, value in env.items() if value == path]:
                env[variable.removesuffix("_FILE")] = self.secret(name)
                del env[variable]
        return env

    def healthy(self, service: str) -> Callable[[], bool]:
        """Return the service's own health check, as a question."""
        kind, *command = (self.here(word) for word in self.services[service]["healthcheck"]["test"])
        assert kind == "CMD"
        env = self.environment(service)
        env["PATH"] = f"{env['PATH']}:{postgres_bin()}"
        return lambda: subprocess.run(command, env=env, capture_output=True).returncode == 0

    @contextmanager
    def _serve(self, service: str) -> Iterator[subprocess.Popen[bytes]]:
        log = self.folder / f"{service}.log"
        env = self.environment(service)
        command = self.postgres_command if service == "postgres" else self.command(service)
        if "tests.s3_storage" in command:
            env["PYTHONPATH"] = str(ROOT)
        with running(command, env, log, self.healthy(service), START_S) as process:
            yield process

    def finish(self, service: str, folder: Path, fails: bool = False) -> str:
        """Run a service that ends, in a folder, and return what it says."""
        env = self.environment(service) | {"PYTHONPATH": str(ROOT)}
        env["PATH"] = f"{env['PATH']}:{postgres_bin()}"
        done = subprocess.run(
            self.command(service), cwd=folder, env=env, capture_output=True, text=True, check=False
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr


@contextmanager
def native_stack(folder: Path) -> Iterator[NativeStack]:
    """Run compose.yaml's PostgreSQL, MLflow, Prefect; clients use ``inside("worker")``."""
    stack = NativeStack(folder)
    (folder / "tmp").mkdir()
    with serving_postgres(stack):
        stack.start("storage-models", "storage-data")
        stack.finish("bucket-models", ROOT)
        stack.start("mlflow", "prefect")
        stack.finish("accounts", ROOT)
        yield stack


@contextmanager
def serving_postgres(stack: NativeStack) -> Iterator[None]:
    """Run a new PostgreSQL; at the end stop it, and before it what else was started."""
    with making_postgres(stack.ports["5432"]) as stack.postgres_command:
        try:
            _start_postgres(stack)
            yield
        finally:
            stack.stop(*reversed(stack.serving))


def _start_postgres(stack: NativeStack) -> None:
    """Start the cluster for the first time, and make roles and databases by our script."""
    stack.start("postgres")
    place = stack.postgres_command[stack.postgres_command.index("-k") + 1]
    env = stack.environment("postgres") | {"PGHOST": place, "PGPORT": stack.ports["5432"]}
    env["PATH"] = f"{env['PATH']}:{postgres_bin()}"
    password = f"ALTER ROLE postgres PASSWORD '{stack.secret('postgres_password')}'"
    as_postgres = ["psql", "--username", "postgres", "--command", password]
    subprocess.run(as_postgres, env=env, check=True)
    subprocess.run(["sh", str(INIT_SCRIPT)], env=env, check=True)


def mlflow_holds(stack: NativeStack) -> dict[str, Any]:
    """Read each table of MLflow's two databases, and its artifacts."""
    kept: dict[str, Any] = {}
    for name in ("mlflow", "mlflow_auth"):
        with closing(connected(stack, name)) as database, database.cursor() as cursor:
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            for (table,) in cursor.fetchall():
                cursor.execute(f'SELECT t::text FROM "{table}" t ORDER BY 1')
                kept[f"{name}.{table}"] = cursor.fetchall()
    objects = stack.volume("storage-models") / "objects"
    files = [file for file in objects.rglob("*") if file.is_file()]
    # MLflow makes its own default of these when anybody first looks at them.
    del kept["mlflow.label_schemas"]
    return kept | {str(file): file.read_bytes() for file in files}


def connected(stack: NativeStack, database: str) -> Any:
    """Connect to one of MLflow's databases as its server does."""
    password, port = stack.secret("mlflow_db_password"), stack.ports["5432"]
    place = f"host=127.0.0.1 port={port} user=mlflow password={password} dbname={database}"
    return psycopg2.connect(place)


def add_a_run(stack: NativeStack) -> str:
    """Make a run with an artifact, as the pipeline does, and our model; return the run's id."""
    login = ("pipeline", stack.secret("mlflow_pipeline_password"))
    base = stack.inside("worker")["MLFLOW_TRACKING_URI"]
    with httpx.Client(base_url=base, auth=login, timeout=60) as it:
        it.post("/api/2.0/mlflow/experiments/create", json={"name": "aislewatch"})
        made = it.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "1"}).json()
        run = str(made["run"]["info"]["run_id"])
        it.post("/api/2.0/mlflow/registered-models/create", json={"name": "aislewatch"})
        place = f"{MLFLOW_ARTIFACTS}/1/{run}/artifacts/a.txt"
        it.put(place, content=b"ours").raise_for_status()
    return run
