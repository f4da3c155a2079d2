"""Renders the synthetic shop into a folder: CCTV-like videos, their events, and planted traps.

The traps: recordings cut into parts, re-encoded copies, a byte-identical copy, a truncated file.
"""

import csv
import json
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from aislewatch.errors import FootageError
from aislewatch.files import sha256_file, whole_file, write_json
from aislewatch.frames.spans import SHOPLIFTING
from aislewatch.labels.folder import EVENTS_FILE
from aislewatch.synth.takes import PlannedVideo, events_of, plan_shop, render_video

MANIFEST = "manifest.json"

# Raised whenever the same seed gives other pixels, so that folders rendered before are made again.
RENDERING = 2


def render_shop(
    folder: Path,
    videos: int,
    seed: int,
    progress: Callable[[int, int], None],
    workers: int | None = None,
    recordings: int = 0,
) -> None:
    """Render the set into ``folder``; one that is there already is left as it is.

    Files of an interrupted rendering are kept. A set of another seed, size or version that this
    function made is replaced.

    Args:
        folder: becomes a source, ``data/raw/synthetic`` for the demo.
        videos: how many playable videos of one visit each, planted copies and parts included.
        seed: of everything drawn by chance, not negative.
        progress: called with (files done, files in all) after each file.
        workers: processes; the default is one a CPU core. Makes no difference to the bytes.
        recordings: how many long recordings of the cameras that run on, beside the visits.

    Raises:
        FootageError: too few videos, a negative seed, or files in the folder that are not ours.
    """
    if seed < 0:
        raise FootageError(f"the seed of the synthetic shop is {seed}; give a number from 0 up")
    plan = plan_shop(videos, recordings)
    wanted = {"rendering": RENDERING, "seed": seed, "videos": videos, "recordings": recordings}
    manifest = _read_manifest(folder)
    if manifest is not None and _is_finished(folder, manifest, wanted):
        return
    missing = _prepare(folder, plan, manifest, wanted)
    _render_all(folder, missing, seed, len(plan), progress, workers or os.cpu_count() or 1)
    _write_events(folder / EVENTS_FILE, plan, seed)
    names = sorted([EVENTS_FILE, *(video.name for video in plan)])
    write_json(folder / MANIFEST, {**wanted, "files": {n: _entry(folder / n) for n in names}})


def _read_manifest(folder: Path) -> dict[str, Any] | None:
    path = folder / MANIFEST
    if path.exists():
        try:
            manifest: dict[str, Any] = json.loads(path.read_text())
        except ValueError as error:
            raise FootageError(
                f"{path} is corrupt ({error}); delete {folder} to render it again"
            ) from None
        return manifest
    if folder.exists() and any(folder.iterdir()):
        raise FootageError(
            f"{folder} holds files but no {MANIFEST} of a rendering; the synthetic shop goes into "
            "an empty folder: name another one, or move the files away"
        )
    return None


def _is_finished(folder: Path, manifest: dict[str, Any], wanted: dict[str, int]) -> bool:
    files = manifest["files"]
    return (
        _is_of(manifest, wanted)
        and all(files.values())
        and all(_is_there(folder / name, entry) for name, entry in files.items())
    )


def _is_of(manifest: dict[str, Any], wanted: dict[str, int]) -> bool:
    return {key: manifest.get(key) for key in wanted} == wanted


def _is_there(path: Path, entry: dict[str, Any] | None) -> bool:
    """Return whether a file exists in its recorded size; it is not hashed, which would be slow."""
    return path.is_file() and (entry is None or path.stat().st_size == entry["bytes"])


def _prepare(
    folder: Path, plan: list[PlannedVideo], manifest: dict[str, Any] | None, wanted: dict[str, int]
) -> list[PlannedVideo]:
    """Clear what another set or a killed process left, announce this set, list what is missing."""
    for leftover in folder.rglob(".*.tmp"):
        leftover.unlink()
    known = manifest["files"] if manifest else {}
    if manifest is None or not _is_of(manifest, wanted):
        for name in known:
            (folder / name).unlink(missing_ok=True)
        known = dict.fromkeys([EVENTS_FILE, *(video.name for video in plan)])
        write_json(folder / MANIFEST, {**wanted, "files": known})
    return [video for video in plan if not _is_there(folder / video.name, known[video.name])]


def _render_all(
    folder: Path,
    missing: list[PlannedVideo],
    seed: int,
    total: int,
    progress: Callable[[int, int], None],
    workers: int,
) -> None:
    # Spawned, because a fork of a caller with threads (torch, a progress bar) can deadlock.
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    try:
        # The long ones first: else the last of them runs while the other cores idle.
        ordered = sorted(missing, key=lambda video: video.minutes, reverse=True)
        jobs = [pool.submit(_render_file, folder, video, seed) for video in ordered]
        for done, job in enumerate(as_completed(jobs), start=total - len(missing) + 1):
            job.result()
            progress(done, total)
    finally:
        pool.shutdown(cancel_futures=True)


def _render_file(folder: Path, video: PlannedVideo, seed: int) -> None:
    with whole_file(folder / video.name) as temporary:
        temporary.write_bytes(render_video(video, seed))


def _write_events(path: Path, plan: list[PlannedVideo], seed: int) -> None:
    rows = [
        [video.name, round(start_s, 3), round(end_s, 3), SHOPLIFTING]
        for video in sorted(plan, key=lambda video: video.name)
        if not video.truncated
        for start_s, end_s in events_of(video, seed)
    ]
    header = ["video", "start_s", "end_s", "label"]
    with whole_file(path) as temporary, temporary.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def _entry(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": sha256_file(path)}
