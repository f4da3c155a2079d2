"""Copies: how many of those planted are found, how many strangers are called copies, how it scales.

python benchmarks/validate/duplicates.py --corpus FOLDER   real footage (else AISLEWATCH_CORPUS)
python benchmarks/validate/duplicates.py --videos 10000    synthetic films only

Copies are planted by the real ffmpeg in clips of the corpus and go through the same decoding as in
ingest. The films that show how it scales are people who walk, bend and reach in front of 100
backgrounds, drawn on 64×64 pixels; all pairs are measured on a part of them in the same run.
"""

import argparse
import csv
import os
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import chdir
from dataclasses import asdict
from itertools import combinations
from pathlib import Path

import numpy as np

from aislewatch.config.params import load_params
from aislewatch.frames.fingerprint import Fingerprint, fingerprint_of
from aislewatch.ingest.decode import SIGNATURE, decode_job
from aislewatch.ingest.probe import VideoLimits
from aislewatch.validate.copies.find import Copy, find_copies
from benchmarks.validate.planting import KINDS, Source, plant
from benchmarks.validate.walkers import write_walkers

FPS, SIZE = 10, 128
LIMITS = VideoLimits(max_duration_s=14400.0, max_megapixels=9.0, max_fps=240.0, max_loss_s=0.0)
# Frames that must move in both for a pair to count: a window of the index.
LEAST_MOVING = 10
# Of the films, how many are also compared pair by pair.
PAIRWISE = 60

Entry = dict[str, str]
Job = tuple[str, Entry, Entry, int]


def fingerprint(video: Path) -> Fingerprint | None:
    """The fingerprint ingest makes; None for a video it refuses."""
    request = {"video": str(video.absolute()), "fps": FPS, "size": SIZE, "limits": asdict(LIMITS)}
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        try:
            n_frames = decode_job(request)["n_frames"]
        except Exception:  # whatever a broken file of the corpus does: it is not what is measured
            return None
        return fingerprint_of(np.load(SIGNATURE), n_frames, FPS)


def planted(job: tuple[Path, *Job]) -> Fingerprint | None:
    """The fingerprint of a copy made by one recipe."""
    corpus, kind, entry, other, seed = job
    sources = [
        Source(corpus / row["path"], float(row["duration_s"]), float(row["fps"]))
        for row in (entry, other)
    ]
    recipe = KINDS[kind](np.random.default_rng(seed), sources[0])
    with tempfile.TemporaryDirectory() as folder:
        return fingerprint(plant(*sources, recipe, Path(folder) / "copy.mp4"))


