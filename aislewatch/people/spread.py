"""Finds people on the workers of a Dask cluster, which share footage and store with this one."""

import queue
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from aislewatch.cluster import Lost, fan_out
from aislewatch.config.machine import Ingest
from aislewatch.config.people import People, Tracker
from aislewatch.errors import FootageError
from aislewatch.people.finding import Finder, Footage, Graphs
from aislewatch.people.store import Entry, PeopleStore


class Named(Protocol):
    """What is asked of a video here."""

    @property
    def name(self) -> str:
        """Return its path below ``data/raw``."""

    @property
    def footage(self) -> Footage:
        """Return the file."""


Video = TypeVar("Video", bound=Named)

# Finds the people of a video: with the store, a folder for scratch, and an idle finder.
Find = Callable[[Video, PeopleStore, Path, "queue.SimpleQueue[Finder]"], Entry]

# The idle finders of a worker process, each with the folder of its graphs, by what they look for.
_Kept = tuple[Finder, "tempfile.TemporaryDirectory[str]"]
_IDLE: dict[str, "queue.SimpleQueue[_Kept]"] = {}


@dataclass(frozen=True)
class There(Generic[Video]):
    """Finds the people of one video in a worker: by the same functions, so to the same bytes.

    Args:
        find: does it on one machine.
        store: its folder by an absolute path, on a file system that all machines share.
        scratch: a folder there, of the stage that asks: what a killed worker leaves goes with it.
        weights: of the detector, likewise.
        detector: their sha256.
        fps: frames a second of the store.
        people: section of params.yaml.
        track: section of params.yaml.
        limits: section ``ingest``.
    """

    find: Find[Video]
    store: PeopleStore
    scratch: Path
    weights: Path
    detector: str
    fps: int
    people: People
    track: Tracker
    limits: Ingest

    def __call__(self, video: Video) -> Entry:
        """Find them, and keep them in the store.

        Raises:
            FootageError: the video or the weights have changed, or it cannot be decoded.
        """
        asked = (self.detector, self.fps, self.people, self.track, self.limits)
        idle = _IDLE.setdefault(repr(asked), queue.SimpleQueue())
        try:
            kept = idle.get_nowait()
        except queue.Empty:
            kept = self._made()
        own: queue.SimpleQueue[Finder] = queue.SimpleQueue()
        own.put(kept[0])
        try:
            with tempfile.TemporaryDirectory(dir=self.scratch) as scratch:
                return self.find(video, self.store, Path(scratch), own)
        finally:
            idle.put(kept)

    def _made(self) -> _Kept:
        graphs = Graphs(self.weights, self.people.square, self.people.regions)
        if graphs.sha256 != self.detector:
            raise FootageError(f"{self.weights} has changed since the stage began; run it again")
        folder = tempfile.TemporaryDirectory(prefix="aislewatch-graphs-")
        settings = (self.fps, self.people, self.track, self.limits)
        return Finder(graphs, Path(folder.name), *settings), folder


def find_on(address: str, there: There[Video], videos: Sequence[Video]) -> Iterator[Entry]:
    """Find the people of videos on a cluster; yield each one's entry as it comes.

    Raises:
        FootageError: a video has changed or cannot be decoded, or its workers died.
        PipelineError: the cluster does not answer.
    """
    store = replace(there.store, folder=there.store.folder.resolve())
    scratch, weights = there.scratch.resolve(), there.weights.resolve()
    shared = replace(there, store=store, scratch=scratch, weights=weights)
    for place, entry in fan_out(address, shared, videos):
        if isinstance(entry, Lost):
            raise FootageError(
                f"every process of the cluster that looked for people in {videos[place].name} died "
                f"({entry.why}); see to the workers' memory, or set machine.cluster to null"
            )
        yield entry
