"""What a change costs: the stages that a real `dvc repro` runs after it; what a new row touches."""

import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.code_closure import ROOT
from tests.projects import run, stages_run

# Each changes no byte of any output, or is words for people.
HARMLESS = [
    "aislewatch/alive.py",
    "aislewatch/config/params.py",
    "aislewatch/console.py",
    "aislewatch/errors.py",
    "aislewatch/exits.py",
    "aislewatch/files.py",
    "aislewatch/findings.py",
    "aislewatch/recording/recorder.py",
    "aislewatch/tables/table.py",
    "aislewatch/tracking/execution.py",
    "aislewatch/tracking/journal.py",
    "stages/runner.py",
    "stages/train.py",
    "data/detector/README.md",
    "data/pretrained/README.md",
    "data/raw/README.md",
]

NETWORK = '''
from torch import Tensor, nn


class BrightnessNet(nn.Module):
    """Looks at nothing but how bright a clip is."""

    architecture = "brightness"

    def __init__(self, in_channels: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(in_channels, 1)

    def forward(self, x_BTCHW: Tensor, seeds_B: Tensor | None = None) -> Tensor:
        return self.dense(x_BTCHW.mean(dim=(1, 3, 4))).squeeze(1)
'''
NET = "brightness:BrightnessNet"
ROW = f'Row("brightness", "Brightness", "{NET}", AS_TUNED, None, "#56B4E9", (6, 1)),'


def comment(*files: Path) -> None:
    """Append a comment, in the file's own language."""
    for file in files:
        with file.open("a") as end:
            end.write("{# a comment #}\n" if file.suffix == ".j2" else "# a comment\n")


def changed(project: Path) -> set[str]:
    """Files of the project that git sees changed or new."""
    status = ["git", "status", "--porcelain", "--untracked-files=all"]
    done = subprocess.run(status, cwd=project, capture_output=True, text=True, check=True)
    return {line[3:] for line in done.stdout.splitlines()}


def test_what_changes_no_byte_reruns_nothing(project: Path) -> None:
    before = (project / "dvc.lock").read_bytes()
    comment(*(project / file for file in HARMLESS))
    assert changed(project) == set(HARMLESS)
    assert stages_run(run(project, "dvc", "repro")) == []
    assert (project / "dvc.lock").read_bytes() == before


@pytest.mark.parametrize(
    ("file", "stages"),
    [
        ("aislewatch/evaluate/metrics.py", ["evaluate", "register"]),
        ("aislewatch/report/templates/report.html.j2", ["report"]),
        ("aislewatch/register/gate.py", ["register"]),
    ],
)
def test_a_comment_reruns_its_own_room_alone(file: str, stages: list[str], project: Path) -> None:
    comment(project / file)
    assert stages_run(run(project, "dvc", "repro")) == stages


def test_a_new_network_touches_two_files_beside_its_own(project: Path) -> None:
    (project / "aislewatch/models/brightness.py").write_text(NETWORK)
    rows = project / "aislewatch/models/rows.py"
    rows.write_text(rows.read_text().replace("ROWS = (\n", f"ROWS = (\n    {ROW}\n"))
    pipeline = project / "dvc.yaml"
    pipeline.write_text(pipeline.read_text().replace("models: [", "models: [brightness, "))
    touched = {"aislewatch/models/brightness.py", "aislewatch/models/rows.py", "dvc.yaml"}
    assert changed(project) == touched
    stages = [
        *("train@brightness", "score@brightness"),
        *("evaluate", "report"),
    ]
    # By themselves: the other networks would be trained again, because their room has changed.
    assert stages_run(run(project, "dvc", "repro", "--single-item", *stages)) == stages
    assert changed(project) == touched | {"dvc.lock"}
    table = pd.read_csv(project / "metrics/table.csv").set_index("model")
    assert table.loc["brightness", "name"] == "Brightness"
    assert table.loc["brightness", "f1_paper":"f1_paper"].isna().all()
    shutil.rmtree(project / "reports/data_docs", ignore_errors=True)
    said = run(project, "python", "-m", "aislewatch.cli.main", "summary")
    assert "Brightness" in said
    assert "data/validation.csv" in said, "where DVC restored validate, its page is not there"
    assert "Brightness" in (project / "reports/evaluate/report.html").read_text()
    dag = run(project, "dvc", "dag", "--dot", "register")
    for name in ("train@brightness", "score@brightness"):
        assert f'"{name}"' in dag
    run(project, "dvc", "plots", "show")
    assert "brightness" in (project / "dvc_plots/index.html").read_text()


def test_the_lock_stays_short() -> None:
    """The demo's own; ten of its stages are the five networks', without which it has 640 lines."""
    lock = (ROOT / "dvc.lock").read_text()
    assert len(lock.splitlines()) <= 1084
    assert len(yaml.safe_load(lock)["stages"]) == 19
