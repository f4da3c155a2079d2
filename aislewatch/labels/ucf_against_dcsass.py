"""Finds where UCF-Crime's frames and DCSASS's segments say different things of one video.

Both are kept as they are: a segment is 1/32 of its video, so both can be held on one time axis, but
nobody can tell from the files which is right.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path

from aislewatch.config.data import Layout
from aislewatch.frames.spans import SHOPLIFTING
from aislewatch.labels.dcsass import SEGMENTS, DcsassSegment, read_segments
from aislewatch.labels.problems import Problem
from aislewatch.labels.protocol import Video
from aislewatch.labels.ucf_files import UcfEntry, read_ucf_files
from aislewatch.labels.ucf_names import ucf_name


def disagreements(
    raw: Path, sources: Mapping[str, Layout], videos: Mapping[str, Video]
) -> list[Problem]:
    """Warn of each video of shoplifting that is here and about which the two disagree.

    They may stand in two sources or in one. They agree where every event touches a segment called
    shoplifting, and no such segment is more than one segment away from an event.

    Args:
        raw: the folder of all sources.
        sources: layout of each; only ``ucf_crime`` and ``dcsass`` are looked at.
        videos: the accepted videos of these sources.
    """
    chosen = [name for name, layout in sources.items() if layout in ("ucf_crime", "dcsass")]
    segments: dict[str, dict[int, DcsassSegment]] = {}
    entries: dict[str, UcfEntry] = {}
    frames: dict[str, int] = {}
    for source in chosen:
        files = read_ucf_files(raw, source)
        entries |= {recording: own[0] for recording, own in files.entries.items()}
        frames |= files.frames
        segments |= read_segments(raw, source).by_recording
    names = [(name, video) for video in sorted(videos) if (name := ucf_name(video))]
    for name, video in names:
        if name.segment is None:
            frames.setdefault(name.recording, len(videos[video].times))
    known = {name.recording for name, _ in names if name.kind == SHOPLIFTING}
    both = sorted(known & set(entries) & set(segments) & set(frames))
    return [
        problem
        for recording in both
        for problem in _compare(entries[recording], segments[recording], frames[recording])
    ]


def _compare(
    entry: UcfEntry, segments: Mapping[int, DcsassSegment], n_frames: int
) -> Iterator[Problem]:
    length = n_frames / SEGMENTS
    called = sorted(k for k, segment in segments.items() if segment.label == SHOPLIFTING)
    far = [
        k
        for k in called
        if all((k + 2) * length <= first or (k - 1) * length > last for first, last in entry.events)
    ]
    missed = [
        (first, last)
        for first, last in entry.events
        if not any(k * length <= last and (k + 1) * length > first for k in called)
    ]
    if not far and not missed:
        return
    said = ", ".join(f"{first}-{last}" for first, last in entry.events)
    runs = ", ".join(f"{a * length:.0f}-{(b + 1) * length:.0f}" for a, b in _runs(called))
    place = segments[far[0]] if far else segments[min(segments)]
    fault = (
        f"DCSASS calls frames {runs or 'none'} of {entry.name.recording} shoplifting, UCF-Crime "
        f"{said} ({entry.file} line {entry.row})"
    )
    remedy = "watch it and correct the wrong one; both are used as they are"
    yield Problem(place.file, place.row, "", "warning", "disagreement", fault, remedy)


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """Yield first and last of each run of consecutive numbers."""
    for _, run in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        members = [number for _, number in run]
        yield members[0], members[-1]
