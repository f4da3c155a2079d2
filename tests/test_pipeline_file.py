"""dvc.yaml says the whole truth: every knob, every imported file, nothing that varies."""

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.code_closure import ROOT, imported_files

PIPELINE: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text())
STAGES: dict[str, Any] = PIPELINE["stages"]
SECTIONS = set(yaml.safe_load((ROOT / "params.yaml").read_text()))
CODE = (".py", ".j2")


def code_deps(stage: str) -> set[str]:
    return {dep for dep in STAGES[stage]["deps"] if dep.endswith(CODE)}


def test_the_eight_stages_are_there() -> None:
    assert list(STAGES) == [
        "ingest",
        "validate",
        "segment",
        "split",
        "tune",
        "train",
        "evaluate",
        "register",
    ]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_every_file_of_ours_that_it_imports(stage: str) -> None:
    imported = imported_files(ROOT / "stages" / f"{stage}.py")
    missing = sorted(imported - code_deps(stage))
    superfluous = sorted(code_deps(stage) - imported)
    assert not missing, f"add to deps of {stage}: {missing}"
    assert not superfluous, f"remove from deps of {stage}: {superfluous}"


def test_every_parameter_is_declared_by_a_stage() -> None:
    declared = {key for stage in STAGES.values() for key in stage.get("params", [])}
    assert declared == SECTIONS


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_declares_the_parameters_it_uses(stage: str) -> None:
    """``params.model`` in the source uses section ``model``; the call of run_stage lists it."""
    tree = ast.parse((ROOT / "stages" / f"{stage}.py").read_text())
    used = {
        node.attr.rstrip("_")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "params"
    }
    [call] = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "run_stage"
    ]
    listed = ast.literal_eval(call.args[1])
    assert sorted(STAGES[stage]["params"]) == sorted(listed)
    assert used <= set(listed)


def test_every_parameter_has_a_comment() -> None:
    lines = (ROOT / "params.yaml").read_text().splitlines()
    bare = [
        line
        for number, line in enumerate(lines)
        if ":" in line
        and not line.lstrip().startswith("#")
        and not line.rstrip().endswith(":")
        and "#" not in line
        and not lines[number - 1].startswith("#")
    ]
    assert bare == []


def test_footage_and_results_are_not_in_git() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"/registration.json", "/models/", "/metrics/", "/data/*", "/mlflow.db*"} <= set(ignored)


def test_only_the_registration_is_uncached() -> None:
    """A registration taken from DVC's run cache would be one that never reached the registry."""
    uncached = [
        (name, path)
        for name, stage in STAGES.items()
        for kind in ("outs", "metrics", "plots")
        for entry in stage.get(kind, [])
        if isinstance(entry, dict)
        for path, options in entry.items()
        if options.get("cache") is False
    ]
    assert uncached == [("register", "registration.json")]


def test_plots_read_what_stages_write() -> None:
    written = {
        str(path).replace("${item.model}", model)
        for stage in STAGES.values()
        for path in [*stage.get("plots", [])]
        for model in stage.get("matrix", {}).get("model", [""])
    }
    read = {path for plot in PIPELINE["plots"] for body in plot.values() for path in body["y"]}
    assert read <= written
    assert all(Path(path).suffix == ".csv" for path in read)