def on_the_corpus(corpus: Path, per_kind: int, seed: int, share: float) -> None:
    """Print recall by kind of planted copy, and the room's clips that are joined with strangers."""
    with (corpus / "manifest.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if not row["path"].startswith("broken/")]
    rng = np.random.default_rng(seed)
    jobs: list[Job] = []
    for kind in [kind for kind in KINDS for _ in range(per_kind)]:
        entry, other = (rows[i] for i in rng.choice(len(rows), 2, replace=False))
        while other["source_group"] == entry["source_group"]:
            other = rows[rng.integers(len(rows))]
        jobs.append((kind, entry, other, int(rng.integers(2**31))))
    with ProcessPoolExecutor() as pool:
        real = dict(
            zip(
                [row["path"] for row in rows],
                pool.map(fingerprint, [corpus / row["path"] for row in rows]),
                strict=True,
            )
        )
        copies = list(pool.map(planted, [(corpus, *job) for job in jobs]))
    videos = {name: one for name, one in real.items() if one is not None}
    found = find_copies(videos)
    _print_room(corpus, rows, [copy for copy in found if copy.share >= share])
    _print_recall(jobs, copies, videos, share)


def _print_room(corpus: Path, rows: Sequence[Entry], found: Sequence[Copy]) -> None:
    group = {row["path"]: row["source_group"] for row in rows}
    with (corpus / "near_duplicates.csv").open() as file:
        listed = list(csv.DictReader(file))
    for pair in listed:
        old, new = group[pair["b"]], group[pair["a"]]
        group = {path: new if own == old else own for path, own in group.items()}
    half = [pair for pair in listed if float(pair["frac_frames_shared"]) > 0.5]
    pairs = {(copy.a, copy.b) for copy in found}
    known = sum((pair["a"], pair["b"]) in pairs for pair in half)
    print(f"known pairs that share over half their frames: {known} of {len(half)} found")
    room = [path for path in group if path.startswith("mnnit/")]
    wrong = sorted(
        (copy.a, copy.b, copy.share)
        for copy in found
        if copy.a.startswith("mnnit/") and copy.b in room and group[copy.a] != group[copy.b]
    )
    clips = {path for a, b, _ in wrong for path in (a, b)}
    print(f"across groups: {len(wrong)} pairs, {len(clips)} of the room's {len(room)} clips")
    for a, b, at in wrong:
        print(f"  {at:.2f} {a} {b}")


def _print_recall(
    jobs: Sequence[Job],
    copies: Sequence[Fingerprint | None],
    videos: Mapping[str, Fingerprint],
    share: float,
) -> None:
    """Every copy is looked for beside its source and 20 others, in a library of its own."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    strangers = dict(list(videos.items())[::15])
    for (kind, entry, _, _), copy in zip(jobs, copies, strict=True):
        source = videos.get(entry["path"])
        if copy is None or source is None:
            counts[kind]["refused"] += 1
        else:
            library = strangers | {entry["path"]: source, "the copy": copy}
            pairs = {(one.a, one.b) for one in find_copies(library) if one.share >= share}
            moves = min(copy.n_moving, source.n_moving) >= LEAST_MOVING
            counts[kind]["moving" if moves else "still"] += 1
            found = (entry["path"], "the copy") in pairs
            counts[kind]["moving found" if moves else "still found"] += found
    total = sum(counts.values(), Counter[str]())
    print("kind of copy | found of those that move | of those that hardly move")
    for kind, count in [*counts.items(), ("all", total)]:
        recall = count["moving found"] / max(1, count["moving"])
        moving = f"{count['moving found']} of {count['moving']} = {recall:.1%}"
        print(f"{kind} | {moving} | {count['still found']} of {count['still']}")


def how_it_scales(count: int, share: float) -> None:
    """Print the seconds of a library of films with planted copies, and those of all its pairs."""
    with tempfile.TemporaryDirectory() as folder:
        library, planted = write_walkers(Path(folder), count)
    began, cpu = time.perf_counter(), time.process_time()
    found = {(copy.a, copy.b) for copy in find_copies(library) if copy.share >= share}
    wall_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    hours = sum(len(one.rows_TR) for one in library.values()) / FPS / 3600
    print(f"{count} films, {hours:.1f} h: {wall_s:.0f} s wall, {cpu_s:.0f} s CPU")
    print(f"  planted copies found: {len(found & planted)} of {len(planted)}")
    print(f"  pairs of strangers called copies: {len(found - planted)}")
    some = dict(list(library.items())[:PAIRWISE])
    cpu = time.process_time()
    for a, b in combinations(some, 2):
        find_copies({a: some[a], b: some[b]})
    pairs = PAIRWISE * (PAIRWISE - 1) // 2
    pair_s = (time.process_time() - cpu) / pairs
    every_s = pair_s * count * (count - 1) / 2
    print(
        f"  pair by pair: {1000 * pair_s:.2f} ms of CPU a pair ({pairs} pairs), so {every_s:.0f} s"
    )
    print(f"  ratio all pairs / index: {every_s / cpu_s:.0f}")


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, default=os.environ.get("AISLEWATCH_CORPUS"))
    parser.add_argument("--per-kind", type=int, default=25, help="copies planted of every kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--videos", type=int, help="measure scaling with this many films instead")
    asked = parser.parse_args()
    share = load_params().validate_.duplicate_share
    if asked.videos:
        how_it_scales(asked.videos, share)
    else:
        on_the_corpus(Path(asked.corpus), asked.per_kind, asked.seed, share)


if __name__ == "__main__":
    main()
