"""Finds the people of a video: two sandboxed passes, and what lies between them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aislewatch.config.machine import Ingest
from aislewatch.config.people import People, Region, Tracker
from aislewatch.errors import FootageError, QuarantinedError
from aislewatch.files import sha256_file, whole_file
from aislewatch.frames.stretches import FrameTimes
from aislewatch.ingest.decoder import ROUNDING_S, video_limits
from aislewatch.ingest.sandbox import Sandbox
from aislewatch.ingest.supervisor import SandboxLimits
from aislewatch.people.boxes import Floats
from aislewatch.people.cutting import PLAN
from aislewatch.people.features import feature_graph, format_of
from aislewatch.people.graphs import detector_graph
from aislewatch.people.jobs import JOB
from aislewatch.people.network import Yolox, read_yolox
from aislewatch.people.squares import prominence, squares_of
from aislewatch.people.tracker import Sightings, Way, follow
from aislewatch.people.watching import SIGHTINGS

# Longer side of the pictures from which squares are cut, pixels: what a person of a third of the
# picture's height needs for a square of 192.
LONGEST_SIDE = 960

# Seconds that a frame of the store may take in a pass, beside what decoding the video may: the
# largest detector of the family takes about 1 s on one core.
FRAME_S = 2.0


@dataclass(frozen=True)
class Footage:
    """A video of the catalog, as its row says.

    Args:
        file: where it lies.
        width: as displayed, pixels.
        height: as displayed, pixels.
        times: of its frames in the store.
    """

    file: Path
    width: int
    height: int
    times: FrameTimes


@dataclass(frozen=True)
class FoundWay:
    """A person's way, and the squares that its files hold.

    Args:
        way: with its boxes.
        first: the store's frame that its files begin with.
        squares: (F, R, 3) left, top, side of each region, pixels of the picture as displayed.
        prominence: column of ``TRACKED``.
    """

    way: Way
    first: int
    squares: NDArray[np.int64]
    prominence: float


class Graphs:
    """Makes the graphs that the passes run, each once.

    Args:
        weights: of the detector.
        square: pixels a side of a stored square.
        regions: of which a frame has a square each.

    Raises:
        ModelError: the weights are missing or not of the YOLOX family.
    """

    def __init__(self, weights: Path, square: int, regions: Sequence[Region]) -> None:
        self.yolox: Yolox = read_yolox(weights)
        self.sha256 = sha256_file(weights)
        self.form = format_of(self.yolox, len(regions))
        self._weights, self._square = weights, square

    def features(self, folder: Path) -> Path:
        """Return the file, in a folder, of the graph that makes features of squares."""
        file = folder.absolute() / "features.onnx"
        if not file.exists():
            _write(feature_graph(self._weights, self._square, self.form.regions), file)
        return file

    def detector(self, size: tuple[int, int], folder: Path) -> Path:
        """Return that of the graph that finds people in frames of a width and height."""
        file = folder.absolute() / f"detector-{size[0]}x{size[1]}.onnx"
        if not file.exists():
            _write(detector_graph(self.yolox, *size), file)
        return file


def _write(graph: Any, file: Path) -> None:
    with whole_file(file) as temporary:
        temporary.write_bytes(graph.SerializeToString())


class Finder:
    """Finds people in videos, one at a time; use one a thread, and close it.

    Args:
        graphs: of the detector; threads share it.
        graphs_folder: gets the graphs' files; threads share it.
        fps: frames a second of the store.
        people: section ``people`` of params.yaml.
        tracker: section ``track``.
        limits: section ``ingest``: of the sandbox and of a video.
    """

    def __init__(
        self,
        graphs: Graphs,
        graphs_folder: Path,
        fps: int,
        people: People,
        tracker: Tracker,
        limits: Ingest,
    ) -> None:
        self._graphs, self._graphs_folder, self._fps = graphs, graphs_folder, fps
        self._people, self._tracker, self._limits = people, tracker, limits
        squares_bytes = len(people.regions) * people.square**2 * 3 // 2
        frame_bytes = max(graphs.form.frame_bytes, squares_bytes)
        # Boxes of a hundred people take less than a frame of one.
        most_bytes = int((limits.max_duration_s + ROUNDING_S) * fps) * frame_bytes
        self._sandbox = Sandbox(JOB, SandboxLimits(limits.timeout_s, limits.memory_mib, most_bytes))

    def find(self, footage: Footage, folder: Path) -> list[FoundWay]:
        """Return the ways of the people of a video; their files lie in ``folder`` afterwards.

        Args:
            footage: the video.
            folder: an empty one, which must exist.

        Raises:
            FootageError: the video cannot be decoded any more.
        """
        try:
            self._watch(footage, folder)
            sightings = read_sightings(folder / SIGHTINGS)
            ways = follow(sightings, footage.times.stretches, self._tracker, self._people.every)
            found = [self._found(way, footage) for way in ways]
            if found:
                np.save(folder / PLAN, _plan(found))
                self._cut(footage, folder)
        except QuarantinedError as error:
            raise FootageError(
                f"people cannot be looked for in {footage.file}: {error.detail}; {error.remedy}"
            ) from None
        return found

    def close(self) -> None:
        """End the sandbox."""
        self._sandbox.close()

    def _watch(self, footage: Footage, folder: Path) -> None:
        size = fitted(footage.width, footage.height, self._graphs.yolox.side)
        self._run(
            footage,
            folder,
            size,
            graph=str(self._graphs.detector(size, self._graphs_folder)),
            side=self._graphs.yolox.side,
            every=self._people.every,
            floor=self._tracker.go_on_score,
            **{"pass": "watch"},
        )

    def _cut(self, footage: Footage, folder: Path) -> None:
        size = fitted(
            footage.width,
            footage.height,
            min(LONGEST_SIDE, max(footage.width, footage.height)),
        )
        graph = str(self._graphs.features(self._graphs_folder))
        self._run(footage, folder, size, graph=graph, square=self._people.square, **{"pass": "cut"})

    def _run(self, footage: Footage, folder: Path, size: tuple[int, int], **more: Any) -> None:
        request = {
            "video": str(footage.file.absolute()),
            "fps": self._fps,
            "n_frames": footage.times.n_frames,
            "stretches": footage.times.to_text(),
            "width": footage.width,
            "height": footage.height,
            "limits": asdict(video_limits(self._limits)),
            "size": size,
        }
        timeout_s = self._limits.timeout_s + FRAME_S * footage.times.n_frames
        self._sandbox.run(request | more, folder, timeout_s)

    def _found(self, way: Way, footage: Footage) -> FoundWay:
        [stretch] = [
            stretch
            for stretch in footage.times.stretches
            if stretch.first <= way.first < stretch.end
        ]
        size = footage.width, footage.height
        first, squares = squares_of(way, stretch, *size, self._fps, self._people.regions)
        return FoundWay(way, first, squares, prominence(way, *size))


def fitted(width: int, height: int, longest: int) -> tuple[int, int]:
    """Return the even size at which a picture's longer side has ``longest`` pixels, or one less."""
    scale = longest / max(width, height)
    wide, high = (max(2, int(side * scale + 1e-6) // 2 * 2) for side in (width, height))
    return wide, high


def read_sightings(file: Path) -> list[Sightings]:
    """Read what a pass found, frame by frame; a frame without anybody is left out."""
    rows: Floats = np.load(file, allow_pickle=False)
    starts = np.flatnonzero(np.diff(rows[:, 0], prepend=-1))
    parts = np.split(rows, starts[1:]) if len(rows) else []
    return [Sightings(int(p[0, 0]), p[:, 1:5], p[:, 5], p[:, 6]) for p in parts]


def _plan(found: Sequence[FoundWay]) -> NDArray[np.int64]:
    """Return the rows of ``PLAN``."""
    parts = []
    for number, one in enumerate(found):
        frames = one.first + np.arange(len(one.squares))
        places = one.squares.reshape(len(frames), -1)
        parts.append(np.column_stack([frames, np.full(len(frames), number), places]))
    rows = np.concatenate(parts)
    return np.asarray(rows[np.lexsort((rows[:, 1], rows[:, 0]))], np.int64)
