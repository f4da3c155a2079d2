"""Reads from the outputs of a stage that DVC took from its cache: metrics, curves, settings.

A run that stands for such a stage carries what a run of the stage itself would have logged, under
the same names, as far as the outputs say it.
"""

import contextlib
import csv
import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aislewatch.tracking.journal import flatten

# Numbers of these files stand for themselves; those of any other carry its name.
METRICS = "metrics"
REPORTS = "reports"
# Of a trained network, beside its weights.
CONFIG = "config.json"

# Largest file in bytes that is read for its numbers: ours have some KB, and data files have more.
MAX_READ = 1 << 20


@dataclass
class Stated:
    """Holds numbers, numbers by step, settings, numbers of models compared, folders to keep."""

    metrics: dict[str, float] = field(default_factory=dict)
    history: list[tuple[str, int, float]] = field(default_factory=list)
    params: dict[str, Any] = field(default_factory=dict)
    models: dict[str, dict[str, float]] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)


def read_outputs(hashes: Mapping[str, str]) -> Stated:
    """Read what a stage's outputs state.

    Args:
        hashes: DVC's hash of each output by path; a file that has another one now is left out.
    """
    stated = Stated()
    for name, md5 in sorted(hashes.items()):
        path = Path(name)
        if path.is_dir():
            if path.parts[0] == REPORTS:
                stated.folders.append(path)
            elif (path / CONFIG).is_file():
                stated.params |= flatten(_mapping((path / CONFIG).read_bytes()))
        elif path.is_file() and path.stat().st_size <= MAX_READ:
            content = path.read_bytes()
            if hashlib.md5(content, usedforsecurity=False).hexdigest() == md5:
                _read_file(path, content, stated)
    return stated


def _read_file(path: Path, content: bytes, stated: Stated) -> None:
    if path.suffix == ".csv":
        stated.history += _curve(content)
    if path.suffix != ".json":
        return
    values = _mapping(content)
    if isinstance(values.get("models"), dict):
        # Several models compared: the run speaks for the chosen one, as the stage's own does.
        models = values.pop("models")
        stated.models = {name: _numbers(model) for name, model in models.items()}
        stated.metrics |= stated.models.get(str(values.get("selected")), {})
    prefix = "" if path.parts[0] == METRICS else f"{path.stem}."
    stated.metrics |= _numbers(values, prefix)


def _curve(content: bytes) -> Iterator[tuple[str, int, float]]:
    """Return numbers by epoch: column ``val_loss`` is what a training logs as ``val.loss``."""
    for row in csv.DictReader(content.decode(errors="replace").splitlines()):
        if not (row.get("epoch") or "").isdigit():
            return
        step = int(row.pop("epoch"))
        for name, text in row.items():
            with contextlib.suppress(TypeError, ValueError):
                number = float(text)
                if math.isfinite(number):
                    yield name.replace("_", ".", 1), step, number


def _numbers(values: Any, prefix: str = "") -> dict[str, float]:
    flat = flatten(values, prefix) if isinstance(values, dict) else {}
    return {
        name: float(value)
        for name, value in flat.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }


def _mapping(content: bytes) -> dict[str, Any]:
    try:
        values = json.loads(content)
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}
