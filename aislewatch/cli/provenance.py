"""``aislewatch checkout`` and ``aislewatch runs``: from a run to its files, and back."""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from aislewatch.config.params import load_params
from aislewatch.errors import ProvenanceError
from aislewatch.recording.address import check_store

# Of MLflow's run ids, which may by chance be decimal ones.
RUN_ID_DIGITS = 32


def add_provenance(commands: Any) -> None:
    """Add the subcommands to those of ``aislewatch``."""
    checkout = commands.add_parser(
        "checkout", help="code, parameters and data of a run or version, in a folder of their own"
    )
    checkout.add_argument("what", help="a run's id, or the number of a registered version")
    checkout.add_argument("folder", type=Path, help="where to; must not exist")
    checkout.add_argument(
        "--run-again",
        action="store_true",
        help="train and evaluate there once more, and compare every output byte for byte",
    )
    checkout.set_defaults(run=_checkout)
    runs = commands.add_parser("runs", help="the runs behind every stage of a dvc.lock")
    runs.add_argument("lock", type=Path, nargs="?", default=Path("dvc.lock"))
    runs.set_defaults(run=_runs)


def _checkout(chosen: argparse.Namespace) -> None:
    check_store()
    from aislewatch.recording.checkout import check_out, origin_of, run_again

    is_version = chosen.what.isdigit() and len(chosen.what) < RUN_ID_DIGITS
    run_id = _version_run(chosen.what) if is_version else chosen.what
    with tempfile.TemporaryDirectory() as scratch:
        origin = origin_of(run_id, Path(scratch))
        check_out(origin, Path.cwd(), chosen.folder)
    also = " and what was not committed" if origin.dirty else ""
    print(f"{chosen.folder}: commit {origin.commit[:12]}{also}, of pipeline {origin.pipeline_id}")
    if chosen.run_again:
        if not run_again(chosen.folder):
            raise ProvenanceError(
                f"an output differs: `git -C {chosen.folder} diff dvc.lock` says which. Training "
                "repeats its bits only on the same kind of CPU with as many threads"
            )
        print("trained and evaluated again: every output has the same bytes")


def _version_run(number: str) -> str:
    from aislewatch.register.versions import Registry

    return Registry(load_params().register_.name).get(number).run_id


def _runs(chosen: argparse.Namespace) -> None:
    check_store()
    from aislewatch.recording.checkout import runs_of_lock

    for address, found in runs_of_lock(chosen.lock):
        listed = (
            ", ".join(run.info.run_id for run in found) or "no run: its result came from a cache"
        )
        print(f"{address}: {listed}")
