"""Everything a training draws, drawn before it begins: one row a step, so that steps only look up.

Nothing is drawn on the device, so a training is the same on CPU and GPU up to arithmetic, and a
step can be captured as a CUDA graph.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from research.recipe import Recipe

WARM_UP = 0.05  # share of the steps over which the learning rate rises


@dataclass(frozen=True)
class Clips:
    """Clips as runs of frames in one long array of frames."""

    first: NDArray[np.int64]  # (N,) first frame
    length: NDArray[np.int64]  # (N,) frames
    label: NDArray[np.float32]  # (N,)

    def of(self, rows: NDArray[np.int64]) -> "Clips":
        """Some of them."""
        return Clips(self.first[rows], self.length[rows], self.label[rows])


@dataclass(frozen=True)
class Tables:
    """Per step (S) and clip of the batch (B)."""

    frames: NDArray[np.int64]  # (S, B, T)
    labels: NDArray[np.float32]  # (S, B)
    views: NDArray[np.float32]  # (S, B, 5): left, top, side, mirrored, gain
    boxes: NDArray[np.float32]  # (S, B, 4): blanked box
    spoil: NDArray[np.float32]  # (S, B, 3): coarseness, noise, darkness
    mix: NDArray[np.float32]  # (S, B): share of the clip itself in mixup
    lr: NDArray[np.float32]  # (S,)


def draw(recipe: Recipe, clips: Clips, task: str, epochs: int, seed: int) -> Tables:
    """The tables of one training on ``clips``.

    Args:
        recipe: strengths of everything.
        clips: to learn from.
        task: "label", or what is told instead: "order" (played backwards), "speed" (1.6 × faster).
        epochs: passes over the clips; the last batch of each that is not full is left out.
        seed: of all draws.
    """
    random = np.random.default_rng([seed, len(clips.first), len(task)])
    batch = min(recipe.batch, len(clips.first))
    rows = np.concatenate([_epoch(clips.label, random, batch) for _ in range(epochs)])
    shape = rows.shape
    labels = clips.label[rows]
    pace = 1 + recipe.stretch * random.uniform(-1, 1, shape)
    if task != "label":
        labels = random.integers(0, 2, shape).astype(np.float32)
    if task == "speed":
        pace = np.where(labels == 1, 1.0, 0.6) * (1 + 0.1 * random.uniform(-1, 1, shape))
    frames = _frames(recipe, clips, rows, pace, random)
    if task == "order":
        frames = np.where(labels[..., None] == 1, frames[..., ::-1], frames)
    side = recipe.crop + (1 - recipe.crop) * random.random(shape)
    views = [random.random(shape) * (1 - side), random.random(shape) * (1 - side), side]
    views += [random.random(shape) < recipe.flip, 1 + recipe.gain * random.uniform(-1, 1, shape)]
    spoiled = random.random((3, *shape)) < recipe.blur
    spoil = [spoiled[0], spoiled[1] * 0.05 * random.random(shape)]
    spoil += [np.where(spoiled[2], 10 ** random.uniform(-0.7, 0, shape), 1.0)]
    mix = random.beta(recipe.mixup, recipe.mixup, shape) if recipe.mixup else np.ones(shape)
    return Tables(
        frames=frames,
        labels=labels.astype(np.float32),
        views=np.stack(views, axis=-1).astype(np.float32),
        boxes=_boxes(recipe, shape, random),
        spoil=np.stack(spoil, axis=-1).astype(np.float32),
        mix=np.maximum(mix, 1 - mix).astype(np.float32),
        lr=_rates(recipe, shape[0]),
    )


def windows(recipe: Recipe, clips: Clips, count: int) -> NDArray[np.int64]:
    """Frames (N, V, T) of evenly spaced windows of each clip, for scoring; ``count`` at most."""
    time = np.arange(recipe.frames) * recipe.step
    room = np.maximum(clips.length - 1 - time[-1], 0)
    count = min(count, int(room.max()) + 1)
    starts = np.round(room[:, None] * np.linspace(0, 1, count)).astype(np.int64)
    inside = np.minimum(starts[..., None] + time, clips.length[:, None, None] - 1)
    return clips.first[:, None, None] + inside


def _epoch(
    label: NDArray[np.float32], random: np.random.Generator, batch: int
) -> NDArray[np.int64]:
    """Both classes equally often, in whole batches (steps, batch)."""
    half = int(np.ceil(len(label) / 2))
    drawn = [np.resize(random.permutation(np.flatnonzero(label == c)), half) for c in (0, 1)]
    order = random.permutation(np.concatenate(drawn))
    steps = len(order) // batch
    return order[: steps * batch].reshape(steps, batch)


def _frames(
    recipe: Recipe,
    clips: Clips,
    rows: NDArray[np.int64],
    pace: NDArray[np.float64],
    random: np.random.Generator,
) -> NDArray[np.int64]:
    time = np.arange(recipe.frames) * recipe.step
    room = clips.length[rows] - 1
    pace = np.minimum(pace, np.maximum(room / time[-1], 1e-6))
    start = random.random(rows.shape) * (room - pace * time[-1])
    inside = np.floor(start[..., None] + pace[..., None] * time + 0.5).astype(np.int64)
    return clips.first[rows][..., None] + np.clip(inside, 0, room[..., None])


def _boxes(
    recipe: Recipe, shape: tuple[int, ...], random: np.random.Generator
) -> NDArray[np.float32]:
    width, height = random.uniform(0.15, 0.45, (2, *shape))
    left, top = random.random(shape) * (1 - width), random.random(shape) * (1 - height)
    on = random.random(shape) < recipe.erase
    box = np.stack([left, top, left + width, top + height], axis=-1)
    return np.where(on[..., None], box, -1.0).astype(np.float32)


def _rates(recipe: Recipe, steps: int) -> NDArray[np.float32]:
    if recipe.schedule == "constant":
        return np.full(steps, recipe.lr, np.float32)
    at = (np.arange(steps) + 0.5) / steps
    falling = 0.5 * (1 + np.cos(np.pi * np.clip((at - WARM_UP) / (1 - WARM_UP), 0, 1)))
    return (recipe.lr * np.where(at < WARM_UP, at / WARM_UP, falling)).astype(np.float32)
