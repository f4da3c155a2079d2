"""Fixtures shared by all tests."""

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

import aislewatch  # noqa: F401  before torch: it sets how torch's threads wait
from tests.projects import clone_project, make_finished, make_store

import torch  # isort: skip

# A machine that runs several test files at once is slow now and then; that is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

# Compiled code is kept beside the code, whatever the shell says: hundreds of processes are started
# here, and compiling our modules anew takes each of them 0.3 s.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

if not torch.cuda.is_available():
    # Read when Triton is first imported, which Optuna does too.
    os.environ["TRITON_INTERPRET"] = "1"

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # Started in the background, the shell has us ignore Ctrl-C, and so would every stage we test.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def no_tracking_uri(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the store that a test named: MLflow keeps it in the environment for later tests."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(autouse=True)
def same_draws() -> None:
    """Set torch's seed, so that no test's clips or weights depend on which tests ran before it."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Find the folder of real footage; the variable is set in CI."""
    folder = os.environ.get("AISLEWATCH_CORPUS")
    if not folder:
        pytest.skip("AISLEWATCH_CORPUS names no folder of real footage")
    return Path(folder)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Find a real browser; without one a test fails in CI and skips elsewhere."""
    found = shutil.which("chromium")
    if found is None:
        reason = "no browser: install the apt package `chromium`"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Make MLflow's database of a new project, to be copied: its tables take 5 to 10 s."""
    own = tmp_path_factory.getbasetemp()
    shared = (own if worker_id == "master" else own.parent) / "empty store"
    with FileLock(f"{shared}.lock"):
        if not (shared / "made").exists():
            make_store(shared / "mlflow.db")
            (shared / "made").touch()
    return shared / "mlflow.db"


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Make a project and run its first ``dvc repro`` on the synthetic shop; not to be changed.

    Made once for all processes that test: the first to need it makes it, as pytest-xdist advises.
    """
    own = tmp_path_factory.getbasetemp()
    shared = (own if worker_id == "master" else own.parent) / "finished"
    with FileLock(f"{shared}.lock"):
        if not (shared / "made").exists():
            shutil.rmtree(shared, ignore_errors=True)
            make_finished(shared / "a shop")
            (shared / "made").touch()
    return shared / "a shop"


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Path:
    """Copy the finished project, to do things to."""
    return clone_project(finished, tmp_path / "a shop")
