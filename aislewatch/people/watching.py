"""Looks for people in every n-th frame of a video; inside the sandbox only."""

from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from aislewatch.errors import QuarantinedError
from aislewatch.frames.stretches import FrameTimes
from aislewatch.ingest.decode import read_film
from aislewatch.ingest.probe import VideoLimits, probe_video, refusal
from aislewatch.people.boxes import Floats, decode_boxes
from aislewatch.people.graphs import YUV, open_session

# What a job leaves in its folder: (N, 7) float64, a row a box: frame, left, top, right, bottom in
# pixels of the picture as displayed, score, motion in grey levels.
SIGHTINGS = "sightings.npy"


def watch(request: dict[str, Any]) -> dict[str, Any]:
    """Write ``SIGHTINGS`` into the working folder.

    Args:
        request: of every job: video (absolute path), fps, n_frames, stretches (text), width, height
            (as displayed, pixels), limits (of VideoLimits). Of this one: graph (file), size (width
            and height of its frames, pixels), side (of the detector's input), every, floor.

    Raises:
        QuarantinedError: the video cannot be decoded.
    """
    watcher = Watcher(request)
    read_frames(request, tuple(request["size"]), watcher)
    np.save(SIGHTINGS, watcher.sightings())
    return {"frames": watcher.seen}


def read_frames(request: dict[str, Any], size: Any, frames: "OneByOne") -> None:
    """Decode the video of a request into frames of this size, the same that are in the store."""
    video, limits = Path(request["video"]), VideoLimits(**request["limits"])
    try:
        read_film(video, probe_video(video, limits), request["fps"], size, frames)
    except av.FFmpegError as error:
        raise refusal(error, video) from None
    if frames.seen != request["n_frames"]:
        words = f"it gives {frames.seen} frames now, {request['n_frames']} are in the store"
        raise QuarantinedError("changed", words, "run `dvc repro ingest` again")


class OneByOne:
    """Takes frames as a file would, and hands them on one by one, up to the last of the store.

    Args:
        size: width and height of a frame, pixels.
        n_frames: in the store; what comes behind lies behind a damage.
    """

    def __init__(self, size: tuple[int, int], n_frames: int) -> None:
        self._width, self._height = size
        self._n_frames = n_frames
        self.seen = 0

    def write(self, data: bytes, /) -> None:
        """Take one or more frames."""
        shape = (-1, self._height * 3 // 2, self._width)
        for yuv_KW in np.frombuffer(data, np.uint8).reshape(shape):
            if self.seen < self._n_frames:
                self.take(self.seen, yuv_KW)
                self.seen += 1

    def take(self, frame: int, yuv_KW: NDArray[np.uint8]) -> None:
        """Take the next frame: its number in the video, and packed I420."""
        raise NotImplementedError


class Watcher(OneByOne):
    """Finds people in the frames that are to be looked at."""

    def __init__(self, request: dict[str, Any]) -> None:
        size = request["size"]
        super().__init__((size[0], size[1]), request["n_frames"])
        times = FrameTimes.from_text(request["stretches"], request["n_frames"], request["fps"])
        self._looked_at = looked_at(times, request["every"])
        self._session = open_session(Path(request["graph"]))
        self._side, self._floor = request["side"], request["floor"]
        displayed = np.array([request["width"], request["height"]], float)
        self._scale = np.tile(displayed / size, 2)
        self._last: NDArray[np.uint8] | None = None
        self._rows: list[Floats] = []

    def take(self, frame: int, yuv_KW: NDArray[np.uint8]) -> None:
        """Find people in it if it is to be looked at."""
        grey = yuv_KW[: self._height]
        if frame in self._looked_at:
            boxes, scores = find_people(self._session, yuv_KW, self._side, self._floor)
            motion = [self._motion(grey, box) for box in boxes]
            columns = (np.full(len(boxes), frame), *(boxes * self._scale).T, scores, motion)
            self._rows.append(np.stack(columns, axis=1).astype(np.float64))
        self._last = grey

    def sightings(self) -> Floats:
        """Return all boxes found, a row each."""
        return np.concatenate([np.zeros((0, 7)), *self._rows])

    def _motion(self, grey: NDArray[np.uint8], box: Floats) -> float:
        left, top = np.floor(box[:2]).astype(int)
        right, bottom = np.ceil(box[2:]).astype(int)
        if self._last is None or right <= left or bottom <= top:
            return 0.0
        now, before = (p[top:bottom, left:right].astype(np.int16) for p in (grey, self._last))
        return float(np.abs(now - before).mean())


def find_people(
    session: Any, yuv_KW: NDArray[np.uint8], side: int, floor: float
) -> tuple[Floats, Floats]:
    """Return (P, 4) boxes of people in a picture, its own pixels, and (P,) their scores.

    Args:
        session: of the detector's graph.
        yuv_KW: the picture, packed I420.
        side: of the detector's input, pixels.
        floor: score below which a box is left out.
    """
    [output] = session.run(None, {YUV: yuv_KW[None]})
    boxes, scores = decode_boxes(output[0], side, floor)
    height, width = yuv_KW.shape[0] * 2 // 3, yuv_KW.shape[1]
    return np.clip(boxes, 0, [width, height] * 2), scores


def looked_at(times: FrameTimes, every: int) -> frozenset[int]:
    """Choose the frames in which people are looked for: every n-th from each gap on."""
    return frozenset(
        frame for stretch in times.stretches for frame in range(stretch.first, stretch.end, every)
    )
