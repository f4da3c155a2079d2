"""Take the pictures of the documentation from a finished `make demo`, with a real browser.

    python docs/screenshots.py           needs Chromium (apt: chromium) and playwright

Writes report.png, split.png (pages of the project), desk.png (alerts of rendered footage on the
review desk), nights.png and mlflow.png (MLflow: a list of nights, the networks side by side) into
docs/images, and Prefect's pages (`docs.prefect_pages`, which needs no demo).
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import av
from mlflow.tracking import MlflowClient
from playwright.sync_api import Page, sync_playwright

from aislewatch.evidence.alert import AlertModel, LiveAlert
from aislewatch.evidence.folder import AlertFilm, Picture, write_evidence
from aislewatch.recording.view import COMPARISON, VIEW

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs/images"
STORE = f"sqlite:///{ROOT / 'mlflow.db'}"
COMPARED = ["convlstm", "cnn", "lstm", "cnn_lstm"]

# Milliseconds that MLflow's page needs to draw after its data has come.
SETTLE_MS = 6000

PROCEDURE = """\
1. Look at the whole clip, then judge.
2. Theft: call the shift lead, **never** stop anybody yourself.
3. In doubt: *unsure*, with a note.
"""

# Milliseconds into the desk's film: somebody is in the picture by then.
PLAY_MS = 3000


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
        _desk(page)
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
    subprocess.run([sys.executable, "-m", "docs.prefect_pages"], cwd=ROOT, check=True)


def _desk(page: Page) -> None:
    """Take the review desk with three alerts of the rendered shop."""
    films = sorted((ROOT / "data/raw/synthetic").rglob("shoplifting/*.mp4"))[:3]
    assert films, "run `make demo` first"
    with tempfile.TemporaryDirectory() as folder:
        live = Path(folder)
        for number, film in enumerate(films):
            _write_alert(live, film, number)
        (live / "procedure.md").write_text(PROCEDURE)
        desk = [sys.executable, "-m", "aislewatch.cli.main", "desk", "--live", folder]
        add = ["user", "add", "ada", "--role", "lead"]
        subprocess.run([*desk, *add], input="a password\n", text=True, check=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = subprocess.Popen([*desk, "--port", str(port)])
        try:
            _wait(f"http://127.0.0.1:{port}/login")
            page.goto(f"http://127.0.0.1:{port}/")
            page.get_by_label("Name").fill("ada")
            page.get_by_label("Password").fill("a password")
            page.get_by_role("button", name="Log in").click()
            page.locator("#film").wait_for()
            page.wait_for_timeout(PLAY_MS)
            page.screenshot(path=IMAGES / "desk.png")
        finally:
            server.terminate()
            server.wait()


def _write_alert(live: Path, film: Path, number: int) -> None:
    """Write the evidence of a film's middle, a minute after that of the one before."""
    with av.open(str(film)) as container:
        decoded = [
            Picture(float(frame.time or 0.0), frame.to_ndarray(format="rgb24").astype("uint8"))
            for frame in container.decode(video=0)
        ]
    begin = datetime(2026, 11, 30, 12, number, tzinfo=UTC)
    third = timedelta(seconds=decoded[-1].at_s / 3)
    alert = LiveAlert(
        camera=("till", "aisle 3", "entrance")[number],
        begin=begin + third,
        end=begin + 2 * third,
        raised=begin + 2 * third,
        captured=begin + 2 * third,
        score=0.93 - 0.04 * number,
        threshold=0.8,
        box=None,
        track=None,
        model=AlertModel("aislewatch", "1", "0" * 64),
        shadow=False,
        source="rtsp://shop",
        offset_s=None,
    )
    write_evidence(live, alert, AlertFilm(begin, decoded))


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
