"""Retraining as a flow: is there anything to learn from; train; compare; promote, ask, or leave it.

``python -m flows.retrain`` in the project's root does it once; prefect.yaml has the deployment. It
works in a worktree of its own (`worktree`), runs the pipeline's flow there as it is committed, and
leaves a commit of dvc.lock on a branch ``retrain/<date>``.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from prefect import flow, get_run_logger, runtime
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from aislewatch.config.params import load_params
from aislewatch.errors import AislewatchError, PipelineError
from aislewatch.files import write_json
from aislewatch.recording.address import database_file, tracking_uri
from aislewatch.recording.client import comparison_url, connect, run_url, set_tags
from aislewatch.register.consent import settle
from aislewatch.register.lock import sole_change
from aislewatch.register.versions import Registry
from aislewatch.retrain.news import (
    Decision,
    Drift,
    Manifest,
    decide,
    differences,
    footage_differences,
    read_drift,
)
from aislewatch.retrain.outcome import Champion, Outcome, read_champion, read_outcome
from aislewatch.retrain.report import decision_text, headline, result_text
from aislewatch.tables import places
from aislewatch.tracking.execution import RUNS
from aislewatch.tracking.filenames import CLOSED
from aislewatch.tracking.provenance import lock_entries, made_outputs
from flows.child import environment, run_guarded
from flows.inputs import bring_inputs, tracked_footage
from flows.missed import missed_before
from flows.notify import notify_people, promotion_form
from flows.pipeline import run_by_hand
from flows.worktree import (
    HOME,
    LOCK,
    Worktree,
    begin_branch,
    commit_lock,
    drop_branch,
    has_dvc_remote,
    has_origin,
    open_worktree,
    push_branch,
    unpushed,
)

# Names and states of footage as the last training saw them, for words; DVC judges what differs.
LEARNED = HOME / "learned.json"

# Seconds to wait for what a killed retraining started: its guard ends all of it within 8.
LEFT_OVER_S = 60.0

DVC = (sys.executable, "-m", "dvc")


@dataclass
class Retraining:
    """One look at the project, and the training that may follow.

    Args:
        tree: where it works.
        notes: what a person should know besides, in lines.
        env: environment of the commands below.
    """

    tree: Worktree
    notes: list[str]
    env: dict[str, str]

    def dvc(self, *words: str) -> None:
        """Run DVC in the worktree.

        Raises:
            PipelineError: it failed; with its words.
        """
        self.run([*DVC, *words])

    def run(self, command: list[str]) -> None:
        """Run a command in the worktree, its lines into the log; nothing of it outlives us."""
        lock = self.tree.project / HOME / "command.lock"
        run_guarded(command, self.tree.folder, lock, get_run_logger().info, self.env)


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
        with _alone(Path.cwd()):
            tree, notes = open_worktree(Path.cwd(), branch)
            if missed := missed_before(runtime.flow_run.get_tags()):
                notes.append(f"this run stands for {missed} missed before it, too")
            work = Retraining(tree, notes, environment(MLFLOW_TRACKING_URI=tracking_uri()))
            raw = bring_inputs(tree)
            champion = _settled(work, now)
            decision = _decide(work, raw, champion, max_age_days, now)
            seconds = time.monotonic() - began
            if not decision.learn:
                _push(work)
            create_markdown_artifact(
                key="decision", markdown=decision_text(decision, seconds, notes)
            )
            if not decision.learn:
                return Completed(message=f"declined in {seconds:.1f} s: {decision.headline}")
            get_run_logger().info("training, because: %s", decision.headline)
            outcome, page = _train(work, decision, champion, raw, now)
    except AislewatchError as error:
        create_markdown_artifact(key="result", markdown=f"**Failed**\n\n```\n{error}\n```")
        notify_people(notify, "Retraining failed; the champion serves on", str(error))
        return Failed(message=str(error))
    said = headline(outcome)
    notify_people(notify, f"Retraining: {said}", page)
    return Completed(message=said)


@contextmanager
def _alone(project: Path) -> Iterator[None]:
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


def _drift(work: Retraining) -> Drift | None:
    try:
        return read_drift(work.tree.project / places.DRIFT)
    except ValueError as error:
        work.notes.append(f"{places.DRIFT} cannot be read ({error}); nothing is known of drift")
        return None


def _train(
    work: Retraining, decision: Decision, champion: Champion | None, raw: Manifest, now: datetime
) -> tuple[Outcome | None, str]:
    """Run the pipeline, commit and push what it made; return what it came to, and its page."""
    tree = work.tree
    name = begin_branch(tree, now)
    before = _executions(tree)
    try:
        pull = ["pull"] if has_dvc_remote(tree.folder) else ["checkout"]
        work.dvc(*pull, "--allow-missing", "--quiet", "--force")
        work.run([sys.executable, "-m", "flows.pipeline"])
    except PipelineError:
        drop_branch(tree, name)
        raise
    outcome = read_outcome(tree.folder, champion)
    run_id = _run_id(_executions(tree) - before)
    facts = {
        "MLflow-Run": run_id or "",
        "Model-Version": f"{outcome.version} ({outcome.digest})" if outcome else "",
    }
    commit_lock(tree, f"Retraining: {headline(outcome)}", facts, datetime.now(UTC))
    write_json(tree.project / LEARNED, raw)
    _push(work)
    page = result_text(decision, outcome, _links(run_id, outcome), work.notes, tree.folder)
    create_markdown_artifact(key="result", markdown=page)
    if run_id:
        _record(run_id, decision, page)
    brief = result_text(decision, outcome, _links(run_id, outcome), work.notes, Path(os.devnull))
    return outcome, brief


def _push(work: Retraining) -> None:
    """Push the last training that is not yet pushed: data, then the commit that names it."""
    tree = work.tree
    try:
        if has_dvc_remote(tree.folder) and (unpushed(tree) or not has_origin(tree.project)):
            work.dvc("push", "--quiet")
        if branch := unpushed(tree):
            push_branch(tree, branch)
    except PipelineError as error:
        work.notes.append(f"not pushed; nothing is lost, the next run tries again: {error}")


def _executions(tree: Worktree) -> set[Path]:
    return set((tree.folder / RUNS).glob("*"))


def _run_id(executions: set[Path]) -> str | None:
    """Return the MLflow run of the pipeline; None where no stage had to run, or MLflow is late."""
    closed = [folder / CLOSED for folder in executions if (folder / CLOSED).exists()]
    return json.loads(closed[0].read_text())["run_id"] if closed else None


def _links(run_id: str | None, outcome: Outcome | None) -> dict[str, str]:
    links = {"MLflow": run_url(run_id) if run_id else "", "night by night": comparison_url()}
    if outcome is not None and outcome.fate == "asks":
        links["approve or decline"] = promotion_form(outcome.version, outcome.digest)
    return links


def _record(run_id: str, decision: Decision, page: str) -> None:
    client, _ = connect()
    client.log_text(run_id, page, "retraining.md")
    set_tags(client, run_id, {"retraining": decision.headline})


def main() -> None:
    """Run the flow once; exit 1 with its words if it failed."""
    run_by_hand(retrain)


if __name__ == "__main__":
    main()
