"""Real projects for tests: a copy of this one, small parameters, the synthetic shop as footage."""

import io
import logging
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import yaml

from aislewatch.recording.moved import follow
from tests.code_closure import ROOT

if (
    TYPE_CHECKING
):  # every process that tests reads this file: MLflow takes 2 s of CPU, torch as much
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

COPIED = (
    "aislewatch",
    "stages",
    "flows",
    "dvc.yaml",
    "params.yaml",
    "pyproject.toml",
    "requirements/lock.txt",
    "prefect.yaml",
    ".dvc/config",
    ".dvc/.gitignore",
    ".dvcignore",
    ".gitignore",
    "data/raw/README.md",
    "data/pretrained/README.md",
    "data/detector/README.md",
    "data/assignments.csv",
)

# The synthetic shop in small: the fewest visits that leave every side of the split both classes.
VIDEOS = "40"
SHOP = ("--videos", VIDEOS, "--recordings", "0")

# Everything small: the pipeline's logic does not depend on sizes, the tests' time does.
SMALL: dict[str, dict[str, Any]] = {
    "frames": {"size": 32},
    "ingest": {"timeout_s": 60.0},
    "model": {"input_size": 16, "encoder_channels": [4, 8], "hidden_channels": 8},
    "machine": {"device": "cpu"},
    "tune": {"trials": 2, "epochs": 1},
    "train": {"epochs": 2, "optimizer": "tuned"},
    "evaluate": {"resamples": 200},
    # Networks as small as these are no better than chance.
    "gate": {"first_auc": 0.0},
}


# Networks of a project in which their number is not the point: each costs 10 s of CPU a pipeline,
# most of them torch's imports. All five are trained on real footage (test_corpus_pipeline).
FEW = ("convlstm", "cnn")


def keep_networks(folder: Path, names: Sequence[str]) -> None:
    """Take the other rows out of the table, as a user would: a line there, a name in dvc.yaml."""
    table = folder / "aislewatch/models/rows.py"
    lines = table.read_text().splitlines(keepends=True)
    row = re.compile(r'    Row\("(\w+)"')
    kept = [line for line in lines if not (found := row.match(line)) or found[1] in names]
    table.write_text("".join(kept))
    pipeline = folder / "dvc.yaml"
    models = f"- models: [{', '.join(names)}]"
    pipeline.write_text(re.sub(r"- models: \[.*\]", models, pipeline.read_text()))


def make_project(
    folder: Path, sources: dict[str, str], networks: Sequence[str] | None = None
) -> Path:
    """Make a committed git repository at ``folder``: this project's code, small parameters.

    Args:
        folder: not there yet.
        sources: section sources of params.yaml.
        networks: rows of Table 2 that stay; all without it.
    """
    for name in COPIED:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
    if networks is not None:
        keep_networks(folder, networks)
    set_params(folder, SMALL | {"sources": sources})
    if "synthetic" not in sources:  # shows as many pictures a second as params.yaml has for it
        set_params(folder, {"frames": {"fps": 10}})
    for command in ("init -q", "add -A", "commit -qm start"):
        subprocess.run(["git", *command.split()], cwd=folder, check=True)
    return folder


def make_finished(folder: Path) -> None:
    """Make a project with the synthetic shop, run its first ``dvc repro``, and commit."""
    make_project(folder, {"synthetic": "folder"}, FEW)
    run(folder, "aislewatch", "synth", "data/raw/synthetic", *SHOP)
    run(folder, "dvc", "repro")
    for command in ("add -A", "commit -qm first"):
        subprocess.run(["git", *command.split()], cwd=folder, check=True)


def make_store(database: Path) -> None:
    """Let MLflow make its tables, and us our experiment, in a SQLite file that is not there yet."""
    database.parent.mkdir(parents=True, exist_ok=True)
    code = "from aislewatch.recording.client import connect; connect()"
    own = environment(PYTHONPATH=str(ROOT))
    subprocess.run([sys.executable, "-c", code], cwd=database.parent, env=own, check=True)


