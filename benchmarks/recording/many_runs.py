"""How long MLflow's page takes to show an experiment of 2,000 runs, against one of 20.

python -m benchmarks.recording.many_runs      in a project's root, after `make demo` or `dvc repro`

The project's own runs, with all their parameters, metrics, tags and data sets, are copied night by
night until a store has as many as asked. Each store gets a server; chromium opens the address that
`make demo` prints, by turns. Seconds are from the address to the first row that is seen. The aim
(issue 12): 3 s with 2,000 runs.
"""

import argparse
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from aislewatch.recording.client import EXPERIMENT
from aislewatch.recording.moved import follow
from aislewatch.recording.view import COMPARISON, TAGS
from benchmarks.rounds import machine, verdict, working_folder

LIMIT_S = 3.0
MANY, FEW = 2000, 20
ROUNDS = 5

DAY_MS = 24 * 3600 * 1000

# Seconds for a server's start and for a page: no measurement, a stop for what hangs.
PATIENCE_S = 180.0

# MLflow 3.17's tables of what a run has, and the column that names the run.
TABLES = {
    "runs": "run_uuid",
    "params": "run_uuid",
    "tags": "run_uuid",
    "metrics": "run_uuid",
    "latest_metrics": "run_uuid",
    "inputs": "destination_id",
}


def main() -> None:
    """Print the median seconds of both stores, their ratio, and whether the limit holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--store", type=Path, default=Path("mlflow.db"))
    asked = parser.parse_args()
    seconds: dict[int, list[float]] = {MANY: [], FEW: []}
    with working_folder() as folder, sync_playwright() as playwright:
        stores = {
            n_runs: make_store(asked.store, folder / f"{n_runs}", n_runs) for n_runs in seconds
        }
        path = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        with served(*stores[MANY]) as many, served(*stores[FEW]) as few:
            for number in range(asked.rounds + 1):
                for n_runs, address in ((MANY, many), (FEW, few)):
                    taken = open_page(browser, address)
                    # The first finds a cold server.
                    if number:
                        seconds[n_runs].append(taken)
        browser.close()
    for n_runs, found in seconds.items():
        each = " ".join(f"{one:.2f}" for one in found)
        print(f"{n_runs} runs: {statistics.median(found):.2f} s (each: {each})")
    pairs = zip(seconds[MANY], seconds[FEW], strict=True)
    ratio = statistics.median(many / few for many, few in pairs)
    print(f"{MANY} runs against {FEW} in the same round: {ratio:.2f} times; {machine()}")
    print(
        verdict("seconds until rows are seen", statistics.median(seconds[MANY]), LIMIT_S, most=True)
    )


def make_store(source: Path, folder: Path, n_runs: int) -> tuple[Path, str]:
    """Make a store with so many copies of a store's runs; its file and the experiment's id."""
    folder.mkdir()
    database = folder / "mlflow.db"
    shutil.copyfile(source, database)
    follow(database)
    with closing(sqlite3.connect(database)) as store:
        rows = {table: store.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}
        columns = {
            table: [info[1] for info in store.execute(f"PRAGMA table_info({table})")]
            for table in TABLES
        }
        for table in TABLES:
            store.execute(f"DELETE FROM {table}")
        # A page lists pipelines, whose other runs are inside; the newest night may be cut.
        ids = [row[columns["runs"].index("run_uuid")] for row in rows["runs"]]
        for first in range(0, n_runs, len(ids)):
            night = first // len(ids)
            new = {old: uuid.uuid4().hex for old in ids[: n_runs - first]}
            for table in TABLES:
                _insert(store, table, columns[table], rows[table], new, night)
        [experiment] = store.execute(
            "SELECT experiment_id FROM experiments WHERE name = ?", (EXPERIMENT,)
        ).fetchone()
        for name, value in TAGS.items():
            tag = (name, value, experiment)
            columns_of_tag = "experiment_tags (key, value, experiment_id)"
            store.execute(f"INSERT OR REPLACE INTO {columns_of_tag} VALUES (?, ?, ?)", tag)
        store.commit()
        [made] = store.execute("SELECT count(*) FROM runs").fetchone()
    assert made == n_runs, (made, n_runs)
    return database, str(experiment)


def _insert(
    store: sqlite3.Connection,
    table: str,
    columns: list[str],
    rows: list[tuple[object, ...]],
    new: dict[str, str],
    night: int,
) -> None:
    places = ", ".join("?" * len(columns))
    copies = []
    for row in rows:
        values = dict(zip(columns, row, strict=True))
        if values[TABLES[table]] not in new:
            continue
        values[TABLES[table]] = new[str(values[TABLES[table]])]
        for time_ms in {"start_time", "end_time"} & set(values):
            values[time_ms] = int(str(values[time_ms])) + night * DAY_MS
        if "input_uuid" in values:
            values["input_uuid"] = uuid.uuid4().hex
        if values.get("key") == "mlflow.parentRunId":
            values["value"] = new.get(str(values["value"]), values["value"])
        copies.append(tuple(values.values()))
    store.executemany(f"INSERT INTO {table} VALUES ({places})", copies)


@contextmanager
def served(database: Path, experiment: str) -> Iterator[str]:
    """Serve a store; yield the address of the page where its nights are compared."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{database}"]
    with (database.parent / "server.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=database.parent)
    try:
        _wait(f"http://127.0.0.1:{port}/health")
        yield f"http://127.0.0.1:{port}/#/experiments/{experiment}/{COMPARISON}"
    finally:
        server.terminate()
        server.wait()


def _wait(url: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def open_page(browser: Browser, address: str) -> float:
    """Open an address in a browser that keeps nothing; seconds until its first row is seen."""
    page = browser.new_context(viewport={"width": 1500, "height": 900}).new_page()
    began = time.monotonic()
    page.goto(address)
    page.get_by_role("link", name="pipeline ").first.wait_for(timeout=PATIENCE_S * 1000)
    taken = time.monotonic() - began
    page.context.close()
    return taken


if __name__ == "__main__":
    main()
