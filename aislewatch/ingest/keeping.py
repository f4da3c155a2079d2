"""Writes the store's frames: of a film's pictures those that are shown at its instants."""

import gc
from collections import deque
from collections.abc import Callable
from typing import Protocol

from av import VideoFrame

from aislewatch.frames.stretches import first_instant
from aislewatch.ingest.colours import to_store_colours
from aislewatch.ingest.graph import Chain, kind_of, set_upright
from aislewatch.ingest.picture import Look, fit_store, undo_fields

# Bytes of pictures that are done with and may still be held. PyAV ties a picture to itself whose
# side data was asked for, and Python collects such knots by their number, not by their bytes: 60 s
# of 1080p held 1.1 GiB, and 4K had more than a decoder's memory. A collection takes 20 ms.
MOST_LEFT = 128 << 20


class FrameSink(Protocol):
    """Takes packed I420 frames, one or more at once, in order: a file, or who looks at them."""

    def write(self, data: bytes, /) -> object:
        """Take the next."""


# Says how a picture's stream is coded from there on.
LookAt = Callable[[VideoFrame], Look]


class Keeper:
    """Takes all pictures of a film in order, and writes the store's frames.

    A picture's times may come after it: they are known when the next one is there.

    Args:
        file: gets packed I420 frames.
        fps: frames a second of the store.
        size: their width and height, pixels, both even.
        look_at: asked for each kind of picture in the film.
    """

    def __init__(self, file: FrameSink, fps: int, size: tuple[int, int], look_at: LookAt) -> None:
        self._file, self._fps, self._size, self._look_at = file, fps, size, look_at
        self._pictures: deque[VideoFrame] = deque()
        self._bounds_ns: deque[tuple[int, int]] = deque()
        self._left = 0
        self._is_interlaced: bool | None = None
        self._fields: tuple[object, Chain] | None = None
        self._fit: tuple[object, Chain, Look] | None = None

    def add_picture(self, picture: VideoFrame) -> None:
        """Take the next picture."""
        if self._is_interlaced is None:
            self._is_interlaced = self._look_at(picture).interlaced
        elif picture.interlaced_frame:
            # A recorder that was set anew, or a recording that was joined: from here on.
            self._is_interlaced = True
        self._pictures.extend(self._whole(picture) if self._is_interlaced else [picture])
        self._write()

    def add_times(self, bounds_ns: tuple[int, int] | None) -> None:
        """Take the next picture's times, nanoseconds from and until; None for nothing."""
        if bounds_ns is not None:
            self._bounds_ns.append(bounds_ns)
            self._write()

    def end(self) -> None:
        """Write what the filters still hold."""
        if self._fields is not None:
            self._pictures.extend(self._fields[1].push(None))
        self._write()

    def _write(self) -> None:
        while self._pictures and self._bounds_ns:
            picture, bounds_ns = self._pictures.popleft(), self._bounds_ns.popleft()
            first, end = (first_instant(bound_ns, self._fps) for bound_ns in bounds_ns)
            if end > first:
                self._file.write(self._fitted(picture) * (end - first))

    def _whole(self, picture: VideoFrame) -> list[VideoFrame]:
        """Take in an interlaced picture; return those that are whole by now."""
        kind, left = self._kind_of(picture), []
        if self._fields is None or self._fields[0] != kind:
            left = self._fields[1].push(None) if self._fields else []
            self._fields = kind, undo_fields(Chain(picture), self._look_at(picture))
        return left + self._fields[1].push(picture)

    def _fitted(self, picture: VideoFrame) -> bytes:
        """Return one frame of the store: packed I420."""
        kind = self._kind_of(picture)
        if self._fit is None or self._fit[0] != kind:
            upright = set_upright(Chain(picture), picture)
            look = self._look_at(picture)
            self._fit = kind, fit_store(upright, look, *self._size), look
        _, chain, look = self._fit
        [frame] = chain.push(picture)
        return to_store_colours(frame.to_ndarray(), look).tobytes()

    def _kind_of(self, picture: VideoFrame) -> tuple[object, ...]:
        self._left += sum(plane.buffer_size for plane in picture.planes)
        if self._left > MOST_LEFT:
            gc.collect()
            self._left = 0
        return kind_of(picture)
