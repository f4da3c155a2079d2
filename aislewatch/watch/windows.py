"""Cuts a live stream into successive clips, the same ones that detection cuts a file into."""

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aislewatch.alerts.clips import Box
from aislewatch.frames.sources import NO_TRACK
from aislewatch.score.clips import clip_span
from aislewatch.watch.messages import StoreFrame


@dataclass(frozen=True, eq=False)
class View:
    """What there is to see of a clip: the whole picture, or one of the people in it.

    Args:
        track: the person; ``NO_TRACK`` for the whole picture.
        box: of the person in the middle of the clip.
        frames_TKW: uint8, as the network takes them.
    """

    track: int
    box: Box | None
    frames_TKW: npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class LiveClip:
    """One of a camera's successive clips.

    Args:
        start_s: second of the stream at which it begins.
        end_s: second of the stream at which it ends.
        captured_s: when its last frame was captured, on this machine's monotonic clock.
        session: counts the camera's connections: with each the stream's clock begins anew.
        views: of it, by track; none where a network is shown people and nobody is there.
    """

    start_s: float
    end_s: float
    captured_s: float
    session: int
    views: tuple[View, ...]


class ClipWindow:
    """Takes a camera's frames in order, and gives the clips that they complete.

    Clips begin half a clip apart; the last before a gap ends with the last frame before it
    (``score.clips.successive_starts``).

    Args:
        n_frames: frames of a clip.
        step: frames of the stream from one clip frame to the next.
        fps: frames a second of the stream.
        shape: rows and columns of a frame as the network takes it.
        of_people: whether it is shown people: those who are there from the clip's first frame to
            its last.
    """

    def __init__(
        self, n_frames: int, step: int, fps: int, shape: tuple[int, int], of_people: bool = False
    ) -> None:
        self._step, self._fps, self._shape, self._of_people = step, fps, shape, of_people
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
        start_s, end_s = first.instant / self._fps, (last.instant + 1) / self._fps
        if self._of_people:
            views = self._people(int((start_s + end_s) / 2 * self._fps) - first.instant)
        else:
            whole = [frame.i420 for frame in list(self._frames)[:: self._step]]
            views = [View(NO_TRACK, None, self._stacked(whole))]
        return LiveClip(start_s, end_s, last.captured_s, self._session, tuple(views))

    def _people(self, middle: int) -> list[View]:
        """Return a view a person who is in all frames, with the box in frame ``middle``."""
        frames = [{person.track: person for person in one.people} for one in self._frames]
        always = sorted(set.intersection(*map(set, frames)))
        return [
            View(
                track,
                frames[min(middle, len(frames) - 1)][track].box,
                self._stacked([frame[track].shown for frame in frames[:: self._step]]),
            )
            for track in always
        ]

    def _stacked(self, frames: list[bytes]) -> npt.NDArray[np.uint8]:
        return np.frombuffer(b"".join(frames), np.uint8).reshape(-1, *self._shape)
