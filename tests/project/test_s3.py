"""Data and registered models on a server that speaks S3: everything lost here comes back."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from aislewatch.doctor.services import look_at_remote
from aislewatch.register.stored import fetched, find_faults
from aislewatch.register.versions import Registry
from flows.worktree import open_worktree
from tests.flows.small_shop import add_video, git, make_shop
from tests.loopback import free_port
from tests.prefect_servers import is_up, running
from tests.projects import run
from tests.s3_server import LOGIN, kept, s3_server
from tests.tiny_registry import add_version

DATA, MODELS = "shop-data", "shop-models"


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with s3_server(tmp_path_factory.mktemp("s3"), DATA, MODELS) as address:
        yield address


def dvc(folder: Path, *words: str) -> str:
    return run(folder, sys.executable, "-m", "dvc", *words)


def test_a_retrainings_worktree_pushes_what_a_bare_clone_gets_back(
    s3: str, tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its password is in the project's config.local alone, as DVC's users keep it."""
    shop = make_shop(tmp_path, empty_store)
    dvc(shop, "remote", "add", "--force", "far", f"s3://{DATA}/dvc")
    dvc(shop, "remote", "modify", "far", "endpointurl", s3)
    login = {"access_key_id": "AWS_ACCESS_KEY_ID", "secret_access_key": "AWS_SECRET_ACCESS_KEY"}
    for option, variable in login.items():
        monkeypatch.delenv(variable)
        dvc(shop, "remote", "modify", "--local", "far", option, LOGIN[variable])
    git(shop, "-c", "user.name=Ann", "-c", "user.email=a@b", "commit", "-qam", "data goes to S3")
    git(shop, "push", "-q", "origin", "main")
    monkeypatch.chdir(shop)
    tree, _ = open_worktree(shop, "main")
    add_video(tree.folder, "first")
    dvc(tree.folder, "repro", "train")
    model = (tree.folder / "model.txt").read_bytes()
    dvc(tree.folder, "push", "--quiet")
    assert look_at_remote().level == "ok"

    bare = tmp_path / "bare"
    git(tmp_path, "clone", "-q", str(tmp_path / "hub.git"), "bare")
    shutil.copy(shop / ".dvc/config.local", bare / ".dvc")
    shutil.copy(tree.folder / "dvc.lock", bare)
    dvc(bare, "pull", "model.txt")
    assert (bare / "model.txt").read_bytes() == model
    for name, value in LOGIN.items():
        monkeypatch.setenv(name, value)
    assert model in kept(DATA).values()


def test_what_reaches_s3_without_its_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "-q")
    dvc(tmp_path, "init", "-q")
    dvc(tmp_path, "remote", "add", "-d", "far", f"s3://{DATA}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "dvc_s3", None)
    row = look_at_remote()
    assert (row.level, row.do) == ("bad", "pip install 'aislewatch[s3]'")


def test_a_registered_version_on_s3_is_fetched_whole_and_a_lost_one_is_seen(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As docker/ starts MLflow, but for the place of its artifacts: clients need no S3 login."""
    address = f"http://127.0.0.1:{(port := free_port())}"
    store = ("--backend-store-uri", f"sqlite:///{tmp_path}/mlflow.db")
    place = ("--serve-artifacts", "--artifacts-destination", f"s3://{MODELS}/mlflow")
    command = [sys.executable, "-m", "mlflow", "server", *store, *place, "--port", str(port)]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    ready = is_up(f"{address}/health")
    monkeypatch.chdir(tmp_path)
    with running([*command, "--workers", "1"], os.environ | quiet, tmp_path / "mlflow.log", ready):
        for name in LOGIN:
            monkeypatch.delenv(name)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        registry = Registry("aislewatch")
        version = add_version(registry, "weights of a night")
        assert find_faults(registry, version) == {}
        with fetched(registry, version) as own:
            assert (own / "weights.safetensors").read_text() == "weights of a night"
        for name, value in LOGIN.items():
            monkeypatch.setenv(name, value)
        files = kept(MODELS)
        assert sum(b"weights of a night" in value for value in files.values()) >= 5
        for name in files:
            boto3.client("s3").delete_object(Bucket=MODELS, Key=name)
        assert set(find_faults(registry, version)) == {"."}
