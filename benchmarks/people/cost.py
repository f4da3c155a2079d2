"""What finding people costs at every n-th frame, beside the bare detector, and what squares lose.

python -m benchmarks.people.cost --weights FILE VIDEO...     in the project's root

Costs are of the first LONG videos, each repeated to LONG_S without re-encoding: CPU seconds of one
process for a second of video. Losses are of all videos as they are: the square of the main person
of each, frame by frame, against that of a detector that looks at every frame.
"""

import argparse
import math
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe

from aislewatch.config.params import Params, load_params
from aislewatch.errors import QuarantinedError
from aislewatch.frames.stretches import FrameTimes
from aislewatch.ingest.decoder import Decoder
from aislewatch.people.boxes import overlaps
from aislewatch.people.finding import Finder, Footage, FoundWay, Graphs, fitted
from aislewatch.people.graphs import YUV, open_session
from benchmarks.rounds import machine, measure

EVERY = (1, 2, 3)
LONG, LONG_S = 3, 30.0
# Runs of a graph over which its bare cost is taken.
RUNS = 60


@dataclass(frozen=True)
class Loss:
    """Squares of main people against those of a look at every frame.

    Args:
        shared: mean overlap, frame by frame.
        kept: share of videos in which it is 0.9 or more.
        missing: share of the frames that have no square any more.
    """

    shared: float
    kept: float
    missing: float


def decoded(video: Path, params: Params) -> Footage | None:
    """Decode a video as ingest does; None where that refuses it."""
    with (
        closing(Decoder(params.frames.fps, params.frames.size, params.ingest)) as decoder,
        tempfile.TemporaryDirectory() as folder,
    ):
        try:
            facts = decoder.decode_video(video, Path(folder))
        except QuarantinedError:
            return None
    times = FrameTimes.from_text(facts["stretches"], facts["n_frames"], params.frames.fps)
    return Footage(video, facts["width"], facts["height"], times)


def found_in(
    videos: Sequence[Footage], graphs: Graphs, params: Params, every: int, graphs_folder: Path
) -> list[list[FoundWay]]:
    """Find the people of each video, as the track stage does in one process."""
    people = params.people.model_copy(update={"every": every})
    settings = (graphs_folder, params.frames.fps, people, params.track, params.ingest)
    ways = []
    with closing(Finder(graphs, *settings)) as finder:
        for video in videos:
            with tempfile.TemporaryDirectory() as folder:
                ways.append(finder.find(video, Path(folder)))
    return ways


def loss(full: Sequence[Sequence[FoundWay]], fewer: Sequence[Sequence[FoundWay]]) -> Loss:
    """Compare main people's squares, video by video."""
    shared, missing, frames = [], 0, 0
    for ways, others in zip(full, fewer, strict=True):
        if ways:
            main = max(ways, key=lambda way: way.prominence)
            per_way = [_overlap(main, other) for other in others] or [np.zeros(0)]
            best = max(per_way, key=lambda values: float(values.sum()))
            frames += len(main.squares)
            missing += len(main.squares) - len(best)
            shared.append(float(best.mean()) if len(best) else 0.0)
    return Loss(
        float(np.mean(shared)), float(np.mean(np.array(shared) >= 0.9)), missing / max(1, frames)
    )


def _overlap(one: FoundWay, other: FoundWay) -> np.ndarray:
    first = max(one.first, other.first)
    end = min(one.first + len(one.squares), other.first + len(other.squares))
    pairs = zip(
        one.squares[first - one.first : end - one.first, 0],
        other.squares[first - other.first : end - other.first, 0],
        strict=False,
    )
    return np.array([overlaps(_box(a), _box(b))[0, 0] for a, b in pairs])


def _box(square: np.ndarray) -> np.ndarray:
    left, top, side = square.astype(float)
    return np.array([[left, top, left + side, top + side]])


