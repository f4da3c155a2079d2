"""Nobody beyond this machine hears of it: every way in turns the libraries' statistics off."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import aislewatch
from tests.code_closure import ROOT

# What makes the libraries quiet by themselves, and what a developer's shell may have set.
HUSHING = ("CI", "GITHUB_ACTIONS", "PYTEST_CURRENT_TEST", "PYTEST_VERSION", *aislewatch.SWITCHES)

# Asks each library in its own words, as the named module leaves it.
ASK = """
import importlib, json, sys
importlib.import_module(sys.argv[1])
first = [name for name in ("prefect", "mlflow", "great_expectations") if name in sys.modules]
if sys.argv[1] == "aislewatch" or sys.argv[1] == "flows":
    assert not first, f"{first} came before the switches"
from mlflow.telemetry.utils import is_telemetry_disabled
from prefect._internal.analytics import is_telemetry_enabled
from prefect.settings import get_current_settings
print(json.dumps({
    "mlflow": not is_telemetry_disabled(),
    "prefect": is_telemetry_enabled(),
    "prefect server": get_current_settings().server.analytics_enabled,
}))
"""


def ordinary_environment(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in HUSHING}
    own = {"PREFECT_HOME": os.fspath(home), "PYTHONPATH": os.fspath(ROOT)}
    return kept | own | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"} | more


def answers(module: str, home: Path, folder: Path, **more: str) -> dict[str, bool]:
    done = subprocess.run(
        [sys.executable, "-c", ASK, module],
        env=ordinary_environment(home, **more),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, bool] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("module", ["aislewatch", "flows", "flows.pipeline", "stages.runner"])
def test_what_is_ours_is_quiet_before_the_libraries_come(module: str, tmp_path: Path) -> None:
    assert not any(answers(module, tmp_path, tmp_path).values())


def test_the_question_tells_quiet_from_loud(tmp_path: Path) -> None:
    assert all(answers("json", tmp_path, tmp_path).values())


def test_a_prefect_command_typed_in_the_project_makes_a_quiet_server(tmp_path: Path) -> None:
    assert not answers("json", tmp_path, ROOT)["prefect server"]


def test_a_user_may_turn_them_on(tmp_path: Path) -> None:
    switches = {"DO_NOT_TRACK": "0", "MLFLOW_DISABLE_TELEMETRY": "false"}
    found = answers("flows.pipeline", tmp_path, tmp_path, **switches)
    assert (found["mlflow"], found["prefect"]) == (True, True)


def test_commands_that_are_not_ours_get_the_same_switches(tmp_path: Path) -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "--eval", "show: ; @env", "show"],
        env=ordinary_environment(tmp_path),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    made = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    assert {name: made.get(name) for name in aislewatch.SWITCHES} == aislewatch.SWITCHES
    for deployment in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]:
        assert (
            aislewatch.SWITCHES.items() <= deployment["work_pool"]["job_variables"]["env"].items()
        )
    image = (ROOT / "docker/Dockerfile").read_text()
    for name, value in aislewatch.SWITCHES.items():
        assert f" {name}={value}" in image
