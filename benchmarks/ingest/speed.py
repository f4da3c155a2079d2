"""Ingest against bare ffmpeg, two processes against one, probing against ffprobe, bytes a frame.

python -m benchmarks.ingest.speed VIDEO...     in the project's root

From the videos, FILES files are made without re-encoding, each at least LONG_S long. ffprobe comes
with the system's ffmpeg package. On a busy machine only the ratios of CPU time mean something.

A process of ours is not bound to a core: ffmpeg's decoder, filter and writer are threads, so that
one keeps 1.3 cores busy where there are two. How well processes scale is therefore asked of cores:
two processes on two cores against one on one. One that has both cores is shown beside it.
"""

import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from imageio_ffmpeg import get_ffmpeg_exe

from aislewatch.config.params import Params, load_params
from aislewatch.frames.store import FrameStore
from aislewatch.ingest.decoder import video_limits
from aislewatch.ingest.folder import ingest
from aislewatch.ingest.probe import probe_video
from benchmarks.rounds import machine, medians, verdict, working_folder

ROUNDS = 5
LONG_S = 60.0
FILES = 12

# What the issue asks for.
OF_FFMPEG = 0.95
TWO_OVER_ONE = 1.7
STORE_BYTES = 1.001
OF_FFPROBE = 5.0


def make_files(videos: Sequence[Path], source: Path, params: Params) -> list[Path]:
    """Long files of different bytes, and one copy, which must not be stored twice."""
    source.mkdir(parents=True)
    files = []
    for number in range(FILES):
        video = videos[number % len(videos)]
        duration_s = probe_video(video, video_limits(params.ingest)).duration_s
        if not duration_s:
            sys.exit(f"{video} does not say how long it is; choose another one")
        repeats = math.ceil(LONG_S / duration_s) - 1
        file = source / f"{number}.mp4"
        command = [get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-stream_loop", str(repeats)]
        command += ["-i", str(video), "-map", "0:v", "-c", "copy"]
        command += ["-metadata", f"comment={number}", str(file)]
        subprocess.run(command, check=True)
        files.append(file)
    shutil.copyfile(files[0], source / "copy.mp4")
    return files


def limit(files: Sequence[Path]) -> None:
    """The least that decoding can cost: ffmpeg scales every frame and throws it away."""
    for file in files:
        command = [get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-threads", "1"]
        command += ["-i", str(file), "-vf", "scale=128:128", "-f", "null", "-"]
        subprocess.run(command, check=True)


@contextmanager
def fresh_store(folder: Path, params: Params) -> Iterator[FrameStore]:
    """An empty store, which is removed in the end."""
    yield FrameStore(folder / "store", params.frames.fps, params.frames.size)
    shutil.rmtree(folder / "store")


def take_in(folder: Path, params: Params, workers: int) -> None:
    """Ingest everything from nothing with so many processes."""
    with fresh_store(folder, params) as store:
        ingest(folder / "raw", ["source"], store, params.ingest, lambda done, total: None, workers)


def take_in_on_one_core(folder: Path, params: Params) -> None:
    """Ingest everything from nothing with one process, which has one core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        take_in(folder, params, 1)
    finally:
        os.sched_setaffinity(0, cores)


def store_ratio(folder: Path, params: Params) -> float:
    """Bytes of data/dataset/frames over those of the unique frames, after one ingest."""
    with fresh_store(folder, params) as store:
        footage = ingest(folder / "raw", ["source"], store, params.ingest, lambda done, total: None)
        store.publish([video.stored for video in footage.accepted], folder / "frames")
    stored = sum(file.stat().st_size for file in (folder / "frames").iterdir())
    unique = {video.sha256: video.stored.n_frames for video in footage.accepted}
    n_frames = sum(unique.values())
    print(f"{len(footage.accepted)} files, {len(unique)} of them unique: {n_frames} frames")
    return stored / (n_frames * store.frame_bytes)


def main() -> None:
    """Print every ratio and whether it is held."""
    params = load_params()
    with working_folder() as folder:
        files = make_files([Path(name) for name in sys.argv[1:]], folder / "raw/source", params)
        print(verdict("store bytes", store_ratio(folder, params), STORE_BYTES, most=True))
        costs = medians(
            {
                "ffmpeg": lambda: limit(files),
                "one process on one core": lambda: take_in_on_one_core(folder, params),
                "one process": lambda: take_in(folder, params, 1),
                "two processes": lambda: take_in(folder, params, 2),
            },
            ROUNDS,
        )
        probes = medians(
            {
                "ffprobe": lambda: [ask_ffprobe(file) for file in files],
                "ours": lambda: [probe_video(file, video_limits(params.ingest)) for file in files],
            },
            ROUNDS,
        )
    for name, cost in (costs | probes).items():
        print(f"{name}: {cost.wall_s:.2f} s, {cost.cpu_s:.2f} s of CPU")
    one, two, bound = (
        costs[name] for name in ("one process", "two processes", "one process on one core")
    )
    print(verdict("CPU of ffmpeg over ours", costs["ffmpeg"].cpu_s / one.cpu_s, OF_FFMPEG))
    scaling = bound.wall_s / two.wall_s
    print(verdict("two processes on two cores over one on one", scaling, TWO_OVER_ONE))
    print(f"two processes over one that has both cores: {one.wall_s / two.wall_s:.3g}")
    if shutil.which("ffprobe"):
        faster = probes["ffprobe"].wall_s / probes["ours"].wall_s
        print(verdict("probing, times ffprobe", faster, OF_FFPROBE))
    else:
        print("probing: not compared, there is no ffprobe; install the system's ffmpeg package")
    print(f"medians of {ROUNDS} interleaved rounds; {machine()}")


def ask_ffprobe(file: Path) -> None:
    """What a pipeline that asks ffprobe would run."""
    if shutil.which("ffprobe") is None:
        return
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams", str(file)]
    json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


if __name__ == "__main__":
    main()
