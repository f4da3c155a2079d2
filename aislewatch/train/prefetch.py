"""Brings batches to the device while the step before computes."""

import functools
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from aislewatch.models.input import ClipViews

# Batches copied ahead of the step: one to compute on next, one under way.
AHEAD = 2


class DeviceBatch(NamedTuple):
    """What a step learns from; all tensors on one device.

    Where clips are mixed, ``yuv``, ``labels`` and ``views`` have one clip more, which is mixed into
    the first and not learned from by itself.
    """

    yuv: Tensor  # BTKW, uint8, packed I420
    labels: Tensor  # (B,), float32, 0 or 1
    views: ClipViews
    seeds: Tensor  # (B,), int64, of the dropout
    shares: Tensor  # (B,), float32, of each clip in its mixture; 1 = not mixed

    @property
    def mixed(self) -> bool:
        """Tell whether each clip is mixed with the one before it."""
        return len(self.yuv) > len(self.seeds)

    def part(self, start: int, stop: int) -> "DeviceBatch":
        """Return clips ``start`` to ``stop`` of those learned from; no copy."""
        part, read = slice(start, stop), slice(start, stop + self.mixed)
        views = ClipViews(*(values_B[read] for values_B in self.views))
        return DeviceBatch(
            self.yuv[read], self.labels[read], views, self.seeds[part], self.shares[part]
        )

    def tensors(self) -> list[Tensor]:
        """List all tensors, in a fixed order."""
        return [self.yuv, self.labels, *self.views, self.seeds, self.shares]

    @staticmethod
    def of(tensors: list[Tensor]) -> "DeviceBatch":
        """Make a batch of what ``tensors`` listed."""
        yuv, labels, *views, seeds, shares = tensors
        return DeviceBatch(yuv, labels, ClipViews(*views), seeds, shares)


def prefetch(batches: Iterable[DeviceBatch], device: torch.device) -> Iterator[DeviceBatch]:
    """Yield batches on ``device``, in their order.

    For a GPU a thread asks for them and copies them on a stream of its own, so that neither
    reading nor drawing nor copying is waited for. It asks for the next batch only when the one
    before is copied, so ``batches`` may use its memory again.
    """
    if device.type != "cuda":
        yield from batches
        return
    source, stream = iter(batches), side_streams(device).copying

    def copied() -> DeviceBatch | None:
        batch = next(source, None)
        if batch is None:
            return None
        with torch.cuda.stream(stream):
            moved = DeviceBatch.of([x.to(device, non_blocking=True) for x in batch.tensors()])
        stream.synchronize()
        return moved

    with ThreadPoolExecutor(1) as thread:
        ahead = deque(thread.submit(copied) for _ in range(AHEAD))
        while (batch := ahead.popleft().result()) is not None:
            ahead.append(thread.submit(copied))
            for tensor in batch.tensors():
                tensor.record_stream(torch.cuda.current_stream(device))
            yield batch


class SideStreams(NamedTuple):
    """Streams of a GPU beside the one on which steps are computed."""

    copying: torch.cuda.Stream
    recording: torch.cuda.Stream


@functools.cache
def side_streams(device: torch.device) -> SideStreams:
    """Return the streams of a device on which batches are copied and steps are recorded.

    Made once and together: torch hands out the same 32 streams by turns, and what is copied on a
    stream that is being recorded becomes part of the recording instead of being copied.
    """
    copying, recording = torch.cuda.Stream(device), torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    return SideStreams(copying, recording)


def pinned(shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Allocate host memory that a GPU copies from by itself, without the CPU's help."""
    array: npt.NDArray[np.uint8] = torch.empty(shape, dtype=torch.uint8, pin_memory=True).numpy()
    return array
