"""Follows the people of a live stream, so that a camera's squares and boxes are a file's."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aislewatch.config.people import Region, Tracker
from aislewatch.people.boxes import Floats
from aislewatch.people.squares import BEYOND, SquareLine
from aislewatch.people.tracker import Following, OpenWay, Sightings
from aislewatch.watch.messages import PersonThere

# Returns left, top, right, bottom in displayed pixels and scores of those seen in a picture.
Find = Callable[[NDArray[np.uint8]], tuple[Floats, Floats]]
# Returns what a network is shown of people, (P, bytes) uint8, from a picture and their squares.
Cut = Callable[[NDArray[np.uint8], list[NDArray[np.int64]]], NDArray[np.uint8]]


@dataclass(frozen=True)
class PeopleRequest:
    """How people are looked for, and what a network is shown of them.

    Args:
        weights: of the detector.
        square: pixels a side of a person's square.
        every: frames from one look of the detector to the next.
        track: what becomes a track.
        features: whether a network is shown the detector's features of squares, not the squares.
        regions: what the squares show.
    """

    weights: Path
    square: int
    every: int
    track: Tracker
    features: bool
    regions: tuple[Region, ...]


@dataclass(eq=False)
class _FollowedWay:
    """One way: its boxes and squares so far."""

    way: OpenWay
    line: SquareLine
    track: int | None = None
    is_over: bool = False
    boxes: list[Floats] = field(default_factory=list)
    squares: list[NDArray[np.int64]] = field(default_factory=list)
    # Boxes and squares that are needed no more, and were left out.
    gone: int = 0

    def __post_init__(self) -> None:
        self.first = self.way.frames[0]

    def grow(self) -> None:
        new = self.way.boxes_from(self.first + self.gone + len(self.boxes))
        self.boxes.extend(new)
        self.squares.extend(self.line.add(new))

    def is_known(self, frame: int) -> bool:
        """Say whether all is known of the person in a frame."""
        if self.is_over or frame < self.first - BEYOND:
            return True
        far = max(frame, self.first) - self.first - self.gone
        return self.track is not None and far < len(self.squares)

    def is_there(self, frame: int) -> bool:
        end = self.first + self.gone + len(self.boxes)
        return self.track is not None and self.first - BEYOND <= frame < end + BEYOND

    def at(self, frame: int) -> tuple[NDArray[np.int64], Floats]:
        number = int(np.clip(frame - self.first - self.gone, 0, len(self.squares) - 1))
        return self.squares[number], self.boxes[number]

    def forget(self, frame: int) -> None:
        """Leave out what lies before a frame: somebody may stand there all day."""
        old = min(frame - self.first - self.gone, len(self.squares) - 1)
        if old > 0:
            del self.boxes[:old], self.squares[:old]
            self.gone += old


class LivePeople:
    """Takes a stream's frames, and gives back each with its people once nothing can change them.

    That is ``BEYOND`` frames later, or while somebody is hidden as many more as a track may lack.

    Args:
        settings: section ``track`` of params.yaml, as the network was trained with.
        every: frames from one look of the detector to the next.
        displayed: width and height of the picture, pixels.
        fps: frames a second.
        regions: what the squares show.
        find: finds people in a picture, called for every n-th.
        cut: makes what a network is shown.
    """

    def __init__(
        self,
        settings: Tracker,
        every: int,
        displayed: tuple[int, int],
        fps: int,
        regions: Sequence[Region],
        find: Find,
        cut: Cut,
    ) -> None:
        self._following = Following(settings, every)
        self._every, self._displayed, self._fps = every, displayed, fps
        self._regions, self._find, self._cut = regions, find, cut
        self._lines: dict[OpenWay, _FollowedWay] = {}
        self._pictures: deque[tuple[int, NDArray[np.uint8]]] = deque()
        self._first = self._last = -2
        self._tracks = 0

    def take(
        self, frame: int, small: NDArray[np.uint8], large: NDArray[np.uint8]
    ) -> list[tuple[PersonThere, ...]]:
        """Take the next frame; return the people of those frames that are known now, in order.

        Args:
            frame: its instant; where it does not follow the last one, the recording has a gap.
            small: the picture that the detector looks at.
            large: the picture from which squares are cut.
        """
        done = []
        if frame != self._last + 1:
            done, self._first = self.end(), frame
        self._last = frame
        self._pictures.append((frame, large))
        if (frame - self._first) % self._every == 0:
            boxes, scores = self._find(small)
            self._link(Sightings(frame, boxes, scores, np.zeros(len(boxes))))
        return done + self._known()

    def end(self) -> list[tuple[PersonThere, ...]]:
        """Return what is left, where the stream ends or has a gap."""
        for way in self._following.end():
            self._end_line(way)
        done = self._known(is_end=True)
        self._lines.clear()
        return done

    def _link(self, look: Sightings) -> None:
        for way in self._following.take(look):
            self._end_line(way)
        ways = self._following.open_ways
        for way in ways:
            if way not in self._lines:
                line = SquareLine(*self._displayed, self._fps, self._regions)
                self._lines[way] = _FollowedWay(way, line)
            self._lines[way].grow()
        known = [way for way in ways if way.known_at == look.frame]
        for way in sorted(known, key=OpenWay.order):
            self._lines[way].track = self._tracks
            self._tracks += 1
        for way in ways:
            if way.known_at is not None:
                way.forget()

    def _end_line(self, way: OpenWay) -> None:
        line = self._lines[way]
        line.squares.extend(line.line.end())
        line.is_over = True
        if line.track is None:
            del self._lines[way]

    def _known(self, is_end: bool = False) -> list[tuple[PersonThere, ...]]:
        done = []
        while self._pictures and (is_end or self._is_known(self._pictures[0][0])):
            frame, picture = self._pictures.popleft()
            there = [line for line in self._lines.values() if line.is_there(frame)]
            there.sort(key=lambda line: line.track or 0)
            done.append(self._shown(frame, picture, there))
            for way, line in list(self._lines.items()):
                line.forget(frame)
                if line.is_over and not line.is_there(frame + 1):
                    del self._lines[way]
        return done

    def _is_known(self, frame: int) -> bool:
        """Say whether nobody can come any more whose file would begin at or before a frame."""
        is_late = self._last - frame >= BEYOND
        return is_late and all(line.is_known(frame) for line in self._lines.values())

    def _shown(
        self, frame: int, picture: NDArray[np.uint8], there: list[_FollowedWay]
    ) -> tuple[PersonThere, ...]:
        if not there:
            return ()
        found = [line.at(frame) for line in there]
        shown = self._cut(picture, [square for square, _ in found])
        size = np.array(self._displayed * 2)
        people = []
        for line, (_, box), packed in zip(there, found, shown, strict=True):
            left, top, right, bottom = (box / size).tolist()
            people.append(
                PersonThere(line.track or 0, (left, top, right, bottom), packed.tobytes())
            )
        return tuple(people)
