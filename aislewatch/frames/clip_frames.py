"""Reads the frames of a clip from the frame store."""

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aislewatch.errors import FootageError


def read_clip(
    frames_dir: Path,
    frames_file: str,
    start: int,
    n_frames: int,
    step: int,
    out_TKW: npt.NDArray[np.uint8],
) -> None:
    """Read a clip's frames into ``out_TKW`` by positional reads; threads may call it at once.

    Args:
        frames_dir: the frame store.
        frames_file: the video's file in it.
        start: first frame, counted from 0.
        n_frames: frames to read (T).
        step: frames from one to the next.
        out_TKW: uint8 (T, 3/2 size, size), C-contiguous, overwritten.

    Raises:
        FootageError: the file is missing or ends before the clip does.
    """
    frame_bytes = out_TKW[0].nbytes
    try:
        # A joined string: pathlib adds 6 µs to the 40 of reading a clip from the page cache.
        descriptor = os.open(f"{frames_dir}/{frames_file}", os.O_RDONLY)
    except FileNotFoundError:
        raise FootageError(f"{frames_dir / frames_file} is missing; run the ingest stage") from None
    try:
        if step == 1:
            _read(descriptor, start * frame_bytes, out_TKW, frames_file)
        else:
            for t in range(n_frames):
                _read(descriptor, (start + t * step) * frame_bytes, out_TKW[t], frames_file)
    finally:
        os.close(descriptor)


def _read(descriptor: int, offset: int, out: npt.NDArray[np.uint8], frames_file: str) -> None:
    buffer = out.reshape(-1).data
    while buffer:
        count = os.preadv(descriptor, [buffer], offset)
        if count == 0:
            raise FootageError(
                f"{frames_file} ends at byte {offset}, inside a clip; run the ingest stage again"
            )
        buffer, offset = buffer[count:], offset + count
