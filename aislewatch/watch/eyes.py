"""Looks for people in a camera's pictures, inside the camera's own process."""

import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from aislewatch.ingest.keeping import Keeper, LookAt
from aislewatch.ingest.picture import Look
from aislewatch.people.boxes import Floats
from aislewatch.people.cutting import cut_squares
from aislewatch.people.finding import LONGEST_SIDE, Graphs, fitted
from aislewatch.people.graphs import YUV, open_session
from aislewatch.people.watching import find_people
from aislewatch.watch.messages import PersonThere
from aislewatch.watch.people import LivePeople, PeopleRequest

Yuv = NDArray[np.uint8]


class Eyes:
    """Takes all pictures of a stream in order, and gives the people of each frame of the store.

    The pictures are scaled as the track stage scales a file's.

    Args:
        request: how people are looked for.
        fps: frames a second of the store.
        look: how the first picture is coded; later ones are scaled to its size.
        look_at: asked for each kind of picture.

    Raises:
        ModelError: the weights are damaged.
    """

    def __init__(self, request: PeopleRequest, fps: int, look: Look, look_at: LookAt) -> None:
        self._request = request
        self._displayed = look.width, look.height
        graphs = Graphs(request.weights, request.square, request.regions)
        small = fitted(*self._displayed, graphs.yolox.side)
        large = fitted(*self._displayed, min(LONGEST_SIDE, max(self._displayed)))
        with tempfile.TemporaryDirectory(prefix="eyes-") as name:
            folder = Path(name)
            self._detector = open_session(graphs.detector(small, folder))
            self._features = open_session(graphs.features(folder)) if request.features else None
        self._side = graphs.yolox.side
        self._scale = large[0] / look.width, large[1] / look.height
        self._back = np.tile(np.array(self._displayed) / small, 2)
        self._small, self._large = _Held(small), _Held(large)
        self._keepers = [
            Keeper(self._small, fps, small, look_at),
            Keeper(self._large, fps, large, look_at),
        ]
        self._people = LivePeople(
            request.track,
            request.every,
            self._displayed,
            fps,
            request.regions,
            self._find,
            self._cut,
        )

    def add_picture(self, picture: VideoFrame) -> None:
        """Take the next picture."""
        for keeper in self._keepers:
            keeper.add_picture(picture)

    def add_times(self, bounds_ns: tuple[int, int] | None) -> None:
        """Take the next picture's times, nanoseconds from and until; None for nothing."""
        for keeper in self._keepers:
            keeper.add_times(bounds_ns)

    def end(self) -> None:
        """Take in that no picture comes any more."""
        for keeper in self._keepers:
            keeper.end()

    def see(self, instant: int) -> list[tuple[PersonThere, ...]]:
        """Look at the next frame; return the people of those frames that are known by now."""
        return self._people.take(instant, self._small.take(), self._large.take())

    def rest(self) -> list[tuple[PersonThere, ...]]:
        """Return the people of the frames that are left at the end."""
        return self._people.end()

    def _find(self, small: Yuv) -> tuple[Floats, Floats]:
        floor = self._request.track.go_on_score
        boxes, scores = find_people(self._detector, small, self._side, floor)
        return boxes * self._back, scores

    def _cut(self, large: Yuv, squares: list[NDArray[np.int64]]) -> Yuv:
        sizes = self._scale, self._request.square
        frames = np.stack([cut_squares(large, sizes[0], one, sizes[1]) for one in squares])
        if self._features is None:
            return frames
        [features] = self._features.run(None, {YUV: frames})
        return np.asarray(features)


class _Held:
    """Holds the frames that a keeper wrote, until they are looked at."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._shape = -1, size[1] * 3 // 2, size[0]
        self._frames: deque[Yuv] = deque()

    def write(self, data: bytes, /) -> None:
        frames: Iterator[Yuv] = iter(np.frombuffer(data, np.uint8).reshape(self._shape))
        self._frames.extend(frames)

    def take(self) -> Yuv:
        return self._frames.popleft()
