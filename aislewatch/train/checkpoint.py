"""Keeps a training's state outside DVC's outputs, which DVC removes before a run."""

import hashlib
import json
import logging
import pickle
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from aislewatch.files import whole_file
from aislewatch.train.data import TrainingData

# A checkpoint of the demo's networks takes 5 ms to write, a large one's still far under a second;
# a minute of a training lost to a kill hurts nobody.
EVERY_S = 60.0

logger = logging.getLogger(__name__)


def result_key(
    settings: Mapping[str, Any],
    data: TrainingData,
    device: torch.device,
    code: Mapping[str, str],
) -> str:
    """Hash everything that determines the result of computing on ``data``; sha256 in hex.

    That is the settings, the clips, the frame files (by name, size and time of change: their bytes
    may be hundreds of GB), the code as ``code_digest`` has it, torch's version, device and threads.
    """
    facts = {
        "input": input_key(settings, data, code),
        "frames": _frame_files(data),
        "torch": torch.__version__,
        "device": str(device),
        "threads": torch.get_num_threads(),
    }
    return _digest(facts)


def input_key(settings: Mapping[str, Any], data: TrainingData, code: Mapping[str, str]) -> str:
    """Hash what is the same on every machine: settings, clips and code; sha256 in hex.

    The frame store's files are named by their content and format, so the clips' rows name those.
    """
    return _digest(
        {
            "settings": settings,
            "clips": {"train": _rows(data.train), "val": _rows(data.val)},
            "code": code,
        }
    )


def _digest(facts: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _rows(clips: pd.DataFrame) -> str:
    return hashlib.sha256(clips.to_csv(index=False).encode()).hexdigest()


def _frame_files(data: TrainingData) -> list[tuple[str, int, int]]:
    names = sorted(set(data.train["frames_file"]) | set(data.val["frames_file"]))
    # A missing file is left for the reader, which says what to do about it.
    found = [(name, data.frames_dir / name) for name in names if (data.frames_dir / name).exists()]
    return [(name, path.stat().st_size, path.stat().st_mtime_ns) for name, path in found]


class Checkpoint:
    """The one checkpoint of one training, named by its key.

    Args:
        folder: where the checkpoints of this model lie, and nothing else.
        key: as ``result_key`` returns it.
        every_s: seconds from one saving inside an epoch to the next; the most a kill costs.
    """

    def __init__(self, folder: Path, key: str, every_s: float = EVERY_S) -> None:
        self._every_s = every_s
        self._saved = time.monotonic()
        self._folder = folder
        self._file = folder / f"{key}.pt"

    def load(self) -> dict[str, Any] | None:
        """Load the state last saved under this key, or None; remove whatever else lies there."""
        if self._folder.exists():
            for other in set(self._folder.iterdir()) - {self._file}:
                # Several processes of one training may do this at once.
                other.unlink(missing_ok=True)
        if not self._file.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(self._file, map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
            logger.warning("%s is corrupt (%s); training starts anew", self._file, error)
            return None
        return state

    def save(self, state: Mapping[str, Any]) -> None:
        """Replace the saved state, whole or not at all."""
        with whole_file(self._file) as temporary:
            torch.save(dict(state), temporary)
        self._saved = time.monotonic()

    def due(self) -> bool:
        """Return whether ``every_s`` seconds went by since the last saving."""
        return time.monotonic() - self._saved >= self._every_s

    def delete(self) -> None:
        """Remove the saved state."""
        self._file.unlink(missing_ok=True)
