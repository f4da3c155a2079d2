"""places.py names every path of the pipeline, dvc.yaml the same ones, and nobody else any."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from aislewatch.models.rows import BY_NAME
from aislewatch.tables import places
from tests.code_closure import ROOT
from tests.tables.all_tables import TABLES

PIPELINE: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text())
CODE = ("aislewatch", "stages", "flows", "benchmarks", "research", "requirements")

FIXED = {path for path in vars(places).values() if isinstance(path, Path)}
OF_NETWORKS = {
    of(model)
    for of in (
        places.model_folder,
        places.training_metrics,
        places.curve,
        places.scores_folder,
    )
    for model in BY_NAME
}
# A single word like "models" is a word first; only registration.json can be nothing but the file.
SPELLINGS = {path.as_posix() for path in FIXED if len(path.parts) > 1 or path.suffix}


def pipeline_paths() -> Iterator[Path]:
    """Every path in dvc.yaml that is no code."""
    for stage in PIPELINE["stages"].values():
        for kind in ("deps", "outs", "metrics", "plots"):
            for entry in stage.get(kind, []):
                path = entry if isinstance(entry, str) else next(iter(entry))
                if path.split("/")[0] not in CODE:
                    for model in BY_NAME if "matrix" in stage else [""]:
                        yield Path(path.replace("${item.model}", model))


def test_the_paths_of_dvc_yaml_are_those_of_places() -> None:
    assert set(pipeline_paths()) <= FIXED | OF_NETWORKS


def test_each_table_is_written_by_the_stage_it_names() -> None:
    for table in TABLES.values():
        if table.stage:
            stage = PIPELINE["stages"][table.stage]
            entries = [e for kind in ("outs", "metrics", "plots") for e in stage.get(kind, [])]
            names = {str(entry).replace("${item.model}", "convlstm") for entry in entries}
            assert {table.path.as_posix(), table.path.parent.as_posix()} & names


def texts(file: Path) -> Iterator[str]:
    """Every text of a module that is no docstring; of one that is filled in, its fixed parts."""
    tree = ast.parse(file.read_text())
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and id(node) not in docstrings:
            yield text


def test_no_path_is_spelled_elsewhere() -> None:
    spelled = {
        f"{file.relative_to(ROOT)}: {spelling}"
        for folder in CODE
        for file in (ROOT / folder).rglob("*.py")
        if file != ROOT / "aislewatch/tables/places.py"
        for text in texts(file)
        for spelling in SPELLINGS
        # Meanings of columns are prose for docs/data.md, in backquotes.
        if spelling in re.sub("`[^`]*`", "", text)
    }
    assert spelled == set()