def link_shop(project: Path, target: Path) -> None:
    """Give ``target`` the rendered shop of a project: to render it anew takes 12 s of CPU."""
    shutil.copytree(
        *(project / "data/raw/synthetic", target / "data/raw/synthetic"), copy_function=os.link
    )


def clone_project(folder: Path, target: Path) -> Path:
    """Copy a folder with all its hard links; MLflow stores in it know at once where they are."""
    subprocess.run(["cp", "-a", folder, target], check=True)
    for store in target.rglob("mlflow.db"):
        follow(store)
    return target


def set_params(folder: Path, changes: dict[str, Any]) -> None:
    """Change keys of params.yaml; a section's other keys stay, other sources do not."""
    path = folder / "params.yaml"
    values = yaml.safe_load(path.read_text())
    for section, change in changes.items():
        merged = isinstance(change, dict) and section != "sources"
        values[section] = values[section] | change if merged else change
    path.write_text(yaml.safe_dump(values, sort_keys=False))


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a user's shell with the virtual environment activated."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW", "AISLEWATCH_EXEC"))}
    path = f"{Path(sys.executable).parent}:{kept['PATH']}"
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # as the Makefile has it
    return kept | {"PATH": path} | quiet | more


def run(folder: Path, *command: str, fails: bool = False, **more: str) -> str:
    """Run a command in the project and return its whole output; wait for the recorder first."""
    done = subprocess.run(
        command, cwd=folder, env=environment(**more), capture_output=True, text=True, check=False
    )
    output = done.stdout + done.stderr
    assert (done.returncode != 0) == fails, output
    wait_until_recorded(folder)
    return output


def ask(folder: Path, *words: str, fails: bool = False, **more: str) -> str:
    """Run a command of ours as :func:`run` does, in this process: its own would import for 5 s."""
    from aislewatch.cli.main import main

    said = io.StringIO()
    lines = logging.StreamHandler(said)
    ends: object = 0
    # What our modules set for MLflow as they were imported, but no store that a test named.
    set_by_us = {k: v for k, v in os.environ.items() if k.startswith("MLFLOW_")}
    set_by_us.pop("MLFLOW_TRACKING_URI", None)
    logging.getLogger().addHandler(lines)
    try:
        with (
            chdir(folder),
            patch.dict(os.environ, environment(**set_by_us | more), clear=True),
            redirect_stdout(said),
            redirect_stderr(said),
        ):
            main(list(words))
    except SystemExit as ended:
        ends = ended.code
    finally:
        logging.getLogger().removeHandler(lines)
    output = said.getvalue() + (f"{ends}\n" if isinstance(ends, str) else "")
    assert (ends not in (None, 0)) == fails, output
    wait_until_recorded(folder)
    return output


def wait_until_recorded(folder: Path, timeout_s: float = 300.0) -> None:
    """Return once every execution of the project is closed in MLflow."""
    deadline = time.monotonic() + timeout_s
    while True:
        executions = [f.parent for f in folder.glob(".aislewatch/runs/*/execution.json")]
        if all((execution / "closed.json").exists() for execution in executions):
            return
        logs = "\n".join(log.read_text() for log in folder.glob(".aislewatch/runs/*/recorder.log"))
        assert time.monotonic() < deadline, f"an execution was not closed:\n{logs}"
        time.sleep(0.2)


def stages_run(output: str) -> list[str]:
    """List the stages that a ``dvc repro`` really ran, by its own words."""
    return re.findall(r"Running stage '([^']+)'", output)


def runs(folder: Path, **tags: str) -> "list[Run]":
    """Return the project's MLflow runs with these tags, oldest first."""
    client = mlflow_client(folder)
    experiment = client.get_experiment_by_name("aislewatch")
    query = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
    order = ["attributes.start_time ASC"]
    return list(client.search_runs([experiment.experiment_id], query, order_by=order))


def mlflow_client(folder: Path) -> "MlflowClient":
    """Open the project's own SQLite store."""
    from mlflow.tracking import MlflowClient

    return MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
