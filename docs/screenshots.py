"""Take the pictures of the documentation from a finished `make demo`, with a real browser.

    python docs/screenshots.py           needs Chromium (apt: chromium) and playwright

Writes report.png, split.png (pages of the project), nights.png and mlflow.png (MLflow: a list of
nights, the networks side by side) into docs/images, the review desk's (`docs.desk_pages`), and
Prefect's pages (`docs.prefect_pages`, which needs no demo).
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import quote

from mlflow.tracking import MlflowClient
from playwright.sync_api import Page, sync_playwright

from aislewatch.recording.view import COMPARISON, VIEW

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs/images"
STORE = f"sqlite:///{ROOT / 'mlflow.db'}"
COMPARED = ["convlstm", "cnn", "lstm", "cnn_lstm"]

# Milliseconds that MLflow's page needs to draw after its data has come.
SETTLE_MS = 6000


def main() -> None:
    """Take all pictures."""
    IMAGES.mkdir(exist_ok=True)
    browser_path = shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1360, "height": 900})
        page.goto((ROOT / "reports/evaluate/report.html").as_uri())
        page.screenshot(path=IMAGES / "report.png")
        page.goto((ROOT / "reports/split/index.html").as_uri())
        page.screenshot(path=IMAGES / "split.png")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", STORE]
        quiet = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        server = subprocess.Popen([*command, "--port", str(port), "--workers", "1"], env=quiet)
        try:
            _wait(f"http://127.0.0.1:{port}/health")
            _nights(page, f"http://127.0.0.1:{port}")
            _compare(page, f"http://127.0.0.1:{port}")
        finally:
            server.terminate()
            server.wait()
    for pages in ("docs.desk_pages", "docs.prefect_pages"):
        subprocess.run([sys.executable, "-m", pages], cwd=ROOT, check=True)


def _experiment_id(client: MlflowClient) -> str:
    experiment = client.get_experiment_by_name("aislewatch")
    assert experiment is not None, "run `make demo` first"
    return str(experiment.experiment_id)


def _nights(page: Page, server: str) -> None:
    """Take the list that ``make demo`` prints the address of."""
    experiment = _experiment_id(MlflowClient(STORE))
    page.set_viewport_size({"width": 1900, "height": 560})
    page.goto(f"{server}/#/experiments/{experiment}/{COMPARISON}")
    page.wait_for_timeout(2 * SETTLE_MS)
    _close_assistant(page)
    page.screenshot(path=IMAGES / "nights.png")


def _close_assistant(page: Page) -> None:
    assistant = page.get_by_role("button", name="Close")
    if assistant.count():
        assistant.first.click()


def _compare(page: Page, server: str) -> None:
    client = MlflowClient(STORE)
    experiment = _experiment_id(client)
    runs = client.search_runs([experiment], "tags.kind = 'model'")
    newest: dict[str, str] = {}
    for run in runs:
        newest.setdefault(str(run.info.run_name), run.info.run_id)
    ids = quote(json.dumps([newest[name] for name in COMPARED]))
    experiments = quote(json.dumps([experiment]))
    page.goto(f"{server}/#/compare-runs?runs={ids}&experiments={experiments}&{VIEW}")
    page.wait_for_timeout(SETTLE_MS)
    _close_assistant(page)
    page.set_viewport_size({"width": 1500, "height": 1100})
    page.wait_for_timeout(SETTLE_MS)
    page.screenshot(path=IMAGES / "mlflow.png")


def _wait(url: str) -> None:
    for _ in range(240):
        try:
            urllib.request.urlopen(url, timeout=2)
            return
        except OSError:
            time.sleep(0.5)
    raise SystemExit(f"{url} does not answer")


if __name__ == "__main__":
    main()
