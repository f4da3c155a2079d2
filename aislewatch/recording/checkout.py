"""Leads from a run back to its code, parameters and data; from a dvc.lock to its runs.

git brings the code, the artefacts of the pipeline's run bring dvc.lock, params.yaml and what was
not committed, and `dvc checkout` brings every output from the cache that both trees share.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mlflow.artifacts
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from aislewatch.errors import ProvenanceError
from aislewatch.recording.address import shown_uri, tracking_uri
from aislewatch.recording.client import connect, find_runs
from aislewatch.tables import places
from aislewatch.tracking.filenames import CHANGES, PARENT_TAG, PROVENANCE
from aislewatch.tracking.provenance import LOCK, lock_entries, locked_facts, stage_key


@dataclass(frozen=True)
class Origin:
    """Where a run came from: its pipeline's run, the commit, and its stored state."""

    pipeline_id: str
    commit: str
    dirty: bool
    state: Path


def origin_of(run_id: str, scratch: Path) -> Origin:
    """Tell what is known of the pipeline run that ``run_id`` is, or is nested in.

    Args:
        run_id: of a pipeline, stage, model or trial.
        scratch: where the stored state is downloaded to.

    Raises:
        ProvenanceError: there is no such run, or it was not recorded well enough to go back.
    """
    client, _ = connect()
    pipeline = _topmost(client, run_id)
    tags = pipeline.data.tags
    commit = tags.get("git_commit", "")
    if not commit or commit.startswith("none"):
        raise ProvenanceError(
            f"run {run_id} was made outside a git repository: its code cannot be found again. "
            "Run the pipeline in a clone of the project"
        )
    try:
        state = mlflow.artifacts.download_artifacts(
            run_id=pipeline.info.run_id,
            artifact_path=PROVENANCE,
            dst_path=str(scratch),
            tracking_uri=tracking_uri(),
        )
    except (MlflowException, OSError) as error:
        raise ProvenanceError(
            f"run {pipeline.info.run_id} has no dvc.lock among its artefacts ({error}): "
            "it was killed before all of it was recorded. The next `dvc repro` in its folder "
            "records the rest; try again then"
        ) from None
    return Origin(pipeline.info.run_id, commit, tags.get("git_dirty") == "true", Path(state))


def check_out(origin: Origin, repository: Path, folder: Path) -> None:
    """Make ``folder`` what the working tree was when the pipeline ran.

    Args:
        origin: as ``origin_of`` returned it.
        repository: a clone that has the commit; its DVC cache is shared, not copied.
        folder: must not exist.

    Raises:
        ProvenanceError: the folder exists, the commit or a cached file is missing.
    """
    if folder.exists():
        raise ProvenanceError(f"{folder} exists already; name a folder that does not")
    _run("git", "clone", "-q", "--no-checkout", str(repository.resolve()), str(folder))
    try:
        _run("git", "-C", str(folder), "checkout", "-q", "--detach", origin.commit)
    except ProvenanceError as error:
        raise ProvenanceError(
            f"commit {origin.commit} is not in {repository} ({error}). Fetch it: in a shallow "
            "clone by `git fetch --unshallow`, else from whoever ran the pipeline"
        ) from None
    changes = origin.state / CHANGES
    if changes.exists():
        _run("git", "-C", str(folder), "apply", "--whitespace=nowarn", str(changes.resolve()))
    for file in origin.state.iterdir():
        if file.name != CHANGES:
            (folder / file.name).write_bytes(file.read_bytes())
    dvc = [sys.executable, "-m", "dvc"]
    cache = _run(*dvc, "cache", "dir", cwd=repository).strip()
    _run(*dvc, "cache", "dir", "--local", cache, cwd=folder)
    _link_footage(repository / places.RAW, folder / places.RAW)
    _run(*dvc, "checkout", "-q", cwd=folder)


def _link_footage(source: Path, target: Path) -> None:
    """Link the raw footage, which is in neither git nor DVC; `dvc status` tells if it changed."""
    for folder in sorted(source.iterdir()) if source.is_dir() else []:
        if folder.is_dir() and not (target / folder.name).exists():
            try:
                shutil.copytree(folder, target / folder.name, copy_function=os.link)
            except (shutil.Error, OSError):  # Another file system, or one without links.
                shutil.rmtree(target / folder.name, ignore_errors=True)
                shutil.copytree(folder, target / folder.name)


def run_again(folder: Path) -> bool:
    """Train and evaluate again in a checked-out folder; tell whether every output has its bytes.

    On the CPU that made them, with as many threads; another CPU may differ in the last bits.
    """
    before = (folder / LOCK).read_bytes()
    stages = ("train", "score", "evaluate")
    _run(sys.executable, "-m", "dvc", "repro", "-q", "-f", "-s", *stages, cwd=folder)
    return (folder / LOCK).read_bytes() == before


def runs_of_lock(lock: Path = LOCK) -> Iterator[tuple[str, list[Run]]]:
    """List the runs that made each stage of a dvc.lock as it stands there, newest first.

    Raises:
        ProvenanceError: there is no such file.
    """
    if not lock.exists():
        raise ProvenanceError(f"{lock} is missing; run `dvc repro`, or name another file")
    client, experiment = connect()
    for address, entry in sorted(lock_entries(lock).items()):
        key = stage_key(locked_facts(entry))
        yield address, find_runs(client, experiment, {"stage_key": key, "kind": "stage"})


def _topmost(client: MlflowClient, run_id: str) -> Run:
    try:
        run = client.get_run(run_id)
        while PARENT_TAG in run.data.tags:
            run = client.get_run(run.data.tags[PARENT_TAG])
    except MlflowException as error:
        raise ProvenanceError(
            f"MLflow at {shown_uri()} has no run {run_id} "
            f"({error}); take the id from its page, or set MLFLOW_TRACKING_URI to where the run is"
        ) from None
    return run


def _run(*command: str, cwd: Path | None = None) -> str:
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ProvenanceError(
            f"`{command[0]}` is not installed, or not on PATH; install it"
        ) from None
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines()
        told = words[-1] if words else f"exit status {done.returncode}"
        raise ProvenanceError(f"`{' '.join(command[:6])}` failed: {told}")
    return done.stdout
