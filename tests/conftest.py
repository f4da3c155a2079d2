"""Fixtures shared by all tests."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from hypothesis import settings

import aislewatch  # noqa: F401  before torch: it sets how torch's threads wait
from tests.projects import VIDEOS, make_project, run

# A machine that runs two test files at once is slow now and then; that is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # Started in the background, the shell has us ignore Ctrl-C, and so would every stage we test.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Folder of real footage; the variable is set in CI."""
    folder = os.environ.get("AISLEWATCH_CORPUS")
    if not folder:
        pytest.skip("AISLEWATCH_CORPUS names no folder of real footage")
    return Path(folder)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a real browser; without one a test fails in CI and skips elsewhere."""
    found = shutil.which("chromium")
    if found is None:
        reason = "no browser: install the apt package `chromium`"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project after its first ``dvc repro`` on the synthetic shop; not to be changed."""
    folder = make_project(tmp_path_factory.mktemp("finished") / "a shop", ["synthetic"])
    run(folder, "aislewatch", "synth", "data/raw/synthetic", "--videos", VIDEOS)
    run(folder, "dvc", "repro")
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    subprocess.run(["git", "commit", "-qm", "first repro"], cwd=folder, check=True)
    return folder


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished project to do things to."""
    folder = tmp_path / "a shop"
    shutil.copytree(finished, folder, symlinks=True)
    return folder
