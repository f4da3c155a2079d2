"""dvc.yaml says the whole truth: every knob, every imported file, nothing that varies."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from aislewatch.models.rows import ROWS
from tests.code_closure import ROOT, imported_files

PIPELINE: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text())
STAGES: dict[str, Any] = PIPELINE["stages"]
[MODELS] = [values for part in PIPELINE["vars"] for values in part.values()]
SECTIONS = set(yaml.safe_load((ROOT / "params.yaml").read_text()))
# What changes no byte of any output, and why; no stage depends on it.
NO_BYTES = {
    "aislewatch/__init__.py": "sets how threads wait and switches statistics off",
    "aislewatch/alive.py": "says whether a process still runs",
    "aislewatch/cluster.py": "says on which machine the same functions run",
    "aislewatch/config": "refuses wrong values; right ones reach a stage as they stand",
    "aislewatch/console.py": "log lines and progress bars",
    "aislewatch/disk.py": "says when a disk is full",
    "aislewatch/errors.py": "names of exceptions",
    "aislewatch/exits.py": "ends a command in one line",
    "aislewatch/files.py": "writes what it is given, in forms held by tests/ground/test_files.py",
    "aislewatch/findings.py": "names of faults and their remedies",
    "aislewatch/recording": "copies journals into MLflow, after the stage",
    "aislewatch/tables": "names and checks tables; one that fits passes as it stands, by files.py",
    "aislewatch/tracking": "journals, which lie beside the outputs",
    "stages": "names the stage; reads parameters, opens the journal, prints errors",
}

# What changes no byte of one stage's outputs, and why; others depend on it.
NO_BYTES_OF = {
    stage: {"aislewatch/pages.py": "draws the stage's page, which is no output of DVC"}
    for stage in ("validate", "split")
}

# Sections of params.yaml that rerun nothing, and why.
NO_RERUN = {
    "machine": "where and how fast to compute; says itself what may change the last bits",
    "desk": "what people are shown to judge; their verdicts reach the pipeline as a source",
}

# Sections that reach a stage by a dependency, whose bytes change with them.
BY_DATA = {
    "people": {"data/dataset"},
    "frames": {"data/dataset", "data/dataset/frames", "data/dataset/catalog.parquet"},
    "ingest": {"data/dataset/catalog.parquet"},  # what exceeds a limit is not in it
    "model": {"data/training.json"},
    "learning": {"data/training.json"},
    "segment": {"data/training.json"},
    "seed": {"data/training.json"},
}


def code_deps(stage: str) -> set[str]:
    return {dep for dep in STAGES[stage]["deps"] if dep.split("/")[0] in ("aislewatch", "stages")}


def covers(dep: str, file: str) -> bool:
    return file == dep or file.startswith(f"{dep}/")


def test_the_stages_are_there() -> None:
    assert list(STAGES) == [
        "ingest",
        "track",
        "validate",
        "segment",
        "split",
        "tune",
        "train",
        "score",
        "evaluate",
        "report",
        "register",
    ]


def test_a_person_reads_the_pipeline() -> None:
    text = (ROOT / "dvc.yaml").read_text()
    assert len(text.splitlines()) <= 260
    assert text.count("# ====") >= 4, "headings"


def test_the_pipeline_trains_every_row_of_the_table() -> None:
    assert sorted(MODELS) == sorted(row.name for row in ROWS)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_every_room_that_it_imports(stage: str) -> None:
    imported = {
        file
        for file in imported_files(ROOT / "stages" / f"{stage}.py")
        if not any(covers(harmless, file) for harmless in NO_BYTES | NO_BYTES_OF.get(stage, {}))
    }
    deps = code_deps(stage)
    missing = sorted(file for file in imported if not any(covers(dep, file) for dep in deps))
    superfluous = sorted(dep for dep in deps if not any(covers(dep, file) for file in imported))
    assert not missing, f"add the rooms of these to deps of {stage}: {missing}"
    assert not superfluous, f"remove from deps of {stage}: {superfluous}"


def test_no_stage_depends_on_what_changes_no_byte() -> None:
    assert all((ROOT / path).exists() for path in NO_BYTES)
    assert not {dep for stage in STAGES for dep in code_deps(stage)} & set(NO_BYTES)


def test_every_parameter_is_declared_by_a_stage() -> None:
    declared = {key.split(".")[0] for stage in STAGES.values() for key in stage.get("params", [])}
    assert declared == SECTIONS - set(NO_RERUN)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_declares_the_parameters_it_uses(stage: str) -> None:
    """``params.model`` in the stage, or in its room, uses section ``model``."""
    files = [ROOT / "stages" / f"{stage}.py", *(ROOT / "aislewatch" / stage).rglob("*.py")]
    used = {
        node.attr.rstrip("_")
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "params"
    }
    declared = {key.split(".")[0] for key in STAGES[stage].get("params", [])}
    used &= SECTIONS
    reach = {name for name, paths in BY_DATA.items() if paths & set(STAGES[stage]["deps"])}
    assert used <= declared | set(NO_RERUN) | reach


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
    """A plot is of a folder, under its name, or of the files below ``y``, alone or in a folder."""
    written = {
        path
        for stage in STAGES.values()
        for name in stage.get("outs", [])
        if isinstance(name, str)
        for path in (Path(name), Path(name).parent)
    }
    read = {
        path
        for plot in PIPELINE["plots"]
        for name, body in plot.items()
        for path in (body["y"] if isinstance(body["y"], dict) else [name])
    }
    assert all({Path(path), *Path(path).parents} & written for path in read)
    assert not any("plots" in stage for stage in STAGES.values()), "DVC draws those once more"


def test_who_only_reads_scores_does_not_load_torch() -> None:
    """It takes 1.7 s of CPU, in each of the two stages."""
    code = "import sys, stages.evaluate, stages.report; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_who_scores_does_not_load_torchs_compiler() -> None:
    """It takes 1.7 s of CPU in each process, and came with the switch to repeatable results."""
    code = (
        "import sys, torch, aislewatch.detect.detection, stages.score\n"
        "from aislewatch.config.params import load_params\n"
        "from aislewatch.models.scoring import set_up_compute\n"
        "set_up_compute(load_params().machine)\n"
        "assert torch.are_deterministic_algorithms_enabled()\n"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
