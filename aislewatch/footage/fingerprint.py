"""Which videos show the same footage, told by what moves in them and not by the room.

In a shop the camera is fixed, so whole-frame hashes find every video alike. Here a frame's
signature is the change of a 16×16 luminance picture over 0.2 s: a shared room cancels out, a
watermark too, and the same gesture at the same place and pace matches.

All constants were chosen on 316 real videos (274 of one room, 10 frames/s) and on 50 of them
re-encoded, at 15 fps, cropped, watermarked, brightened, halved and cut. At a share of 0.3: all 22
pairs that share more than half their frames are found (lowest share 0.50), 13 of 16 that share
0.25–0.5, every copy except those cropped by 10 % (33 % missed) and sub-clips with next to no
motion (6 %); of 49,000 other pairs none. Without MIN_RUN 4 others were found.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

# Part of a stored signature's name: raise it when the signatures change.
SIGNATURE_VERSION = 1

# Cells a side. 32 told less alike (crops: 73 % missed) and cost four times the memory.
CELLS = 16
CELL_COUNT = CELLS * CELLS

# Seconds between the two frames compared. 0.1 s drowns slow gestures in noise, 0.3 s matched more
# of other people's walks (5 false pairs instead of none).
LAG_S = 0.2

# Root mean square change of a cell, in grey levels of 256, from which a frame moves. At 0.6 one
# pair of nearly motionless copies is lost.
MIN_MOTION = 0.5

# Two frames match from this similarity, 2ab / (a² + b²): 1 for equal signatures, 0 for unrelated
# ones. 0.65 finds more crops (17 % missed) but 4 false pairs.
MIN_SIMILARITY = 0.7

# Frames in a row that must match: a chance match of two walks rarely lasts 0.3 s.
MIN_RUN = 3

# Moving frames a video must have: with fewer, a share says nothing.
MIN_MOVING = 5

# Frames compared at once: 4096² similarities are 64 MiB.
BLOCK = 4096

# Frames read at once: 256 of 128×128 are 6 MiB.
READ_BLOCK = 256

Signature = npt.NDArray[np.int8]


def signature_of_frames(file: Path, size: int, fps: int) -> Signature:
    """Signature of a store file: int8 (n_frames − lag, 256), change of cell means in grey levels.

    Args:
        file: packed I420 frames.
        size: pixels a side.
        fps: frames a second.
    """
    lag = max(1, round(LAG_S * fps))
    cell = size // CELLS
    sums: list[npt.NDArray[np.int32]] = []
    with file.open("rb") as frames:
        while block := frames.read(READ_BLOCK * size * size * 3 // 2):
            yuv_TKW = np.frombuffer(block, np.uint8).reshape(-1, size * 3 // 2, size)
            y_TCPCP = yuv_TKW[:, :size].reshape(-1, CELLS, cell, CELLS, cell)
            sums.append(y_TCPCP.sum(axis=(2, 4), dtype=np.int32).reshape(-1, CELL_COUNT))
    cells_TN = np.concatenate(sums)
    change_TN = (cells_TN[lag:] - cells_TN[:-lag]) / cell**2
    return np.clip(np.rint(change_TN), -127, 127).astype(np.int8)


def find_duplicates(
    signatures: Mapping[str, Signature], share_threshold: float
) -> list[tuple[str, str, float]]:
    """Pairs of videos that show the same footage.

    Every pair of videos is compared, frame by frame: 316 videos of 12,000 frames in all take 1.2 s
    on one core, and the time grows with the square of the frames.

    Args:
        signatures: a signature a video.
        share_threshold: least share reported, 0 to 1.

    Returns:
        (a, b, share), a < b, sorted. The share is that of the moving frames of the video with
        fewer of them that match at the best alignment in time. The same everywhere to the last
        bit: the products are sums of integers below 2²⁴, which float32 adds without rounding.
    """
    moving = {name: _moving(signatures[name]) for name in sorted(signatures)}
    names = [name for name, video in moving.items() if len(video.frames) >= MIN_MOVING]
    # The products are small: BLAS's threads cost 20 times what they gain on a busy machine.
    with threadpool_limits(1, "blas"):
        shares = [(a, b, _share(moving[a], moving[b])) for a, b in combinations(names, 2)]
    return [pair for pair in shares if pair[2] >= max(share_threshold, 1e-9)]


@dataclass(frozen=True)
class _Moving:
    """The T frames of a video that carry evidence.

    ``values`` (T, 256) are their signatures, ``energy`` (T) the sums of squares, ``frames`` (T)
    their numbers in the video.
    """

    values: npt.NDArray[np.float32]
    energy: npt.NDArray[np.float32]
    frames: npt.NDArray[np.int64]


def _moving(signature: Signature) -> _Moving:
    values_TN = signature.astype(np.float32)
    energy_T = (values_TN**2).sum(axis=1)
    frames = np.flatnonzero(energy_T > MIN_MOTION**2 * CELL_COUNT)
    return _Moving(values_TN[frames], energy_T[frames], frames)


def _share(a: _Moving, b: _Moving) -> float:
    rows: list[npt.NDArray[np.int64]] = []
    columns: list[npt.NDArray[np.int64]] = []
    for i in range(0, len(a.frames), BLOCK):
        for j in range(0, len(b.frames), BLOCK):
            of_a, of_b = slice(i, i + BLOCK), slice(j, j + BLOCK)
            alike = a.values[of_a] @ b.values[of_b].T
            energy = a.energy[of_a, None] + b.energy[of_b]
            row, column = np.nonzero(2 * alike > MIN_SIMILARITY * energy)
            rows.append(a.frames[of_a][row])
            columns.append(b.frames[of_b][column])
    matched = _best_alignment(np.concatenate(rows), np.concatenate(columns))
    return matched / min(len(a.frames), len(b.frames))


def _best_alignment(rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]) -> int:
    """Most matches at one shift in time, counting only those in a run of MIN_RUN frames."""
    if len(rows) < MIN_RUN:
        return 0
    shift = columns - rows
    order = np.lexsort((rows, shift))
    rows, shift = rows[order], shift[order]
    breaks = (np.diff(shift) != 0) | (np.diff(rows) != 1)
    run = np.concatenate([[0], np.cumsum(breaks)])
    kept = shift[np.bincount(run)[run] >= MIN_RUN]
    return int(np.unique(kept, return_counts=True)[1].max(initial=0))
