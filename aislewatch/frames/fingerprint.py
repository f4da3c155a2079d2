"""Keeps of a video what finds its copies: how it changes, and how it looks once a second.

In a shop the camera is fixed, so pictures of one room are all alike. A frame's fingerprint is
therefore the change of a 16×16 luminance picture over 0.2 s: a shared room cancels out, a watermark
too, and the same gesture at the same pace matches. The still pictures say which room it was, and
contradict a match that would need the room mirrored or moved.

An hour of footage that never stands still takes 4.8 MiB, so 100 hours fit in 480 MiB.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt

# Part of a stored signature's name: raise it when the signatures change.
SIGNATURE_VERSION = 2

# Cells a side. 32 told less alike (crops: 73 % missed) and cost four times the memory.
CELLS = 16
CELL_COUNT = CELLS * CELLS

# Seconds between the two frames compared. 0.1 s drowns slow gestures in noise, 0.3 s matched more
# of other people's walks (5 false pairs instead of none).
LAG_S = 0.2

# Seconds from one still picture to the next: 92 MB in 100 hours.
STILL_S = 1.0

# Root mean square change of a cell, in grey levels of 256, from which a frame moves.
MIN_MOTION = 0.4

# A change is kept as sign and root, in 15 steps up to the frame's largest (4 bits a cell).
STEPS = 7
# Grey levels at which a change is cut: steps up to a burned-in clock's 200 would drown in them the
# motion beside it, and turn noise of 0.8 into a change of 3.
PEAK = 32.0

# Parts of a root grey level in which that largest is kept: the root of 32 makes 255 of them.
PEAK_PARTS = 45.0

# Parts of a grey level in which changes are read back, as whole numbers.
PARTS = 8

# Bytes of a frame's change: the largest, then two cells a byte.
ROW_BYTES = 1 + CELL_COUNT // 2

# Frames read at once: 256 of 128×128 are 6 MiB.
READ_BLOCK = 256

# As stored: the stills (256 bytes each), then ROW_BYTES a frame, zeros where nothing moves.
Signature = npt.NDArray[np.uint8]
Changes = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Fingerprint:
    """A video's fingerprint.

    ``stills_SYX`` uint8 (S, 16, 16) are cell means of luma, one a second; ``rows_TR`` uint8
    (T, 129) the changes as stored, one for every frame but the last ``lag``.
    """

    fps: int
    stills_SYX: npt.NDArray[np.uint8]
    rows_TR: npt.NDArray[np.uint8]

    @property
    def lag(self) -> int:
        """Count the frames between the two that a change compares."""
        return lag_frames(self.fps)

    @cached_property
    def moving(self) -> npt.NDArray[np.bool_]:
        """Tell which changes move."""
        return self.rows_TR[:, 0] > 0

    @cached_property
    def n_moving(self) -> int:
        """Count the changes that move."""
        return int(self.moving.sum())

    @cached_property
    def digest(self) -> bytes:
        """Return a key to sort fingerprints by, whatever their videos are called."""
        return sha256(self.rows_TR.data).digest() + sha256(self.stills_SYX.data).digest()

    def changes(self, first: int, last: int) -> Changes:
        """Return changes ``first`` to ``last`` in eighths of a grey level: int16 (T, 16, 16)."""
        rows_TR = self.rows_TR[first:last]
        pairs_TN = _unpacked().take((rows_TR[:, :1].astype(np.intp) << 8) + rows_TR[:, 1:])
        return pairs_TN.view(np.int16).reshape(-1, CELLS, CELLS)

    def stills_around(self, frame: int) -> npt.NDArray[np.uint8]:
        """Return the last still before a frame and the next one, uint8 (2, 16, 16)."""
        before = frame // still_step(self.fps)
        last = len(self.stills_SYX) - 1
        stills: npt.NDArray[np.uint8] = self.stills_SYX[[min(before, last), min(before + 1, last)]]
        return stills


@cache
def _unpacked() -> npt.NDArray[np.int32]:
    """List the changes of the two cells in a byte, for every largest change: int16 in (65536,)."""
    every = np.arange(256)
    steps_BN = np.stack([every >> 4, every & 15], axis=1).astype(np.float32)
    peaks_P11 = every[:, None, None].astype(np.uint8) / np.float32(PEAK_PARTS * STEPS)
    roots_PBN = (steps_BN - (STEPS + 1)) * peaks_P11
    changes_PBN = np.rint(roots_PBN * np.abs(roots_PBN) * PARTS).astype(np.int16)
    return changes_PBN.view(np.int32).reshape(-1)


def lag_frames(fps: int) -> int:
    """Count the frames between the two that a change compares."""
    return max(1, round(LAG_S * fps))


def still_step(fps: int) -> int:
    """Count the frames from one still to the next."""
    return max(1, round(STILL_S * fps))


def signature_of_frames(file: Path, size: int, fps: int) -> Signature:
    """Compute the signature of a store file, uint8; ``fingerprint_of`` reads it.

    Args:
        file: packed I420 frames.
        size: pixels a side, a multiple of 16.
        fps: frames a second.
    """
    lag, step = lag_frames(fps), still_step(fps)
    stills: list[npt.NDArray[np.uint8]] = []
    rows: list[npt.NDArray[np.uint8]] = []
    last_TN = np.empty((0, CELL_COUNT), np.float32)
    first = 0
    for cells_TN in _cell_means(file, size):
        stills.append(np.rint(cells_TN[-first % step :: step]).astype(np.uint8))
        known_TN = np.concatenate([last_TN, cells_TN])
        rows.append(_pack(known_TN[lag:] - known_TN[:-lag]))
        last_TN = known_TN[-lag:]
        first += len(cells_TN)
    return np.concatenate([part.reshape(-1) for part in [*stills, *rows]])


def fingerprint_of(signature: Signature, n_frames: int, fps: int) -> Fingerprint:
    """Read the fingerprint in a signature of a video of ``n_frames`` at ``fps``."""
    n_stills = -(-n_frames // still_step(fps))
    stills, rows = np.split(signature, [n_stills * CELL_COUNT])
    return Fingerprint(fps, stills.reshape(-1, CELLS, CELLS), rows.reshape(-1, ROW_BYTES))


def _cell_means(file: Path, size: int) -> Iterator[npt.NDArray[np.float32]]:
    """Average the 16×16 cells of luma, block by block: (T, 256), exact."""
    cell = size // CELLS
    with file.open("rb") as frames:
        while block := frames.read(READ_BLOCK * size * size * 3 // 2):
            yuv_TKW = np.frombuffer(block, np.uint8).reshape(-1, size * 3 // 2, size)
            y_TCPCP = yuv_TKW[:, :size].reshape(-1, CELLS, cell, CELLS, cell)
            sums_TCC = y_TCPCP.sum(axis=(2, 4), dtype=np.int32)
            yield (sums_TCC.reshape(-1, CELL_COUNT) / cell**2).astype(np.float32)


def _pack(change_TN: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Pack changes as uint8 (T, 129); zeros for a frame that does not move."""
    roots_TN = np.sign(change_TN) * np.sqrt(np.minimum(np.abs(change_TN), PEAK))
    peaks_T = np.ceil(np.abs(roots_TN).max(axis=1, initial=0) * np.float32(PEAK_PARTS))
    scale_T1 = STEPS * np.float32(PEAK_PARTS) / np.maximum(peaks_T, 1)[:, None]
    steps_TN = (np.rint(roots_TN * scale_T1) + STEPS + 1).astype(np.uint8)
    rows_TR = np.empty((len(change_TN), ROW_BYTES), np.uint8)
    rows_TR[:, 0] = peaks_T
    rows_TR[:, 1:] = steps_TN[:, ::2] << 4 | steps_TN[:, 1::2]
    energy_T = np.square(change_TN, dtype=np.float64).sum(axis=1)
    rows_TR[energy_T <= MIN_MOTION**2 * CELL_COUNT] = 0
    return rows_TR
