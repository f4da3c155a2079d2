"""Looks at what the pipeline talks with: DVC's remote, MLflow, Prefect."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from aislewatch.doctor.rows import CheckRow
from aislewatch.errors import AislewatchError
from aislewatch.fsck.dvc_files import default_remote
from aislewatch.recording.address import check_store, shown_uri, without_password
from aislewatch.tracking import execution
from aislewatch.tracking.filenames import CLOSED, EXECUTION

# Prefect is known to flows/ alone; its half of the doctor is a program that prints rows as JSON.
PREFECT_HALF = "flows.doctor"

# Seconds: its import takes 3 (15 on a machine at load 12), each of its questions under one.
PREFECT_S = 120.0


def look_at_services() -> list[CheckRow]:
    """Look at all of them."""
    return [look_at_remote(), look_at_store(), look_at_recordings(), *look_at_prefect()]


def look_at_remote() -> CheckRow:
    """Look whether there is a second copy of the data, as far as that can be told from here."""
    try:
        name, address = default_remote()
    except (AislewatchError, OSError, subprocess.SubprocessError) as error:
        return CheckRow("DVC remote", "bad", str(error), "say this in the project's root")
    if not name:
        do = "dvc remote add --default NAME ADDRESS, then dvc push"
        return CheckRow("DVC remote", "warn", "none: the only copy of data and models is here", do)
    shown = f"{name}, {without_password(address)}"
    if address.startswith("s3://") and find_spec("dvc_s3") is None:
        return CheckRow(
            "DVC remote", "bad", f"{shown}: DVC cannot reach S3", "pip install 'aislewatch[s3]'"
        )
    if "://" in address:
        return CheckRow("DVC remote", "ok", f"{shown} (not asked: `dvc status --cloud` does)")
    folder = Path(address)
    if not folder.is_dir():
        return CheckRow(
            "DVC remote", "bad", f"{shown}: no such folder", "mount it; dvc push makes it"
        )
    if not os.access(folder, os.W_OK):
        return CheckRow(
            "DVC remote", "bad", f"{shown}: not writable", "give this user the right to it"
        )
    return CheckRow("DVC remote", "ok", shown)


def look_at_store() -> CheckRow:
    """Ask MLflow whether it is there."""
    try:
        check_store()
    except AislewatchError as error:
        return CheckRow("MLflow", "bad", str(error), "start it, or correct MLFLOW_TRACKING_URI")
    return CheckRow("MLflow", "ok", shown_uri())


def look_at_recordings() -> CheckRow:
    """Find pipeline runs that ended and whose MLflow runs are still open."""
    folders = [facts.parent for facts in sorted(execution.RUNS.glob(f"*/{EXECUTION}"))]
    rest = [folder for folder in folders if not (folder / CLOSED).exists()]
    stale = [folder.name for folder in rest if execution.is_over(folder)]
    if stale:
        says = f"{len(stale)} ended and not yet closed in MLflow: {', '.join(stale[:3])}"
        return CheckRow("stale runs", "warn", says, "the next `dvc repro` closes them as KILLED")
    return CheckRow("stale runs", "ok", f"none; {len(rest)} going")


def look_at_prefect() -> list[CheckRow]:
    """Ask the other half of the doctor."""
    command = [sys.executable, "-m", PREFECT_HALF]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PREFECT_S)
        return [CheckRow(**row) for row in json.loads(done.stdout)]
    except subprocess.TimeoutExpired:
        return [CheckRow("Prefect", "bad", f"no answer in {PREFECT_S:.0f} s", "look at its server")]
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return [CheckRow("Prefect", "bad", f"{PREFECT_HALF} failed: {last}", "make install")]
