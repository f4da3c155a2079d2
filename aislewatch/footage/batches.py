"""Batches of clips from the frame store, read by threads into reused buffers.

torch's worker processes were about 5 times slower here: a clip is one positional read of a file
that is usually in the page cache, so pickling it to another process costs more than reading it.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aislewatch.footage.store import read_clip

# From the page cache four read a batch of 32 clips (12.6 MB) in 6 ms on two busy cores, behind a
# training step of 100 and more.
READERS = 4

# Where a clip is: its file in the frame store, and its first frame there.
ClipAddress = tuple[str, int]


def read_batches(
    frames_dir: Path,
    batches: Iterable[Sequence[ClipAddress]],
    n_frames: int,
    step: int,
    size: int,
) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield yuv_BTKW, uint8 (B, T, 3/2 size, size), for every batch; the next is read meanwhile.

    A yielded array is overwritten later: it is the caller's only until the next one is asked for.

    Args:
        frames_dir: the frame store.
        batches: addresses of the clips of each batch.
        n_frames: frames in a clip (T).
        step: store frames from one clip frame to the next.
        size: pixels a side of a stored frame.

    Raises:
        FootageError: a file is missing or too short.
    """
    buffers = [np.empty((0, n_frames, size * 3 // 2, size), np.uint8) for _ in range(2)]
    with ThreadPoolExecutor(READERS) as pool:
        ahead: tuple[npt.NDArray[np.uint8], list[Future[None]]] | None = None
        for number, addresses in enumerate(batches):
            if len(buffers[number % 2]) < len(addresses):
                buffers[number % 2] = np.empty((len(addresses), *buffers[0].shape[1:]), np.uint8)
            yuv_BTKW = buffers[number % 2][: len(addresses)]
            reads = [
                pool.submit(read_clip, frames_dir, file, start, n_frames, step, out_TKW)
                for (file, start), out_TKW in zip(addresses, yuv_BTKW, strict=True)
            ]
            if ahead is not None:
                yield _finished(*ahead)
            ahead = yuv_BTKW, reads
        if ahead is not None:
            yield _finished(*ahead)


def _finished(yuv_BTKW: npt.NDArray[np.uint8], reads: list[Future[None]]) -> npt.NDArray[np.uint8]:
    for read in reads:
        read.result()
    return yuv_BTKW
