"""Asks DVC itself which stages an execution's dvc.yaml meant when it began.

``foreach``, ``matrix``, ``vars``, several commands, parameters from other files: only DVC knows all
of them. It is asked about the files that were kept when the execution began, in a folder of their
own, so it takes no lock of the project and what was edited since does not count.
"""

import json
import logging
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aislewatch.files import write_json
from aislewatch.tracking.filenames import BEGINNING, PLAN
from aislewatch.tracking.provenance import PARAMS, PIPELINE

log = logging.getLogger(__name__)

# Without git, and silent: the folder is gone in a second.
CONFIG = "[core]\n    no_scm = true\n    analytics = false\n    check_update = false\n"


@dataclass(frozen=True)
class Plan:
    """One stage as dvc.yaml means it; ``params`` as ``provenance.locked_facts`` has them.

    ``frozen`` stages are never run by ``dvc repro``.
    """

    address: str
    cmd: str | list[str]
    deps: list[str]
    params: dict[str, Any]
    outs: list[str]
    frozen: bool


def make_plan(folder: Path) -> None:
    """Write an execution's plan into its folder; none where its dvc.yaml is not valid."""
    if not (folder / PLAN).exists() and (folder / BEGINNING / PIPELINE).exists():
        try:
            write_json(folder / PLAN, [asdict(plan) for plan in _ask_dvc(folder / BEGINNING)])
        except Exception as error:
            # DVC's own errors have no common base with those of what it reads files with.
            log.warning("DVC does not understand the dvc.yaml of %s: %s", folder.name, error)


def read_plan(folder: Path) -> dict[str, Plan] | None:
    """Read an execution's stages by address, in the order of dvc.yaml; None where there is none."""
    if not (folder / PLAN).exists():
        return None
    plans = [Plan(**values) for values in json.loads((folder / PLAN).read_text())]
    return {plan.address: plan for plan in plans}


def _ask_dvc(beginning: Path) -> Iterator[Plan]:
    # Most of a second, which only this process pays.
    from dvc.dependency.param import ParamsDependency
    from dvc.repo import Repo

    with tempfile.TemporaryDirectory(prefix="aislewatch-") as scratch:
        project = Path(scratch) / "project"
        shutil.copytree(beginning, project)
        (project / ".dvc").mkdir()
        (project / ".dvc/config").write_text(CONFIG)
        with Repo(str(project)) as repo:
            for stage in repo.stage.collect(str(project / PIPELINE)):
                params = {d.def_path: d for d in stage.deps if isinstance(d, ParamsDependency)}
                values = {name: dep.read_params() for name, dep in params.items()}
                own = values.pop(PARAMS.name, {})
                yield Plan(
                    address=stage.name,
                    cmd=stage.cmd,
                    deps=sorted({d.def_path for d in stage.deps} - set(params)),
                    params=own | values,
                    outs=sorted(out.def_path for out in stage.outs),
                    frozen=bool(stage.frozen),
                )
