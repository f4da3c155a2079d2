"""Checks one source before anything runs: its labels, and its videos undecoded."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from aislewatch.check.headers import Undecoded, read_headers
from aislewatch.config.params import Params
from aislewatch.frames.class_folders import camera_and_label
from aislewatch.frames.clock import clock
from aislewatch.frames.spans import NORMAL, SHOPLIFTING, UNLABELED, Span, join
from aislewatch.frames.timing import PictureTimes
from aislewatch.ingest.candidates import printable
from aislewatch.ingest.folder import Progress
from aislewatch.ingest.intake import Refused
from aislewatch.ingest.notices import timing_notices
from aislewatch.labels.checks import Limits
from aislewatch.labels.layouts import read_source
from aislewatch.labels.problems import Problem, footage_notice, footage_problem
from aislewatch.labels.protocol import Labels, Video
from aislewatch.labels.ucf_against_dcsass import disagreements
from aislewatch.tables.validate import VIDEOS
from aislewatch.validate.annotations import assemble, source_videos, video_labels
from aislewatch.validate.videos import video_table

# Cameras that the summary lists, those with the most videos first.
_CAMERAS = 8


@dataclass(frozen=True)
class CheckedSource:
    """Holds what was found in one source; ``errors`` counts what would stop the pipeline."""

    errors: int
    report: str


def check_source(raw: Path, source: str, params: Params, progress: Progress) -> CheckedSource:
    """Read one source's labels and its videos' packets as the pipeline will, but decode nothing.

    A file whose packets are good may still break while it is decoded.

    Args:
        raw: folder of the sources.
        source: one of ``params.sources``.
        params: sources, frames, ingest and validate are used.
        progress: told after every file.

    Raises:
        FootageError: the source's folder is missing.
    """
    layout = params.sources[source]
    limits = Limits(1 / params.frames.fps, params.validate_.min_event_s)
    found, refused = read_headers(raw, source, params.ingest, progress)
    times = {video: own.times for video, own in found.items()}
    catalog = _catalog(source, times)
    videos = source_videos(catalog, times)
    labels = read_source(raw, source, layout, videos, limits)
    problems = [
        *labels.problems,
        *disagreements(raw, params.sources, videos),
        *_footage_problems(raw / source, found, refused),
    ]
    lines = [f"{raw / source} is laid out as {layout}:"]
    if found:
        lines += _summary(catalog, videos, {source: labels}, limits.frame_s)
    lines += _listing(problems)
    errors = sum(problem.level == "error" for problem in problems)
    return CheckedSource(errors, "\n".join(lines))


def _catalog(source: str, times: Mapping[str, PictureTimes]) -> pd.DataFrame:
    """Make the columns of ingest's table that can be told without decoding."""
    rows = [
        (video, source, *camera_and_label(video), own.duration_s, own.end_s)
        for video, own in sorted(times.items())
    ]
    columns = ["video", "source", "camera", "label", "duration_s", "end_s"]
    return pd.DataFrame(rows, columns=columns)


def _footage_problems(
    folder: Path, found: Mapping[str, Undecoded], refused: list[Refused]
) -> list[Problem]:
    problems = [
        footage_problem(
            printable(file.candidate.video),
            "quarantined",
            f"{file.reason}: {file.detail}; ingest leaves it out",
            file.remedy,
            "warning",
        )
        for file in refused
    ]
    problems += [
        footage_notice(video, notice)
        for video, own in sorted(found.items())
        for notice in own.facts.notices + timing_notices(own.times, own.facts.duration_s)
    ]
    if not found:
        fault, remedy = "there is no video that could be used", "put footage there"
        problems.append(Problem(folder.as_posix(), None, "", "error", "not_empty", fault, remedy))
    return problems


def _summary(
    catalog: pd.DataFrame,
    videos: Mapping[str, Video],
    labels: Mapping[str, Labels],
    frame_s: float,
) -> list[str]:
    """Count videos, seconds and events by label; name cameras and what else is known."""
    annotations = assemble(videos, labels, frame_s)
    of_video = Counter(video_labels(annotations).values())
    events = Counter(annotations["label"])
    lengths_s = _lengths_s(catalog, annotations)
    lines = [f"  {'':12}{'videos':>8}{'h:mm:ss':>12}{'events':>8}"]
    for label in (SHOPLIFTING, NORMAL, UNLABELED):
        counted = str(events[label]) if label == SHOPLIFTING else ""
        length = clock(lengths_s[label], whole=True)
        lines.append(f"  {label:12}{of_video[label]:8}{length:>12}{counted:>8}".rstrip())
    table = video_table(catalog, labels, scenes={})
    cameras = Counter(table["camera"]).most_common()
    listed = ", ".join(f"{name} ({count})" for name, count in cameras[:_CAMERAS])
    more = f" and {len(cameras) - _CAMERAS} more" if len(cameras) > _CAMERAS else ""
    lines.append(f"  {len(cameras)} camera(s), with their videos: {listed}{more}")
    sides = Counter(side for side in table["official"] if side)
    if sides:
        said = ", ".join(f"{sides[side]} {side}" for side in sorted(sides))
        lines.append(f"  sides of the data set's authors: {said}")
    if named := sum(table["recording"] != ""):
        lines.append(f"  {named} videos name their recording")
    if further := [str(name) for name in table if name not in VIDEOS.names]:
        lines.append(f"  further properties: {', '.join(further)}")
    return lines


def _lengths_s(catalog: pd.DataFrame, annotations: pd.DataFrame) -> dict[str, float]:
    """Sum the seconds of each label inside its videos; what no event or gap covers is normal.

    Times that are turned around or lie outside a video count for nothing.
    """
    ends = dict(zip(catalog["video"], catalog["end_s"].tolist(), strict=True))
    told = {SHOPLIFTING: 0.0, UNLABELED: 0.0}
    for (video, label), rows in annotations.groupby(["video", "label"]):
        if label in told and video in ends:
            times = rows[["start_s", "end_s"]].clip(0.0, ends[video]).dropna().to_numpy()
            spans = join(Span(start, end) for start, end in times if start < end)
            told[str(label)] += sum(span.end_s - span.start_s for span in spans)
    known_s = float(catalog["duration_s"].sum())
    return {**told, NORMAL: max(0.0, known_s - sum(told.values()))}


def _listing(problems: list[Problem]) -> list[str]:
    """List every problem, errors first, then by place."""
    listed = sorted(problems, key=lambda p: (p.level, p.file, p.row or 0, p.video, p.rule))
    counts = Counter(problem.level for problem in problems)
    lines = [f"{problem.level:8}{problem}" for problem in listed]
    return [*lines, f"{counts['error']} error(s), {counts['warning']} warning(s)"]
