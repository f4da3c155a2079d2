"""optuna-dashboard, the real one, opens a study that the tune stage made."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import sync_playwright

from stages import tune as tune_stage
from tests.loopback import free_port
from tests.prefect_servers import running
from tests.tiny_clips import run_stage_in, write_project


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project after its tune stage."""
    project = write_project(tmp_path_factory.mktemp("project"), tune={"trials": 3, "epochs": 1})
    run_stage_in(project, tune_stage)
    return project


@pytest.fixture(scope="module")
def dashboard(tuned: Path) -> Iterator[str]:
    """Address of the dashboard, started as docs/operations.md says."""
    [file] = (tuned / ".aislewatch").glob("study-*.db")
    address = f"http://127.0.0.1:{(port := free_port())}"

    def ready() -> bool:
        try:
            return httpx.get(f"{address}/api/meta").is_success
        except httpx.TransportError:
            return False

    command = ["optuna-dashboard", f"sqlite:///{file}", "--port", str(port)]
    with running(command, os.environ, tuned / "dashboard.log", ready):
        yield address


def test_the_dashboards_api_has_the_study_and_its_trials(dashboard: str, tuned: Path) -> None:
    best = json.loads((tuned / "data/best.json").read_text())
    [study] = httpx.get(f"{dashboard}/api/studies").json()["study_summaries"]
    assert study["study_name"] == f"tune-{best['study']}"
    found: dict[str, Any] = httpx.get(f"{dashboard}/api/studies/{study['study_id']}").json()
    trials = found["trials"]
    assert [trial["number"] for trial in trials] == [0, 1, 2]
    winner = trials[best["trial"]]
    assert winner["state"] == "Complete"
    assert winner["values"] == [best["val_loss"]]
    lr = next(p for p in winner["params"] if p["name"] == "lr")
    assert float(lr["param_internal_value"]) == best["lr"]


def test_the_dashboard_shows_the_study_in_a_browser(
    dashboard: str, tuned: Path, chromium: str
) -> None:
    best = json.loads((tuned / "data/best.json").read_text())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{dashboard}/dashboard")
        page.get_by_text(f"tune-{best['study']}").first.wait_for(timeout=60_000)
        browser.close()
