"""A training's state after each epoch, kept outside DVC's outputs, which DVC removes before a run.

An epoch's randomness is drawn from (seed, epoch) alone, so weights, optimizer and curve are the
whole state: there is no generator to save, and what a kill interrupted is repeated exactly.
"""

import hashlib
import json
import logging
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from aislewatch.files import sha256_file, whole_file
from aislewatch.training.data import TrainingData

CHECKPOINTS = Path(".aislewatch/checkpoints")
LIBRARY = Path(__file__).parents[1]

logger = logging.getLogger(__name__)


def result_key(settings: Mapping[str, Any], data: TrainingData, device: torch.device) -> str:
    """Hex sha256 of everything that determines the result of computing on ``data``.

    That is the settings, the clips, the frame files (by name, size and time of change: their bytes
    may be hundreds of GB), the code of models and training, torch's version, device and threads.
    """
    facts = {
        "settings": settings,
        "clips": {"train": _rows(data.train), "val": _rows(data.val)},
        "frames": _frame_files(data),
        "code": _code(),
        "torch": torch.__version__,
        "device": str(device),
        "threads": torch.get_num_threads(),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _rows(clips: pd.DataFrame) -> str:
    return hashlib.sha256(clips.to_csv(index=False).encode()).hexdigest()


def _frame_files(data: TrainingData) -> list[tuple[str, int, int]]:
    names = sorted(set(data.train["frames_file"]) | set(data.val["frames_file"]))
    # A missing file is left for the reader, which says what to do about it.
    found = [(name, data.frames_dir / name) for name in names if (data.frames_dir / name).exists()]
    return [(name, path.stat().st_size, path.stat().st_mtime_ns) for name, path in found]


def _code() -> dict[str, str]:
    patterns = ("models/*.py", "training/*.py", "scoring.py")
    files = sorted(file for pattern in patterns for file in LIBRARY.glob(pattern))
    return {file.relative_to(LIBRARY).as_posix(): sha256_file(file) for file in files}


class Checkpoint:
    """The one checkpoint of one training, named by its key.

    Args:
        folder: where the checkpoints of this model lie, and nothing else.
        key: as ``result_key`` returns it.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self._folder = folder
        self._file = folder / f"{key}.pt"

    def load(self) -> dict[str, Any] | None:
        """The state last saved under this key, or None; whatever else lies there is removed."""
        if self._folder.exists():
            for other in set(self._folder.iterdir()) - {self._file}:
                other.unlink()
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

    def delete(self) -> None:
        """Remove the saved state."""
        self._file.unlink(missing_ok=True)
