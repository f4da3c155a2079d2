"""Reads batches of clips from the frame store, by threads, into reused buffers.

torch's worker processes were about 5 times slower here: a clip is one positional read of a file
that is usually in the page cache, so pickling it to another process costs more than reading it.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aislewatch.frames.clip_frames import read_clip, read_frames

# Threads, each with an equal part of a batch. From the page cache four read 32 clips (12.6 MB) in
# 2 ms on two cores; one task a clip instead of one a thread took 1.4 times as long.
READERS = 4

# Where a clip is: its file in the frame store, and there its first frame, or every frame of it.
ClipAddress = tuple[str, int | tuple[int, ...]]

# Makes an array of a shape, to be read into.
Empty = Callable[[tuple[int, ...]], npt.NDArray[np.uint8]]


def pageable(shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Allocate ordinary memory to read into."""
    return np.empty(shape, np.uint8)


def read_batches(
    frames_dir: Path,
    batches: Iterable[Sequence[ClipAddress]],
    n_frames: int,
    step: int,
    frame: tuple[int, int],
    empty: Empty = pageable,
) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield yuv_BTKW, uint8 (B, T, *frame), for every batch; the next is read meanwhile.

    A yielded array is overwritten later: it is the caller's only until the next one is asked for.

    Args:
        frames_dir: the frame store.
        batches: addresses of the clips of each batch.
        n_frames: frames in a clip (T).
        step: store frames from one clip frame to the next.
        frame: shape of a stored frame (K, W): (3/2 S, S) of a picture of S × S pixels.
        empty: where the memory comes from.

    Raises:
        FootageError: a file is missing or too short.
    """
    shape = n_frames, *frame
    buffers = [pageable((0, *shape)) for _ in range(2)]
    with ThreadPoolExecutor(READERS) as pool:
        ahead: tuple[npt.NDArray[np.uint8], list[Future[None]]] | None = None
        for number, addresses in enumerate(batches):
            if len(buffers[number % 2]) < len(addresses):
                buffers[number % 2] = empty((len(addresses), *shape))
            yuv_BTKW = buffers[number % 2][: len(addresses)]
            share = max(1, math.ceil(len(addresses) / READERS))
            parts = [slice(first, first + share) for first in range(0, len(addresses), share)]
            reads = [
                pool.submit(_read_clips, frames_dir, addresses[part], step, yuv_BTKW[part])
                for part in parts
            ]
            if ahead is not None:
                yield _finished(*ahead)
            ahead = yuv_BTKW, reads
        if ahead is not None:
            yield _finished(*ahead)


def _read_clips(
    frames_dir: Path, addresses: Sequence[ClipAddress], step: int, yuv_BTKW: npt.NDArray[np.uint8]
) -> None:
    for (file, where), out_TKW in zip(addresses, yuv_BTKW, strict=True):
        if isinstance(where, tuple):
            read_frames(frames_dir, file, where, out_TKW)
        else:
            read_clip(frames_dir, file, where, len(out_TKW), step, out_TKW)


def _finished(yuv_BTKW: npt.NDArray[np.uint8], reads: list[Future[None]]) -> npt.NDArray[np.uint8]:
    for read in reads:
        read.result()
    return yuv_BTKW
