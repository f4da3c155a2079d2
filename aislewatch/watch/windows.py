"""Cuts a live stream into successive clips, the same ones that detection cuts a file into."""

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aislewatch.score.clips import clip_span
from aislewatch.watch.messages import StoreFrame


@dataclass(frozen=True, eq=False)
class LiveClip:
    """One of a camera's successive clips.

    Args:
        start_s: second of the stream at which it begins.
        end_s: second of the stream at which it ends.
        captured_s: when its last frame was captured, on this machine's monotonic clock.
        session: counts the camera's connections: with each the stream's clock begins anew.
        yuv_TKW: its frames, uint8, packed I420.
    """

    start_s: float
    end_s: float
    captured_s: float
    session: int
    yuv_TKW: npt.NDArray[np.uint8]


class ClipWindow:
    """Takes a camera's frames in order, and gives the clips that they complete.

    Clips begin half a clip apart; the last before a gap ends with the last frame before it
    (``score.clips.successive_starts``).

    Args:
        n_frames: frames of a clip.
        step: frames of the stream from one clip frame to the next.
        fps: frames a second of the stream.
        size: their width and height, pixels.
    """

    def __init__(self, n_frames: int, step: int, fps: int, size: int) -> None:
        self._step, self._fps, self._size = step, fps, size
        self._span, self._stride = clip_span(n_frames, step), max(1, n_frames * step // 2)
        self._frames: deque[StoreFrame] = deque(maxlen=self._span)
        self._count = 0
        self._session = 0

    def add(self, frame: StoreFrame) -> list[LiveClip]:
        """Take the next frame; return the clips that are complete with it, or by the gap before.

        A frame that is no later than the one before it is left out.
        """
        done: list[LiveClip] = []
        if self._frames:
            ahead = frame.instant - self._frames[-1].instant
            if ahead < 1:
                return done
            if ahead > 1:
                done = self.end()
        self._frames.append(frame)
        self._count += 1
        if self._count >= self._span and (self._count - self._span) % self._stride == 0:
            done.append(self._clip())
        return done

    def end(self) -> list[LiveClip]:
        """Begin anew after a gap; return the clip that ends with the last frame, if it is due."""
        has_rest = self._count > self._span and (self._count - self._span) % self._stride
        done = [self._clip()] if has_rest else []
        self._frames.clear()
        self._count = 0
        return done

    def end_session(self) -> list[LiveClip]:
        """Begin anew with another connection; return as ``end`` does."""
        done = self.end()
        self._session += 1
        return done

    def _clip(self) -> LiveClip:
        first, last = self._frames[0], self._frames[-1]
        chosen = list(self._frames)[:: self._step]
        shape = -1, self._size * 3 // 2, self._size
        yuv_TKW = np.frombuffer(b"".join(f.i420 for f in chosen), np.uint8).reshape(shape)
        start_s, end_s = first.instant / self._fps, (last.instant + 1) / self._fps
        return LiveClip(start_s, end_s, last.captured_s, self._session, yuv_TKW)
