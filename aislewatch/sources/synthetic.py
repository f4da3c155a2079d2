"""Render the synthetic shop: a folder of CCTV-like videos with known events and planted traps.

Nothing here is random but what ``(seed, take)`` decides, and all of it is integer arithmetic, so
the same wheels give the same bytes on every x86 machine.
"""

import csv
import io
import json
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from aislewatch.errors import FootageError
from aislewatch.files import sha256_file, whole_file, write_json
from aislewatch.sources.choreography import FPS, Act, perform
from aislewatch.sources.scene import (
    CAMERAS,
    HEIGHT,
    WIDTH,
    Look,
    Shop,
    build_shop,
    choose_look,
    draw_frame,
)

EVENTS = "events.csv"
MANIFEST = "manifest.json"

# Raised whenever the same seed gives other pixels, so that folders rendered before are made again.
RENDERING = 1

# The fewest videos that hold both classes at both cameras and every planted trap.
FEWEST = 10

# One video in so many is a re-encoded copy, one recording in so many is cut into two parts.
_COPY_EVERY = 40
_CUT_EVERY = 24

# Quantizers of originals and of re-encoded copies: 38 costs a third of the bytes and looks it.
_QP, _COPY_QP = 26, 38

# Share of a truncated file's bytes that is there: the index at its end is lost.
_TRUNCATED_PERCENT = 60

# Constant quantizer, one thread and none of x264's floating-point decisions: checked to give the
# same bytes without SIMD, with SSE2 only and with AVX-512.
_X264 = "threads=1:lookahead-threads=1:cpu-independent=1:aq-mode=0:mbtree=0:weightp=0:bframes=0"


@dataclass(frozen=True)
class Video:
    """One file to render; equal takes and parts are the same footage."""

    name: str
    take: int
    part: int = 0
    qp: int = _QP
    truncated: bool = False

    @property
    def shoplifts(self) -> bool:
        return _shoplifts(self.take)


