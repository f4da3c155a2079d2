"""A frame store small enough to train on in seconds: a bright square that moves right, or left."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from aislewatch.config.params import parse_params
from aislewatch.tables import places
from aislewatch.train.tuned import Tuned, write_settings

ROOT = Path(__file__).parents[1]
SIZE = 32
N_FRAMES = 8
VIDEOS = {"train": 24, "val": 8}


def write_store(folder: Path, videos: Mapping[str, int] = VIDEOS) -> None:
    """Write frames and splits of ``data/dataset`` under ``folder``; label 1 moves right.

    ``videos`` says how many there are of each side of the split.
    """
    frames = folder / "data/dataset/frames"
    frames.mkdir(parents=True)
    random = np.random.default_rng(0)
    rows = []
    for split, count in videos.items():
        for number in range(count):
            label, name = number % 2, f"{split}{number}.yuv"
            _video(label, random).tofile(frames / name)
            rows += [(name, start, label, split) for start in (0, 2)]
    columns = ["frames_file", "start", "label", "split"]
    splits = pd.DataFrame(rows, columns=columns)
    splits.to_parquet(folder / "data/dataset/splits.parquet", index=False)


def _video(label: int, random: np.random.Generator) -> Any:
    n_frames = N_FRAMES + 2
    video = np.full((n_frames, SIZE * 3 // 2, SIZE), 128, np.uint8)
    video[:, :SIZE] = random.integers(60, 90, (SIZE, SIZE))
    left, top = random.integers(0, 6, 2)
    for t in range(n_frames):
        x = left + 2 * (t if label else n_frames - 1 - t)
        video[t, top : top + 8, x : x + 8] = 220
    return video


def tiny_params(**changes: dict[str, Any]) -> dict[str, Any]:
    """Shrink the shipped params.yaml to this store; ``changes`` overrides keys of sections."""
    values: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text())
    shrunk: dict[str, dict[str, Any]] = {
        "frames": {"size": SIZE},
        "segment": {"n_frames": N_FRAMES},
        "model": {"input_size": 16, "encoder_channels": [8], "hidden_channels": 8, "dropout": 0.1},
        "learning": {
            "batch_size": 8,
            "flip": 0.0,
            "schedule": "constant",
            "warmup": 0.0,
            "average": 0.0,
        },
        "machine": {"device": "cpu", "threads": 1},
        "tune": {"trials": 4, "epochs": 3},
        "train": {"epochs": 4, "patience": 4},
    }
    for section, keys in [*shrunk.items(), *changes.items()]:
        values[section] |= keys
    return values


def write_project(folder: Path, **changes: dict[str, Any]) -> Path:
    """Write a folder in which the stages tune and train can run."""
    write_store(folder)
    (folder / "params.yaml").write_text(yaml.safe_dump(tiny_params(**changes)))
    found = Tuned(lr=0.005, beta1=0.9, beta2=0.99, eps=1e-07)
    write_settings(folder / places.TRAINING, parse_params(tiny_params(**changes), "test"), found)
    (folder / "runs").mkdir()
    return folder


def start_in(folder: Path, *command: str) -> "subprocess.Popen[str]":
    """Start ``python -m <command>`` in a project, as DVC would, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=os.environ
        | {
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "AISLEWATCH_EXECUTION": str(folder.resolve() / "runs"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def run_stage_in(folder: Path, stage: ModuleType, *arguments: str) -> None:
    """Run a stage to its end in a project, in this process; its SystemExit is passed on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("AISLEWATCH_EXECUTION", str(folder.resolve() / "runs"))
        patch.setattr(sys, "argv", [stage.__name__, *arguments])
        stage.main()


def kill_at(process: "subprocess.Popen[str]", line_start: str) -> None:
    """Kill a process and its children (SIGKILL) once it prints a line that starts so."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if line.startswith(line_start):
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "".join(seen)
