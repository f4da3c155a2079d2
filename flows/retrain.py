"""Retraining as a flow: is there anything to learn from; train; compare; promote, ask, or leave it.

``python -m flows.retrain`` in the project's root does it once; prefect.yaml has the deployment. It
works in a worktree of its own (`worktree`), runs the pipeline's flow there as it is committed, and
leaves a commit of dvc.lock on a branch ``retrain/<date>``.
"""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from prefect import flow, get_run_logger, runtime
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Crashed, Failed

from aislewatch.config.params import load_params
from aislewatch.errors import AislewatchError, PipelineError
from aislewatch.recording.address import database_file, tracking_uri
from aislewatch.register.consent import settle
from aislewatch.register.lock import sole_change
from aislewatch.register.versions import Registry
from aislewatch.retrain.news import (
    Decision,
    Manifest,
    ToldDrift,
    decide,
    differences,
    footage_differences,
    read_drift,
)
from aislewatch.retrain.outcome import Champion, read_champion
from aislewatch.retrain.report import decision_text, headline
from aislewatch.tables import places
from aislewatch.tracking.provenance import lock_entries, made_outputs
from flows.answers import fill_form
from flows.child import environment
from flows.command import StageKilledError
from flows.inputs import bring_inputs, tracked_footage
from flows.missed import missed_before
from flows.notify import notify_people
from flows.pipeline import run_by_hand
from flows.training import DVC, LEARNED, Retraining, push, train
from flows.worktree import (
    HOME,
    LOCK,
    Worktree,
    has_dvc_remote,
    open_worktree,
)

# Seconds to wait for what a killed retraining started: its guard ends all of it within 8.
LEFT_OVER_S = 60.0


@flow(name="retrain")
def retrain(branch: str = "main", notify: str = "", max_age_days: float = 90.0) -> State[Any]:
    """Train if there is anything to learn from, and let the gate or people decide.

    Args:
        branch: what a training begins from; where there is a remote ``origin``, its branch.
        notify: a Prefect block that is told what came of it, as ``slack-webhook/shop``; "": none.
        max_age_days: days after which the champion is looked at again without other news.
    """
    began, now = time.monotonic(), datetime.now(UTC)
    try:
        with alone(Path.cwd()):
            tree, notes = open_worktree(Path.cwd(), branch)
            if missed := missed_before(runtime.flow_run.get_tags()):
                notes.append(f"this run stands for {missed} missed before it, too")
            work = Retraining(tree, notes, environment(MLFLOW_TRACKING_URI=tracking_uri()))
            raw = bring_inputs(tree)
            champion = _settled(work, now)
            decision = _decide(work, raw, champion, max_age_days, now)
            seconds = time.monotonic() - began
            if not decision.learn:
                push(work)
            create_markdown_artifact(
                key="decision", markdown=decision_text(decision, seconds, notes)
            )
            if not decision.learn:
                return Completed(message=f"declined in {seconds:.1f} s: {decision.headline}")
            get_run_logger().info("training, because: %s", decision.headline)
            outcome, page = train(work, decision, champion, raw, now)
    except AislewatchError as error:
        ended = Crashed if isinstance(error, StageKilledError) else Failed
        state: State[Any] = ended(message=str(error))
        page = f"**{state.name}**\n\n```\n{error}\n```"
        create_markdown_artifact(key="result", markdown=page)
        subject = f"Retraining {str(state.name).lower()}; the champion serves on"
        notify_people(notify, subject, str(error))
        return state
    said = headline(outcome)
    notify_people(notify, f"Retraining: {said}", page)
    return Completed(message=said)


@contextmanager
def alone(project: Path) -> Iterator[None]:
    """Hold the project's retraining alone, once nothing of a killed one is left.

    Raises:
        PipelineError: another one goes on.
    """
    home = project / HOME
    home.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(home / "retrain.lock", timeout=0):
            with FileLock(home / "command.lock", timeout=LEFT_OVER_S):
                pass
            yield
    except Timeout:
        raise PipelineError(
            f"another retraining of {project} goes on: wait for it, or cancel it"
        ) from None


def _settled(work: Retraining, now: datetime) -> Champion | None:
    """Act on people's answers and deadlines; return the champion there is then."""
    name = load_params(work.tree.folder / "params.yaml").register_.name
    database = database_file()
    if database is not None and not database.exists():
        return None  # Nothing was ever recorded.
    with sole_change(name):
        if done := settle(Registry(name), now):
            work.notes.append(done)
    fill_form(name)
    return read_champion(name)


def _decide(
    work: Retraining,
    raw: Manifest,
    champion: Champion | None,
    max_age_days: float,
    now: datetime,
) -> Decision:
    tree = work.tree
    if tracked := tracked_footage(tree):
        work.dvc("pull" if has_dvc_remote(tree.folder) else "checkout", *tracked)
    said = differences(_status(work), _made(tree), footage_differences(_last_seen(tree), raw))
    if not (tree.folder / LOCK).exists():
        said = ["nothing was ever trained here: there is no dvc.lock"]
    return decide(
        said,
        _drift(work),
        champion.since if champion else None,
        tree.learned,
        max_age_days,
        now,
    )


def _status(work: Retraining) -> dict[str, Any]:
    done = subprocess.run(
        [*DVC, "status", "--json"],
        cwd=work.tree.folder,
        env=work.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise PipelineError(f"`dvc status` failed in {work.tree.folder}: {done.stderr.strip()}")
    status: dict[str, Any] = json.loads(done.stdout)
    return status


def _made(tree: Worktree) -> set[str]:
    return set(made_outputs(lock_entries(tree.folder / LOCK)))


def _last_seen(tree: Worktree) -> Manifest | None:
    file = tree.project / LEARNED
    if not file.exists():
        return None
    return {name: (size, changed) for name, (size, changed) in json.loads(file.read_text()).items()}


def _drift(work: Retraining) -> ToldDrift | None:
    try:
        return read_drift(work.tree.project / places.DRIFT)
    except ValueError as error:
        work.notes.append(f"{places.DRIFT} cannot be read ({error}); nothing is known of drift")
        return None


def main() -> None:
    """Run the flow once; exit 1 with its words if it failed."""
    run_by_hand(retrain)


if __name__ == "__main__":
    main()
