"""Runs the stages from footage to clips in a folder of the test, in its own process."""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from stages import ingest, segment, validate
from tests.code_closure import ROOT

ALL = (ingest, validate, segment)


def run_stages(
    project: Path,
    layouts: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    stages: Sequence[ModuleType] = ALL,
    fps: int = 10,
) -> None:
    """Run stages on ``data/raw`` of a project, which becomes the working folder.

    Args:
        project: its folder; params.yaml is written into it.
        layouts: the sources with their layouts.
        monkeypatch: of the test.
        stages: those to run, in their order.
        fps: frames a second of the store.
    """
    values = yaml.safe_load((ROOT / "params.yaml").read_text()) | {"sources": layouts}
    values["frames"] = {"fps": fps, "size": 32}
    (project / "params.yaml").write_text(yaml.safe_dump(values))
    execution = project / "execution"
    execution.mkdir(exist_ok=True)
    monkeypatch.setenv("AISLEWATCH_EXECUTION", str(execution))
    monkeypatch.chdir(project)
    for stage in stages:
        stage.main()
