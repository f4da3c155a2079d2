"""Take the pictures of Prefect's pages: a retraining's result, the deployments, the form.

    python -m docs.prefect_pages         needs Chromium (apt: chromium) and playwright

A small shop of the tests retrains on a server of its own and asks people; its pages are opened in a
real browser. Writes prefect_run.png, retraining.png, deployments.png and answer.png into
docs/images.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, sync_playwright
from prefect import tags
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from flows.answers import fill_form
from flows.deploy import deploy
from flows.retrain import retrain
from flows.server import connected
from tests.code_closure import ROOT
from tests.flows.small_shop import commit, git, make_shop
from tests.prefect_servers import flow_runs, prefect_server
from tests.projects import make_store, wait_until_recorded

IMAGES = ROOT / "docs/images"

# Milliseconds that a page needs to draw after its data has come, on a busy machine.
SETTLE_MS = 5000


def main() -> None:
    """Take all pictures."""
    with tempfile.TemporaryDirectory() as place, _server(Path(place)) as api:
        (Path(place) / "store").mkdir()
        make_store(Path(place) / "store/mlflow.db")
        shop = make_shop(Path(place), Path(place) / "store/mlflow.db")
        shutil.copy(ROOT / "prefect.yaml", shop)
        commit(shop, "what Prefect runs")
        git(shop, "push", "-q", "origin", "main")
        with chdir(shop), connected() as client:
            deploy(client)
            with tags("night"):
                retrain(return_state=True)
            wait_until_recorded(shop / ".aislewatch/retrain/tree")
            form = fill_form("aislewatch")
        [run] = [one["id"] for one in flow_runs(api) if one["tags"] == ["night"]]
        with sync_playwright() as playwright:
            chromium = shutil.which("chromium")
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1360, "height": 900})
            _take_pages(page, api, run, form)


@contextmanager
def _server(place: Path) -> Iterator[str]:
    with prefect_server(place) as api, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_API_URL", api)
        patch.setenv("PREFECT_HOME", os.fspath(place / "prefect"))
        patch.setenv("PYTHONPATH", os.fspath(ROOT))
        with temporary_settings({PREFECT_API_URL: api, PREFECT_HOME: place / "prefect"}):
            yield api


def _take_pages(page: Page, api: str, run: str, form: str) -> None:
    server = api.removesuffix("/api")
    query = {"artifacts": {"flow_run_id": {"any_": [run]}, "key": {"any_": ["result"]}}}
    [result] = httpx.post(f"{api}/artifacts/filter", json=query, timeout=60).json()
    addresses = {
        "retraining": f"{server}/artifacts/artifact/{result['id']}",
        "deployments": f"{server}/deployments",
        "answer": form,
        "prefect_run": f"{server}/runs/flow-run/{run}",
    }
    for name, address in addresses.items():
        page.goto(address)
        page.wait_for_timeout(SETTLE_MS)
        if name == "prefect_run":
            page.get_by_text("Artifacts", exact=True).first.click()
            page.wait_for_timeout(SETTLE_MS)
        page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
