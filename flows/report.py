"""What a flow run leaves in Prefect's UI: its stages, the metrics DVC knows, the way to MLflow."""

import json
from collections.abc import Sequence
from typing import Any

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from aislewatch.tables.places import REGISTRATION
from aislewatch.tracking.journal import flatten
from flows.command import StageReport
from flows.dag import Stage


def publish(
    stages: Sequence[Stage],
    reports: Sequence[StageReport],
    failure: str | None,
    mlflow_url: str | None,
) -> None:
    """Create the run's artifacts ``stages``, ``metrics`` and ``result``.

    Args:
        stages: all of them, in DAG order.
        reports: those brought up to date, in the same order.
        failure: the own words of the stage after them, where that one failed.
        mlflow_url: where the parent run of this execution is seen.
    """
    create_table_artifact(key="stages", table=stage_rows(stages, reports))
    create_table_artifact(
        key="metrics", table=metric_rows(), description="As `dvc metrics show` has them."
    )
    create_markdown_artifact(key="result", markdown=result_text(reports, failure, mlflow_url))


def stage_rows(stages: Sequence[Stage], reports: Sequence[StageReport]) -> list[dict[str, str]]:
    """List ``stage``, ``outcome``, ``seconds`` of each stage; the first without a report failed."""
    rows = [
        {"stage": report.address, "outcome": report.outcome, "seconds": f"{report.seconds:.1f}"}
        for report in reports
    ]
    for stage in stages[len(reports) :]:
        outcome = "failed" if len(rows) == len(reports) else "not run"
        rows.append({"stage": stage.address, "outcome": outcome, "seconds": ""})
    return rows


def metric_rows() -> list[dict[str, Any]]:
    """List ``file``, ``metric`` and ``value`` of every number and word in the project's metrics."""
    from dvc.repo import Repo

    with Repo() as repo:
        files = repo.metrics.show()[""].get("data", {})
    return [
        {"file": file, "metric": metric, "value": value}
        for file, content in sorted(files.items())
        for metric, value in flatten(_as_mapping(content.get("data", {}))).items()
        if isinstance(value, bool | int | float | str)
    ]


def _as_mapping(content: Any) -> dict[str, Any]:
    # A metrics file may hold a bare number.
    return content if isinstance(content, dict) else {"": content}


def result_text(reports: Sequence[StageReport], failure: str | None, mlflow_url: str | None) -> str:
    """Describe the run on half a page: what happened, what is registered, where to look next."""
    lines = [f"**{summary(reports)}**"]
    if failure:
        lines += ["", "Failed; the stages after it did not run:", "```", failure, "```"]
    unseen = "not recorded yet; the next command will record it"
    if is_idle(reports, failure):
        unseen = "no run, as no stage had anything to do"
    lines += ["", f"MLflow: {mlflow_url or unseen}"]
    if REGISTRATION.exists():
        facts = flatten(json.loads(REGISTRATION.read_text()))
        lines += ["", "Registered:", *(f"- {name}: `{value}`" for name, value in facts.items())]
    return "\n".join(lines)


def is_idle(reports: Sequence[StageReport], failure: str | None) -> bool:
    """Say whether every stage was unchanged or restored, so that nothing ran."""
    return failure is None and all(report.outcome != "ran" for report in reports)


def summary(reports: Sequence[StageReport]) -> str:
    """Sum the run up in a line, for example ``5 stages: 1 ran, 4 unchanged``."""
    outcomes = [report.outcome for report in reports]
    counts = [f"{outcomes.count(outcome)} {outcome}" for outcome in sorted(set(outcomes))]
    return f"{len(reports)} stages: {', '.join(counts) or 'none done'}"