def plan_shop(videos: int) -> list[Video]:
    """Name every file of a set: ``videos`` playable ones, copies and parts included, and a broken.

    Raises:
        FootageError: too few videos to hold every planted case.
    """
    if videos < FEWEST:
        raise FootageError(
            f"{videos} synthetic videos are too few for both classes, both cameras and the "
            f"planted copies; ask for at least {FEWEST}"
        )
    copies, cuts = max(1, videos // _COPY_EVERY), max(1, videos // _CUT_EVERY)
    takes = videos - 1 - copies - cuts
    plan = []
    for take in range(takes):
        stem = f"{_folder(take)}/take-{take:04d}"
        if take < cuts:
            plan += [Video(f"{stem}_part{part + 1}.mp4", take, part) for part in (0, 1)]
        else:
            plan.append(Video(f"{stem}.mp4", take))
    for copy in range(copies):
        take, number = cuts + copy, takes + copy
        plan.append(Video(f"{_folder(take)}/export-{number:04d}.mp4", take, qp=_COPY_QP))
    twin = cuts + copies
    plan.append(Video(f"{_folder(twin)}/backup-{takes + copies:04d}.mp4", twin))
    broken = 2 * ((takes + 1) // 2)
    plan.append(Video(f"{_folder(broken)}/broken-{broken:04d}.mp4", broken, truncated=True))
    return plan


def _shoplifts(take: int) -> bool:
    return take % 2 == 1


def _camera(take: int) -> int:
    """One pair of takes (one of each class) in three is seen by the second camera."""
    return int(take // 2 % 3 == 2)


def _folder(take: int) -> str:
    return f"{CAMERAS[_camera(take)].name}/{'shoplifting' if _shoplifts(take) else 'normal'}"


def render_shop(
    folder: Path,
    videos: int,
    seed: int,
    progress: Callable[[int, int], None],
    workers: int | None = None,
) -> None:
    """Render the set into ``folder``; one that is there already is left as it is.

    Files of an interrupted rendering are kept. A set of another seed, size or version that this
    function made is replaced.

    Args:
        folder: becomes a source, ``data/raw/synthetic`` for the demo.
        videos: how many playable videos, planted copies and parts included.
        seed: of everything drawn by chance.
        progress: called with (files done, files in all) after each file.
        workers: processes; the default is one a CPU core. Makes no difference to the bytes.

    Raises:
        FootageError: too few videos, a negative seed, or files in the folder that are not ours.
    """
    if seed < 0:
        raise FootageError(f"the seed of the synthetic shop must not be negative, got {seed}")
    plan = plan_shop(videos)
    wanted = {"rendering": RENDERING, "seed": seed, "videos": videos}
    manifest = _read_manifest(folder)
    if manifest is not None and _finished(folder, manifest, wanted):
        return
    missing = _prepare(folder, plan, manifest, wanted)
    progress(len(plan) - len(missing), len(plan))
    _render_all(folder, missing, seed, len(plan), progress, workers or os.cpu_count() or 1)
    _write_events(folder / EVENTS, plan, seed)
    files = {name: _entry(folder / name) for name in [*sorted(v.name for v in plan), EVENTS]}
    write_json(folder / MANIFEST, {**wanted, "files": files})


def render_video(video: Video, seed: int) -> bytes:
    """One file's bytes; they depend on nothing but the arguments."""
    shop, look, act = _direct(video, seed)
    rng = np.random.default_rng([seed, 2, video.take, video.part])
    good = look.taken[video.part]
    frames = [draw_frame(rng, shop, look, pose, good) for pose in act.poses]
    encoded = _encode(frames, video.qp)
    return encoded[: len(encoded) * _TRUNCATED_PERCENT // 100] if video.truncated else encoded


def _direct(video: Video, seed: int) -> tuple[Shop, Look, Act]:
    shop = _shop(_camera(video.take), seed)
    look = choose_look(np.random.default_rng([seed, 0, video.take]), shop)
    rng = np.random.default_rng([seed, 1, video.take, video.part])
    shelf = look.of(look.taken[video.part])
    return shop, look, perform(rng, video.shoplifts, shelf, walks_in=video.part == 0)


@lru_cache(maxsize=len(CAMERAS))
def _shop(camera: int, seed: int) -> Shop:
    return build_shop(np.random.default_rng([seed, 3, camera]), CAMERAS[camera])


def _encode(frames: list[npt.NDArray[np.uint8]], qp: int) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.thread_count = 1
        stream.options = {"preset": "veryfast", "x264-params": f"{_X264}:qp={qp}"}
        for index, frame_KW in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(frame_KW, format="yuv420p")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return buffer.getvalue()


def _render_file(folder: Path, video: Video, seed: int) -> None:
    with whole_file(folder / video.name) as temporary:
        temporary.write_bytes(render_video(video, seed))


def _render_all(
    folder: Path,
    missing: list[Video],
    seed: int,
    total: int,
    progress: Callable[[int, int], None],
    workers: int,
) -> None:
    # Spawned, because a fork of a caller with threads (torch, a progress bar) can deadlock.
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    try:
        jobs = [pool.submit(_render_file, folder, video, seed) for video in missing]
        for done, job in enumerate(as_completed(jobs), start=total - len(missing) + 1):
            job.result()
            progress(done, total)
    finally:
        pool.shutdown(cancel_futures=True)


def _write_events(path: Path, plan: list[Video], seed: int) -> None:
    rows = []
    for video in plan:
        if video.shoplifts:
            act = _direct(video, seed)[2]
            rows.append([video.name, act.start / FPS, act.end / FPS, "shoplifting"])
    with whole_file(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["video", "start_s", "end_s", "label"])
        writer.writerows(sorted(rows))


def _entry(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": sha256_file(path)}


def _read_manifest(folder: Path) -> dict[str, Any] | None:
    path = folder / MANIFEST
    if path.exists():
        manifest: dict[str, Any] = json.loads(path.read_text())
        return manifest
    if folder.exists() and any(folder.iterdir()):
        raise FootageError(
            f"{folder} holds files but no {MANIFEST} of a rendering; the synthetic shop goes into "
            "an empty folder, so name another one or move the files away"
        )
    return None


def _is_whole(folder: Path, name: str, entry: dict[str, Any] | None) -> bool:
    """The file is there and, where its size is on record, of that size."""
    path = folder / name
    return path.is_file() and (entry is None or path.stat().st_size == entry["bytes"])


def _finished(folder: Path, manifest: dict[str, Any], wanted: dict[str, int]) -> bool:
    files = manifest["files"]
    return (
        all(manifest.get(key) == value for key, value in wanted.items())
        and all(files.values())
        and all(_is_whole(folder, name, entry) for name, entry in files.items())
    )


def _prepare(
    folder: Path, plan: list[Video], manifest: dict[str, Any] | None, wanted: dict[str, int]
) -> list[Video]:
    """Clear what another set or a killed process left, announce this set, list what is missing."""
    for leftover in folder.rglob(".*.tmp"):
        leftover.unlink()
    known = manifest["files"] if manifest else {}
    if manifest is None or any(manifest.get(key) != value for key, value in wanted.items()):
        for name in known:
            (folder / name).unlink(missing_ok=True)
        known = {}
        names = sorted(video.name for video in plan)
        write_json(folder / MANIFEST, {**wanted, "files": dict.fromkeys([*names, EVENTS])})
    return [v for v in plan if not _is_whole(folder, v.name, known.get(v.name))]