def long_file(video: Path, duration_s: float, folder: Path) -> Path:
    """Repeat a video until it is long."""
    file = folder / f"long-{video.stem}.mp4"
    repeats = max(0, math.ceil(LONG_S / duration_s) - 1)
    command = [get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-y"]
    command += ["-stream_loop", str(repeats), "-i", str(video), "-map", "0:v", "-c", "copy"]
    subprocess.run([*command, str(file)], check=True)
    return file


def bare_ms(graph: Path, frame: np.ndarray) -> float:
    """Milliseconds of one core that a graph takes for a frame, by itself."""
    session = open_session(graph)
    session.run(None, {YUV: frame})
    return (
        1000 * measure(lambda: [session.run(None, {YUV: frame}) for _ in range(RUNS)]).cpu_s / RUNS
    )


def costs(videos: Sequence[Footage], graphs: Graphs, params: Params, folder: Path) -> None:
    """Print what finding costs for a second of video, and the bare networks."""
    wide, high = fitted(videos[0].width, videos[0].height, graphs.yolox.side)
    draws = np.random.default_rng(0)
    look = draws.integers(0, 256, (1, high * 3 // 2, wide), dtype=np.uint8)
    size, regions = params.people.square, len(params.people.regions)
    shape = 1, regions * size * 3 // 2, size
    squares_1KS = draws.integers(0, 256, shape, dtype=np.uint8)
    look_ms = bare_ms(graphs.detector((wide, high), folder), look)
    square_ms = bare_ms(graphs.features(folder), squares_1KS)
    print(
        f"bare networks, ms of one core: a look {look_ms:.1f}, a person's squares "
        f"({', '.join(params.people.regions)}) {square_ms:.1f}\n"
    )
    seconds = sum(video.times.n_frames for video in videos) / params.frames.fps
    decoding = measure(lambda: [decoded(video.file, params) for video in videos]).cpu_s
    print("| every | track, CPU s | bare detector | with features | times those | people |")
    print("|---|---|---|---|---|---|")
    for every in EVERY:
        ways: list[list[FoundWay]] = []
        cost = measure(partial(_collect, ways, videos, graphs, params, every, folder))
        looks = sum(math.ceil(video.times.n_frames / every) for video in videos) * look_ms / 1000
        squares = sum(len(way.squares) for found in ways for way in found)
        bare = looks + squares * square_ms / 1000
        print(
            f"| {every} | {cost.cpu_s / seconds:.3f} | {looks / seconds:.3f} | "
            f"{bare / seconds:.3f} | {cost.cpu_s / bare:.2f} | "
            f"{squares / seconds / params.frames.fps:.2f} |"
        )
    print(f"\ningest, CPU s for a second of that video: {decoding / seconds:.3f}")


def _collect(ways: list[list[FoundWay]], *arguments: Any) -> None:
    ways += found_in(*arguments)


def main() -> None:
    """Measure, and print tables for docs/benchmarks.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("videos", type=Path, nargs="+")
    chosen = parser.parse_args()
    params = load_params()
    graphs = Graphs(chosen.weights, params.people.square, params.people.regions)
    print(machine())
    videos = [video for path in chosen.videos if (video := decoded(path, params)) is not None]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        long = [
            long_file(video.file, video.times.n_frames / params.frames.fps, folder)
            for video in videos[:LONG]
        ]
        repeated = [video for path in long if (video := decoded(path, params)) is not None]
        costs(repeated, graphs, params, folder)
        full = found_in(videos, graphs, params, 1, folder)
        seen = sum(bool(ways) for ways in full)
        print(f"\n{len(videos)} videos, somebody in {seen}, {sum(map(len, full))} people")
        print("| every | overlap of squares | videos >= 0.9 | frames lost |\n|---|---|---|---|")
        for every in EVERY[1:]:
            lost = loss(full, found_in(videos, graphs, params, every, folder))
            print(f"| {every} | {lost.shared:.3f} | {lost.kept:.0%} | {lost.missing:.1%} |")


if __name__ == "__main__":
    main()
