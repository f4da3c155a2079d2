"""Stores that are dead, silent, locked or read-only: one error, in time, without a password."""

import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aislewatch.doctor.services import look_at_store
from aislewatch.errors import RegistryError
from aislewatch.recording.address import check_store, shown_uri, without_password
from aislewatch.recording.client import connect, sole_user
from aislewatch.recording.moved import follow
from tests.code_closure import ROOT
from tests.projects import environment, run

# A person is promised 15 s. The rest is what a busy machine needs to start the command; what the
# promise is about, the clients' own patience, is of minutes.
TOLD_S = 45.0


@contextmanager
def listening(answer: bytes = b"", every_s: float = 0.0) -> Iterator[int]:
    """Accept connections and say nothing, or ``answer`` byte by byte; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            held = []
            while True:
                try:
                    held.append(server.accept()[0])
                    for byte in answer:
                        held[-1].sendall(bytes([byte]))
                        time.sleep(every_s)
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    return tmp_path


def told(project: Path, *command: str, uri: str) -> str:
    """The error of a command that fails, and in time."""
    began = time.monotonic()
    env = environment(MLFLOW_TRACKING_URI=uri, PYTHONPATH=str(ROOT))
    done = subprocess.run(
        command, cwd=project, env=env, capture_output=True, text=True, check=False
    )
    assert time.monotonic() - began < TOLD_S
    assert done.returncode == 1
    [line] = done.stderr.strip().splitlines()
    return line


@pytest.mark.parametrize("kind", ["dead", "silent", "trickling", "postgresql"])
def test_a_server_that_does_not_answer_is_named_without_its_password(
    project: Path, kind: str
) -> None:
    answers = {"trickling": (b"HTTP/1.1 200 OK\r\n" * 100, 0.2)}
    with listening(*answers.get(kind, (b"", 0.0))) as port:
        if kind == "dead":
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
        scheme = kind if kind == "postgresql" else "http"
        uri = f"{scheme}://ann:s3cret%2Fword@127.0.0.1:{port}"
        line = told(project, "aislewatch", "models", "list", uri=uri)
    assert f"{scheme}://ann:***@127.0.0.1:{port} cannot be used" in line
    assert "correct MLFLOW_TRACKING_URI" in line
    assert "s3cret" not in line


@pytest.mark.parametrize(
    "command",
    [
        ["models", "promote", "1", "--why", "x"],
        ["detect", "video.mp4"],
        ["runs"],
        ["checkout", "1", "folder"],
        ["preflight"],
    ],
)
def test_every_command_that_needs_the_store_says_so(project: Path, command: list[str]) -> None:
    (project / "registration.json").write_text('{"name": "aislewatch", "digest": "1"}')
    with listening() as port:
        line = told(project, "aislewatch", *command, uri=f"http://127.0.0.1:{port}")
    assert "gives no answer in" in line
    assert (project / "registration.json").exists()


@pytest.fixture
def store(project: Path, empty_store: Path) -> Path:
    (project / "mlflow.db").write_bytes(empty_store.read_bytes())
    return project / "mlflow.db"


@contextmanager
def locked(store: Path) -> Iterator[None]:
    with sqlite3.connect(store, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def test_a_locked_database_is_told_and_blocks_nobody_behind(project: Path, store: Path) -> None:
    lines = []
    uri = f"sqlite:///{store}"

    def ask() -> None:
        lines.append(told(project, "aislewatch", "models", "list", uri=uri))

    with locked(store):
        asking = [threading.Thread(target=ask) for _ in range(2)]
        for one in asking:
            one.start()
        for one in asking:
            one.join()
    assert len(lines) == 2
    for line in lines:
        assert f"{store} cannot be used: database is locked; wait for whoever holds it" in line


def test_a_database_locked_after_the_start_is_told_too(store: Path) -> None:
    client, _ = connect()
    began = time.monotonic()
    with locked(store), pytest.raises(RegistryError, match="database is locked"):
        client.search_experiments()
    assert time.monotonic() - began < TOLD_S


WRITE_AS_ANOTHER = """
import os
from aislewatch.errors import RegistryError
from aislewatch.recording.client import connect
os.environ["MLFLOW_TRACKING_URI"] = "sqlite:///other.db"
connect()[0].search_experiments()
os.environ["MLFLOW_TRACKING_URI"] = "sqlite:///mlflow.db"
if os.geteuid() == 0:  # Root may write anything. Another user may not read all modules, loaded now.
    os.seteuid(65534)
