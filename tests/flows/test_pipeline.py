"""The flow, by the commands a person types: alone, on a server, and on a schedule."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from mlflow.tracking import MlflowClient

from aislewatch.cli.main import main
from flows.command import StageReport
from flows.monitor import monitor
from flows.report import is_idle
from tests.code_closure import ROOT
from tests.monitor import scenes
from tests.monitor.scenes import seen
from tests.prefect_servers import (
    artifacts,
    flow_runs,
    logs,
    prefect_environment,
    prefect_server,
    task_runs,
)
from tests.tiny_pipelines import FAIL, HANG, LAST, make_diamond, wait_for, wait_until_idle

FLOW = [sys.executable, "-m", "flows.pipeline"]
PREFECT = [sys.executable, "-m", "prefect", "--no-prompt"]

# Seconds between two firings: a run of four stages that do nothing takes about as long, so that
# both a run that starts and one that is refused because another runs are seen.
INTERVAL_S = 20


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where Prefect and MLflow keep their files in these tests."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def api(home: Path) -> Iterator[str]:
    with prefect_server(home) as url:
        yield url


@pytest.fixture(scope="module")
def env(home: Path, api: str) -> dict[str, str]:
    return prefect_environment(home, PREFECT_API_URL=api, MLFLOW_TRACKING_URI=store(home))


def store(home: Path) -> str:
    return f"sqlite:///{home / 'mlflow.db'}"


def test_without_a_server_it_brings_its_own(tmp_path: Path) -> None:
    folder = make_diamond(tmp_path / "a shop")
    own = prefect_environment(tmp_path / "home", MLFLOW_TRACKING_URI=store(tmp_path))
    done = subprocess.run(FLOW, cwd=folder, env=own, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "Task run 'first' - the first stage speaks" in output
    assert "Completed('4 stages: 4 ran')" in output
    assert (folder / "last.txt").read_text() == "footage\nfootage\n"
    assert wait_until_idle(folder) == []


def test_a_project_without_stages_is_refused(tmp_path: Path, env: dict[str, str]) -> None:
    done = subprocess.run(FLOW, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "not inside of a DVC repository" in done.stderr.splitlines()[-1]


def test_what_a_server_shows(tmp_path: Path, env: dict[str, str], api: str) -> None:
    """Tasks with their edges and logs, artifacts, and after a failure the stage's own words."""
    folder = make_diamond(tmp_path / "shop")
    subprocess.run(FLOW, cwd=folder, env=env, check=True)
    run = flow_runs(api)[-1]
    tasks = {task["name"]: task for task in task_runs(api, run["id"])}
    assert list(tasks) == ["first", "side@left", "side@right", "last"]
    assert _upstream(tasks, "side@right") == ["first"]
    assert _upstream(tasks, "last") == ["side@left", "side@right"]
    _wait_for_words(lambda: logs(api, tasks["first"]["id"]), "the first stage speaks")
    found = artifacts(api, run["id"])
    assert [row["outcome"] for row in json.loads(found["stages"])] == ["ran"] * 4
    assert {"file": "score.json", "metric": "score.auc", "value": 0.75} in json.loads(
        found["metrics"]
    )
    assert "#/experiments/" in found["result"]

    (folder / "last.sh").write_text(FAIL)
    done = subprocess.run(FLOW, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "table.csv, row 3: no label; add one"
    run = flow_runs(api)[-1]
    assert run["state_type"] == "FAILED"
    assert run["state"]["message"].endswith("table.csv, row 3: no label; add one")
    states = {task["name"]: task["state_name"] for task in task_runs(api, run["id"])}
    assert states == {
        "first": "Unchanged",
        "side@left": "Unchanged",
        "side@right": "Unchanged",
        "last": "Failed",
    }


def test_a_flow_that_has_nothing_to_do_makes_no_run(
    tmp_path: Path, env: dict[str, str], api: str, empty_store: Path
) -> None:
    folder = make_diamond(tmp_path / "shop")
    (tmp_path / "mlflow.db").write_bytes(empty_store.read_bytes())
    own = env | {"MLFLOW_TRACKING_URI": store(tmp_path)}
    client = MlflowClient(store(tmp_path))
    experiments = [found.experiment_id for found in client.search_experiments()]
    subprocess.run(FLOW, cwd=folder, env=own, check=True)
    [first] = client.search_runs(experiments, "tags.kind = 'pipeline'")
    n_runs = len(client.search_runs(experiments))
    for outcome in ("Unchanged", "Restored"):
        if outcome == "Restored":
            (folder / "dvc.lock").unlink()
        subprocess.run(FLOW, cwd=folder, env=own, check=True)
        run = flow_runs(api)[-1]
        assert {task["state_name"] for task in task_runs(api, run["id"])} == {outcome}
        assert "no run, as no stage had anything to do" in artifacts(api, run["id"])["result"]
        assert len(client.search_runs(experiments)) == n_runs
    subprocess.run([sys.executable, "-m", "dvc", "repro"], cwd=folder, env=own, check=True)
    kept = sorted(folder.glob(".aislewatch/runs/*/closed.json"))
    assert [json.loads(file.read_text())["run_id"] for file in kept] == [
        first.info.run_id,
        None,
        None,
    ]


def test_monitoring_leaves_an_artifact_or_says_why_not(
    tmp_path: Path,
    env: dict[str, str],
    api: str,
    empty_store: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "mlflow.db").write_bytes(empty_store.read_bytes())
    own = env | {"MLFLOW_TRACKING_URI": store(tmp_path)}
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    failed = monitor.fn("nowhere")
    assert failed.is_failed()
    assert "nowhere is no folder" in str(failed.message)
    for folder in ("data/raw/synthetic/till", "new/till"):
        (tmp_path / folder).mkdir(parents=True)
        scenes.write(tmp_path / folder / "a.mp4", scenes.frames(4, lambda room, _: seen(room)))
    ingest = [sys.executable, "-m", "stages.ingest"]
    subprocess.run(ingest, cwd=tmp_path, env=own, check=True)
    # The same bytes would be new footage alone.
    scenes.write(tmp_path / "new/till/a.mp4", scenes.frames(5, lambda room, _: seen(room), 1))
    command = [sys.executable, "-m", "flows.monitor", "new"]
    subprocess.run(command, cwd=tmp_path, env=own, check=True)
    run = flow_runs(api)[-1]
    assert run["state"]["message"].startswith("no drift: too little footage to say")
    assert "monitor/index.html" in artifacts(api, run["id"])["monitor"]
    assert (tmp_path / "monitor/drift.json").exists()

    # The command says the same, and adds a point to the same series.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store(tmp_path))
    main(["monitor", "new"])
    said = capsys.readouterr().out
    assert said.startswith("too little footage to say")
    assert "not compared: pictures of camera synthetic/till: 1 blocks of reference" in said
    client = MlflowClient(store(tmp_path))
    experiments = [found.experiment_id for found in client.search_experiments()]
    [series] = client.search_runs(experiments, "tags.`aislewatch.series` = 'monitoring'")
    assert series.info.run_id in said
    drift = client.get_metric_history(series.info.run_id, "drift")
    assert [point.value for point in drift] == [0.0, 0.0]


def test_who_is_idle() -> None:
    done = [StageReport("a", "unchanged", 1.0), StageReport("b", "restored", 1.0)]
    assert is_idle(done, None)
    assert not is_idle(done, "a failed"), "a failure is not nothing"
    assert not is_idle([*done, StageReport("c", "ran", 1.0)], None)


def test_what_depends_on_a_failed_stage_does_not_run(
    tmp_path: Path, env: dict[str, str], api: str
) -> None:
    folder = make_diamond(tmp_path / "shop", first=FAIL)
    done = subprocess.run(FLOW, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    run = flow_runs(api)[-1]
    assert [task["name"] for task in task_runs(api, run["id"])] == ["first"]
    rows = json.loads(artifacts(api, run["id"])["stages"])
    assert [row["outcome"] for row in rows] == ["failed", "not run", "not run", "not run"]
    assert not (folder / "left.txt").exists()


def test_a_killed_stage_crashes_its_run(
    tmp_path: Path, env: dict[str, str], api: str, empty_store: Path
) -> None:
    """In Prefect Crashed, so that automations on it fire; in MLflow KILLED."""
    folder = make_diamond(tmp_path / "shop", first="kill -9 $$\n")
    (tmp_path / "mlflow.db").write_bytes(empty_store.read_bytes())
    own = env | {"MLFLOW_TRACKING_URI": store(tmp_path)}
    done = subprocess.run(FLOW, cwd=folder, env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 128 + signal.SIGKILL
    run = flow_runs(api)[-1]
    assert (run["state_type"], run["state"]["message"]) == (
        "CRASHED",
        "first was killed by SIGKILL",
    )
    assert [one["state_type"] for one in task_runs(api, run["id"])] == ["CRASHED"]
    client = MlflowClient(store(tmp_path))
    experiments = [found.experiment_id for found in client.search_experiments()]
    [recorded] = client.search_runs(experiments, "tags.kind = 'pipeline'")
    assert recorded.info.status == "KILLED"


def test_a_killed_flow_leaves_no_process_and_the_next_goes_on_from_what_was_finished(
    tmp_path: Path, env: dict[str, str], api: str, empty_store: Path
) -> None:
    """Killed in its last stage: what MLflow had open is KILLED, the stages before are not run."""
    folder = make_diamond(tmp_path / "shop", last=HANG)
    (tmp_path / "mlflow.db").write_bytes(empty_store.read_bytes())
    own = env | {"MLFLOW_TRACKING_URI": store(tmp_path)}
    flow = subprocess.Popen(FLOW, cwd=folder, env=own)
    wait_for(folder / "hangs")
    flow.kill()
    flow.wait()
    assert wait_until_idle(folder) == []
    (folder / "last.sh").write_text(LAST)
    subprocess.run(FLOW, cwd=folder, env=own, check=True)
    states = {one["name"]: one["state_name"] for one in task_runs(api, flow_runs(api)[-1]["id"])}
    done = dict.fromkeys(("first", "side@left", "side@right"), "Unchanged")
    assert states == done | {"last": "Completed"}
    client = MlflowClient(store(tmp_path))
    experiments = [found.experiment_id for found in client.search_experiments()]
    recorded = client.search_runs(experiments, "tags.kind = 'pipeline'")
    assert sorted(run.info.status for run in recorded) == ["FINISHED", "KILLED"]


def test_a_schedule_fires_and_its_run_can_be_cancelled(
    tmp_path: Path, env: dict[str, str], api: str
) -> None:
    """The deployment of prefect.yaml as it stands, only more often than nightly."""
    folder = make_diamond(tmp_path / "a shop")
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())
    assert deployments["deployments"][0]["schedules"][0]["cron"]
    deployments["deployments"] = deployments["deployments"][:1]
    deployments["deployments"][0] |= {"entrypoint": "flows.pipeline.pipeline"}
    deployments["deployments"][0]["schedules"] = [{"interval": INTERVAL_S, "slug": "often"}]
    (folder / "prefect.yaml").write_text(yaml.safe_dump(deployments))
    subprocess.run([sys.executable, "-m", "flows.deploy"], cwd=folder, env=env, check=True)
    started = time.monotonic()
    worker = subprocess.Popen(
        [sys.executable, "-m", "flows.worker", "--pool", "retrain"], cwd=folder, env=env
    )
    try:
        run = _wait_for_run(api, lambda run: run["state_type"] == "COMPLETED")
        assert run["auto_scheduled"]
        print(f"a scheduled run completed {time.monotonic() - started:.0f} s after the worker")
        assert (folder / "last.txt").read_text() == "footage\nfootage\n"

        (folder / "first.sh").write_text(HANG)
        wait_for(folder / "hangs")
        hanging = _wait_for_run(api, lambda run: run["state_type"] == "RUNNING")["id"]
        (folder / "first.sh").write_text("exit 1\n")
        cancel = {"state": {"type": "CANCELLING"}, "force": True}
        httpx.post(f"{api}/flow_runs/{hanging}/set_state", json=cancel).raise_for_status()
        _wait_for_run(api, lambda run: (run["id"], run["state_type"]) == (hanging, "CANCELLED"))
        command = [*PREFECT, "deployment", "schedule", "clear", "pipeline/retrain", "-y"]
        subprocess.run(command, env=env, check=True)
    finally:
        worker.terminate()
        try:
            worker.wait(20)
        except subprocess.TimeoutExpired:
            worker.kill()
    assert wait_until_idle(folder) == []


def _upstream(tasks: dict[str, dict[str, Any]], name: str) -> list[str]:
    names = {task["id"]: other for other, task in tasks.items()}
    return sorted(names[item["id"]] for item in tasks[name]["task_inputs"].get("wait_for", []))


def _wait_for_run(
    api: str, wanted: Callable[[dict[str, Any]], bool], timeout_s: float = 400.0
) -> dict[str, Any]:
    deadline = time.monotonic() + timeout_s
    while True:
        runs = [run for run in flow_runs(api) if run["deployment_id"]]
        for run in runs:
            if wanted(run):
                return run
        states = [(run["name"], run["state_name"]) for run in runs]
        assert time.monotonic() < deadline, f"no such run in {timeout_s} s: {states}"
        time.sleep(0.5)


def _wait_for_words(read: Callable[[], str], words: str, timeout_s: float = 120.0) -> None:
    """Logs reach the server in batches, some seconds after they were written."""
    deadline = time.monotonic() + timeout_s
    while words not in read():
        assert time.monotonic() < deadline, read()
        time.sleep(0.5)
