"""One training of `retrain`: the pipeline in the worktree, its commit, its push, its report."""

import json
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact

from aislewatch.config.params import load_params
from aislewatch.errors import PipelineError
from aislewatch.files import write_json
from aislewatch.recording.client import comparison_url, connect, run_url, set_tags
from aislewatch.retrain.news import Decision, Manifest
from aislewatch.retrain.outcome import Champion, Outcome, read_outcome
from aislewatch.retrain.report import headline, result_text
from aislewatch.tracking.execution import RUNS
from aislewatch.tracking.filenames import CLOSED
from flows.answers import fill_form
from flows.child import run_guarded
from flows.worktree import (
    HOME,
    Worktree,
    begin_branch,
    commit_lock,
    drop_branch,
    has_dvc_remote,
    has_origin,
    push_branch,
    unpushed,
)

# Names and states of footage as the last training saw them, for words; DVC judges what differs.
LEARNED = HOME / "learned.json"

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


def train(
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
    push(work)
    links = {"MLflow": run_url(run_id) if run_id else "", "night by night": comparison_url()}
    links["approve or decline"] = fill_form(load_params(tree.folder / "params.yaml").register_.name)
    page = result_text(decision, outcome, links, work.notes, tree.folder)
    create_markdown_artifact(key="result", markdown=page)
    if run_id:
        _record(run_id, decision, page)
    brief = result_text(decision, outcome, links, work.notes, Path(os.devnull))
    return outcome, brief


def push(work: Retraining) -> None:
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


def _record(run_id: str, decision: Decision, page: str) -> None:
    client, _ = connect()
    client.log_text(run_id, page, "retraining.md")
    set_tags(client, run_id, {"retraining": decision.headline})
