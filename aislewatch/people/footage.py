"""Finds the people of all accepted videos; those of videos that were seen before are at hand."""

import queue
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aislewatch.config.machine import one_a_core
from aislewatch.config.params import Params
from aislewatch.errors import FootageError
from aislewatch.files import sha256_file
from aislewatch.frames.store import DECODER_VERSION
from aislewatch.frames.stretches import frame_times
from aislewatch.ingest.candidates import list_remote
from aislewatch.ingest.decoder import DECODED_BY
from aislewatch.ingest.remote import RemoteFile, fetched
from aislewatch.ingest.scratch import scratch_folder
from aislewatch.people.boxes import Floats
from aislewatch.people.finding import Finder, Footage, FoundWay, Graphs
from aislewatch.people.spread import There, find_on
from aislewatch.people.store import Entry, PeopleStore, entry_key
from aislewatch.tables import places

# Told (videos done, videos in all) after every video.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class TrackedVideo:
    """A video of the catalog whose people are wanted.

    Args:
        name: path below ``data/raw``.
        sha256: of the file when it was accepted.
        key: of its entry in the store.
        footage: the file.
        remote: where it lies, if not here.
    """

    name: str
    sha256: str
    key: str
    footage: Footage
    remote: RemoteFile | None


@dataclass(frozen=True)
class Followed:
    """The people of all videos: each video's entry, and how many videos were new."""

    videos: list[tuple[str, Entry]]
    new: int


def find_people(
    catalog: pd.DataFrame, params: Params, store: PeopleStore, graphs: Graphs, progress: Progress
) -> Followed:
    """Find the people of every video of the catalog.

    Raises:
        FootageError: a video has changed since it was accepted, or cannot be decoded. What was
            found until then is kept.
    """
    videos = _videos(catalog, params, graphs)
    known = {video.key: store.find(video.key) for video in videos}
    entries = {key: entry for key, entry in known.items() if entry is not None}
    new = list({video.key: video for video in videos if video.key not in entries}.values())
    workers = min(one_a_core(params.machine.ingest_workers), len(new))
    if new and params.machine.cluster is not None:
        absolute = [_absolute(video) for video in new]
        with scratch_folder(store.folder) as scratch:
            there = _there(params, store, scratch, graphs, new[0].footage.times.fps)
            for done, entry in enumerate(find_on(params.machine.cluster, there, absolute), start=1):
                entries[entry.key] = entry
                progress(done, len(new))
    elif new:
        fps = new[0].footage.times.fps
        with (
            scratch_folder(store.folder) as scratch,
            _open_finders(workers, graphs, scratch, fps, params) as finders,
        ):
            for key, entry in _find_all(new, store, scratch, finders, workers, progress):
                entries[key] = entry
    found = [(video.name, entries[video.key]) for video in videos]
    return Followed(found, len(new))


def _videos(catalog: pd.DataFrame, params: Params, graphs: Graphs) -> list[TrackedVideo]:
    times = frame_times(catalog)
    remote = {one.video: one.remote for one in list_remote(places.RAW, list(params.sources))}
    same: dict[str, Any] = {
        "decoder": DECODED_BY,
        "decoder_version": DECODER_VERSION,
        "detector": graphs.sha256,
        "onnxruntime": version("onnxruntime"),
        "square": params.people.square,
        "every": params.people.every,
        "regions": params.people.regions,
        "track": params.track.model_dump(),
    }
    videos = []
    columns = (catalog[name].tolist() for name in ("video", "sha256", "width", "height"))
    for name, sha256, width, height in sorted(zip(*columns, strict=True)):
        of_video = times[name]
        own = {
            "video": sha256,
            "fps": of_video.fps,
            "stretches": of_video.to_text(),
            "n_frames": of_video.n_frames,
        }
        footage = Footage(places.RAW / name, width, height, of_video)
        key = entry_key(same | own)
        videos.append(TrackedVideo(name, sha256, key, footage, remote.get(name)))
    return videos


def _there(
    params: Params, store: PeopleStore, scratch: Path, graphs: Graphs, fps: int
) -> There[TrackedVideo]:
    settings = (params.people, params.track, params.ingest)
    weights = Path(params.people.weights)
    return There(_find, store, scratch, weights, graphs.sha256, fps, *settings)


def _absolute(video: TrackedVideo) -> TrackedVideo:
    file = video.footage.file
    place = file.parent.resolve() / file.name
    return replace(video, footage=replace(video.footage, file=place))


def _find_all(
    videos: Sequence[TrackedVideo],
    store: PeopleStore,
    scratch: Path,
    finders: "queue.SimpleQueue[Finder]",
    workers: int,
    progress: Progress,
) -> Iterator[tuple[str, Entry]]:
    pool = ThreadPoolExecutor(workers)
    try:
        running = [pool.submit(_find, video, store, scratch, finders) for video in videos]
        for done, entry in enumerate(as_completed(running), start=1):
            yield entry.result().key, entry.result()
            progress(done, len(videos))
    finally:
        # Not waiting: after an error or Ctrl-C, closing the finders ends what is still at work.
        pool.shutdown(wait=False, cancel_futures=True)


def _find(
    video: TrackedVideo, store: PeopleStore, scratch: Path, finders: "queue.SimpleQueue[Finder]"
) -> Entry:
    finder = finders.get()
    try:
        with (
            _at_hand(video, scratch) as footage,
            tempfile.TemporaryDirectory(dir=scratch) as name,
        ):
            _check_unchanged(footage.file, video.sha256)
            found = finder.find(footage, Path(name))
            ways = [
                {"first": one.first, "n_frames": len(one.squares), "prominence": one.prominence}
                for one in found
            ]
            return store.add(video.key, Path(name), ways, _boxes(found))
    except OSError as error:
        words = f"cannot keep the people of {video.name}: {error}"
        raise FootageError(f"{words}; see to the disk, and run it again") from None
    finally:
        finders.put(finder)


@contextmanager
def _at_hand(video: TrackedVideo, scratch: Path) -> Iterator[Footage]:
    if video.remote is None:
        yield video.footage
    else:
        with fetched(video.remote, scratch) as file:
            yield replace(video.footage, file=file)


def _check_unchanged(file: Path, sha256: str) -> None:
    try:
        same = sha256_file(file) == sha256
    except FileNotFoundError:
        same = False
    if not same:
        raise FootageError(f"{file} is no longer the file that ingest accepted; run `dvc repro`")


def _boxes(found: Sequence[FoundWay]) -> Floats:
    parts = [np.zeros((0, 8))]
    for number, one in enumerate(found):
        way = one.way
        frames = np.arange(way.first, way.end)
        columns = (np.full(len(frames), number), frames, way.boxes, way.scores, way.interpolated)
        parts.append(np.column_stack(columns).astype(np.float64))
    return np.concatenate(parts)


@contextmanager
def _open_finders(
    count: int, graphs: Graphs, folder: Path, fps: int, params: Params
) -> Iterator["queue.SimpleQueue[Finder]"]:
    """Start idle finders for as many threads; on leaving, end them and what they run."""
    settings = (folder, fps, params.people, params.track, params.ingest)
    finders = [Finder(graphs, *settings) for _ in range(count)]
    idle: queue.SimpleQueue[Finder] = queue.SimpleQueue()
    for finder in finders:
        idle.put(finder)
    try:
        yield idle
    finally:
        for finder in finders:
            finder.close()
