"""Plays training clips faster and slower: which frames of a video stand for a clip's own."""

import functools
import math
from pathlib import Path

import numpy as np

from aislewatch.config.learning import Learning
from aislewatch.frames.batches import ClipAddress
from aislewatch.models.build import ModelConfig
from aislewatch.train.data import FramesOf, as_filmed

# Names the draws of this module beside those of views, of (seed, epoch, position) too.
DRAWS = 1


def played(
    learning: Learning, config: ModelConfig, frames_dir: Path, seed: int, epoch: int
) -> FramesOf:
    """Return what chooses the frames of each clip of an epoch, at its own speed.

    Args:
        learning: uses ``speed``; 0 leaves every clip as filmed.
        config: how many frames a clip has, and how large they are.
        frames_dir: the frame store.
        seed: of the training.
        epoch: counted from 1.
    """
    if not learning.speed:
        return as_filmed

    @functools.cache
    def stored(file: str) -> int:
        path = frames_dir / file
        # A missing file is left for the reader, which says what to do about it.
        size = path.stat().st_size if path.exists() else 0
        return max(1, size // math.prod(config.frame_shape))

    def frames_of(file: str, start: int, position: int) -> ClipAddress:
        draws = seed, epoch, position
        return file, played_frames(start, config, stored(file), learning.speed, draws)

    return frames_of


def played_frames(
    start: int, config: ModelConfig, n_stored: int, change: float, draws: tuple[int, int, int]
) -> tuple[int, ...]:
    """Draw a clip's speed and place, and return its frames, as many as the clip has.

    A slower clip lies anywhere inside the clip's own stretch of video; a faster one covers it, and
    reaches beyond by at most ``change`` of its length, never out of the video.

    Args:
        start: the clip's first frame.
        config: how many frames it has, and how far apart.
        n_stored: frames of its video.
        change: the speed is drawn within 1 ± this, evenly.
        draws: seed of the training, epoch, and the clip's place in the epoch's order.
    """
    u_speed, u_start = np.random.default_rng([*draws, DRAWS]).random(2)
    span = (config.n_frames - 1) * config.step
    length = min(span * (1 + change * (2 * u_speed - 1)), n_stored - 1)
    first = np.clip(start + u_start * (span - length), 0, n_stored - 1 - length)
    frames_T = np.floor(first + np.linspace(0, length, config.n_frames) + 0.5)
    return tuple(np.minimum(frames_T, n_stored - 1).astype(int).tolist())
