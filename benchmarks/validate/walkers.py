"""Films of people who walk, bend and reach before a background; some are copies of others."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from aislewatch.frames.fingerprint import Fingerprint, fingerprint_of, signature_of_frames

SIZE, FPS = 64, 10
ROOMS = 100
# Frames of a film: 3 to 9 s, as clips of recordings are.
LENGTHS = (30, 90)
# One film in this many is a copy of the one before it.
COPY_EVERY = 20

Luma = npt.NDArray[np.float32]


def write_walkers(folder: Path, count: int) -> tuple[dict[str, Fingerprint], set[tuple[str, str]]]:
    """Fingerprints of ``count`` films, and the pairs of them that are copies."""
    library: dict[str, Fingerprint] = {}
    planted = set()
    before: Luma | None = None
    for number in range(count):
        rng = np.random.default_rng(number)
        if number % COPY_EVERY == COPY_EVERY - 1 and before is not None:
            luma = _copied(before, rng)
            planted.add((f"{number - 1:06d}", f"{number:06d}"))
        else:
            luma = before = _film(rng)
        library[f"{number:06d}"] = _fingerprint(folder, luma + rng.normal(0, 1.5, luma.shape))
    return library, planted


def _film(rng: np.random.Generator) -> Luma:
    n_frames = int(rng.integers(*LENGTHS))
    room = np.random.default_rng(10**9 + int(rng.integers(ROOMS)))
    background = room.integers(40, 220, (8, 8)).repeat(8, axis=0).repeat(8, axis=1)
    steps = rng.normal(0, 1, (n_frames + 10, 4))
    smooth = np.cumsum(np.apply_along_axis(np.convolve, 0, steps, np.ones(5) / 5, "same"), axis=0)
    path_T4 = smooth[:n_frames] * (1.5, 2.5, 0.8, 0.5) + rng.uniform(0, 60, 4)
    y, x, arm, bend = (column[:, None, None] for column in path_T4.T)
    y, x = 34 + 14 * np.sin(y / 9), 32 + 24 * np.sin(x / 14)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    tall, wide = rng.uniform(8, 17), rng.uniform(3, 8)
    luma = np.repeat(background[None], n_frames, axis=0).astype(np.float32)
    luma[((rows - y) / tall) ** 2 + ((columns - x) / (wide + np.sin(bend))) ** 2 < 1] = 25
    luma[(rows - y + tall + 2) ** 2 + (columns - x - 2 * np.sin(bend)) ** 2 < 16] = 190
    hand_y, hand_x = y - 4 + 9 * np.sin(arm), x + 10 * np.cos(arm)
    luma[(rows - hand_y) ** 2 + (columns - hand_x) ** 2 < 9] = 240
    return luma


def _copied(luma: Luma, rng: np.random.Generator) -> Luma:
    """Brighter, and mirrored, cropped or a part."""
    kind = int(rng.integers(4))
    changed = 0.9 * luma + 12
    if kind == 0:
        changed = changed[:, :, ::-1]
    elif kind == 1:
        places = np.clip(np.rint(3 + np.arange(SIZE) * 0.9), 0, SIZE - 1).astype(int)
        changed = changed[:, places][:, :, places]
    elif kind == 2:
        changed = changed[len(changed) // 3 :]
    return changed


def _fingerprint(folder: Path, luma: npt.NDArray[np.float64]) -> Fingerprint:
    grey = np.full((len(luma), SIZE // 2, SIZE), 128, np.uint8)
    path = folder / "film.yuv"
    np.concatenate([np.clip(np.rint(luma), 0, 255).astype(np.uint8), grey], axis=1).tofile(path)
    return fingerprint_of(signature_of_frames(path, SIZE, FPS), len(luma), FPS)
