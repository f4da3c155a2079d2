"""Turns clips into scores: one path for training's validation, evaluation and detection."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from aislewatch.config.machine import Machine
from aislewatch.errors import TrainingError
from aislewatch.frames.batches import read_batches
from aislewatch.frames.sources import ClipSource
from aislewatch.models.build import Detector, ModelConfig
from aislewatch.tables import places
from aislewatch.tables.people import TRACKED

# Clips scored at once where nobody says otherwise; the speed is flat from 16 on.
BATCH = 32


def set_up_compute(machine: Machine) -> torch.device:
    """Make torch deterministic, set its threads, and return the device to compute on.

    Raises:
        TrainingError: ``machine.device`` is cuda and there is none.
    """
    # cuBLAS repeats its results only with a fixed workspace, chosen before it is first used.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # The switch of `use_deterministic_algorithms`, which would first import the compiler, used by
    # nothing here, for 1.7 s of CPU in every process (2026-11-30).
    torch.set_deterministic_debug_mode("error")
    # Deterministic mode would also fill all new memory with NaN, one more pass over it each time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    # torchrun says how many processes share this machine's cores.
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    cores = max(1, len(os.sched_getaffinity(0)) // processes)
    torch.set_num_threads(machine.threads or cores)
    if machine.device == "cuda" and not torch.cuda.is_available():
        raise TrainingError(
            "machine.device is cuda, but torch sees no GPU; set it to auto or cpu, or install the "
            "CUDA build of torch and the driver"
        )
    if machine.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(machine.device)


def source_of(config: ModelConfig) -> ClipSource:
    """Return where the frames of a network's clips lie.

    Raises:
        TableError: it is shown people, and the table of them is missing or damaged.
    """
    if config.people is None:
        return ClipSource(places.FRAMES)
    folder = places.FEATURES if config.model.encoder == "detector" else places.SQUARES
    return ClipSource(folder, TRACKED.read())


def clip_addresses(clips: pd.DataFrame) -> list[tuple[str, int]]:
    """Return the address of every row of a table with the columns ``frames_file`` and ``start``."""
    return list(zip(clips["frames_file"].tolist(), clips["start"].tolist(), strict=True))


def logits_of(
    model: Detector, batches_BTKW: Iterable[npt.NDArray[np.uint8]], device: torch.device
) -> Tensor:
    """Compute logits (N,), float32 on the CPU, of clips that come in batches of packed I420 frames.

    The model is moved to ``device`` and left in evaluation mode.
    """
    model.to(device).eval()
    logits = [torch.empty(0)]
    with torch.inference_mode():
        for yuv_BTKW in batches_BTKW:
            logits.append(model(torch.from_numpy(yuv_BTKW).to(device)).cpu())
    # Cloned outside inference mode, so that the caller may compute with them as with any tensor.
    return torch.cat(logits).clone()


def clip_logits(
    model: Detector, clips: pd.DataFrame, frames_dir: Path, device: torch.device, batch: int
) -> Tensor:
    """Compute logits (N,) of the clips of a table, in its order; see ``score_clips``."""
    config = model.config
    batches = read_batches(
        frames_dir,
        _slices(clip_addresses(clips), batch),
        config.n_frames,
        config.step,
        config.frame_shape,
    )
    return logits_of(model, batches, device)


def score_clips(
    model: Detector,
    clips: pd.DataFrame,
    frames_dir: Path,
    device: torch.device,
    batch: int = BATCH,
) -> npt.NDArray[np.float64]:
    """Compute the probability of shoplifting of every clip of a table, float64 (N,), in its order.

    Args:
        model: as ``load_model`` returns it.
        clips: table with the columns ``frames_file`` and ``start``.
        frames_dir: the frame store.
        device: as ``set_up_compute`` returns it.
        batch: clips scored at once.

    Raises:
        FootageError: a file of the frame store is missing or too short.
    """
    logits_N = clip_logits(model, clips, frames_dir, device, batch)
    scores: npt.NDArray[np.float64] = logits_N.double().sigmoid().numpy()
    return scores


def _slices(addresses: list[tuple[str, int]], batch: int) -> Iterator[list[tuple[str, int]]]:
    for start in range(0, len(addresses), batch):
        yield addresses[start : start + batch]