client, experiment = connect()
assert client.search_runs([experiment]) == []
try:
    client.create_run(experiment)
except RegistryError as error:
    print(error)
"""


def test_a_read_only_database_can_be_read_and_says_that_it_cannot_be_written(
    empty_store: Path,
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = folder / "mlflow.db"
        for copy in (store, folder / "other.db"):
            copy.write_bytes(empty_store.read_bytes())
            follow(copy)
        store.chmod(0o444)
        folder.chmod(0o555)
        said = run(folder, sys.executable, "-c", WRITE_AS_ANOTHER, PYTHONPATH=str(ROOT))
    assert "attempt to write a readonly database; make the file and its folder" in said
    assert "Traceback" not in said


def test_who_waits_for_a_new_databases_tables_does_not_wait_for_ever(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aislewatch.recording.client.TABLES_S", 0.5)
    with (
        sole_user("tables"),
        pytest.raises(RegistryError, match="another process holds its tables"),
    ):
        connect()


def test_nobody_waits_at_a_database_that_has_its_tables(store: Path) -> None:
    with sole_user("tables"):
        connect()


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("postgresql://u:p%40ss@host/db?password=other", "postgresql://u:***@host/db"),
        ("https://host:5000/prefix", "https://host:5000/prefix"),
        ("http://token@host", "http://token@host"),
        ("http://u:a@b@host", "http://u:***@host"),
    ],
)
def test_no_password_is_shown(uri: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert shown_uri() == shown
    assert "other" not in without_password(uri)
    if "p%40ss" in uri:
        assert not {"p@ss", "p%40ss"} & set(without_password(f"{uri} p@ss p%40ss").split())


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("no http://u:a@s3cret@other/x here", "no http://u:***@other/x here"),
        ("redis://:s3cret/slash@host:6379/0", "redis://:***@host:6379/0"),
        ("postgresql://u:s3cret?#@host/db", "postgresql://u:***@host/db"),
        (
            "amqp://u:s3cret@a:1/ and amqp://v:s3cret@b:2/",
            "amqp://u:***@a:1/ and amqp://v:***@b:2/",
        ),
        ("https://host/v1?api_key=s3cret&x=1", "https://host/v1?api_key=***&x=1"),
        ("AWS_SECRET_ACCESS_KEY=s3cret x", "AWS_SECRET_ACCESS_KEY=*** x"),
        ("X-Amz-Signature=s3cret", "X-Amz-Signature=***"),
        ('{"client_secret": "s3cret", "a": 1}', '{"client_secret": "***", "a": 1}'),
        ("http://host:5000/a@b and me@shop.example", "http://host:5000/a@b and me@shop.example"),
        ("the password is wrong: try again", "the password is wrong: try again"),
    ],
)
def test_a_secret_of_any_address_is_hidden_and_nothing_else(
    said: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert without_password(said) == shown


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("200 OK\r\nContent-Type: text/html; charset=utf-8", "it answers with a web page"),
        ("503 Service Unavailable", "it answers with HTTP error 503"),
        ("200 OK\r\nContent-Type: text/plain", ""),
        ("401 Unauthorized", ""),  # its client has the login
    ],
)
def test_who_answers_but_not_as_mlflow_is_told(
    answer: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n".encode()) as port:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://ann:s3cret@127.0.0.1:{port}")
        row = look_at_store()
    assert (row.level, says in row.says) == ("bad" if says else "ok", True)
    assert "s3cret" not in row.says


@pytest.mark.parametrize("kept", [0, 50_000])
def test_a_damaged_database_is_told_with_what_mends_it(store: Path, kept: int) -> None:
    store.write_bytes(store.read_bytes()[:kept] + b"no database" * 1000)
    with pytest.raises(RegistryError, match="put a copy in its place"):
        check_store()


def test_a_certificate_of_ones_own_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow may be told to accept it; the question carries no secret."""
    with listening(b"no TLS at all\r\n") as port:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"https://127.0.0.1:{port}")
        check_store()
