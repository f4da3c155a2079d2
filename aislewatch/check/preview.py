"""Checks one source before anything runs: its labels and its videos' headers."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from aislewatch.check.headers import read_headers
from aislewatch.clock import clock
from aislewatch.config.params import Params
from aislewatch.ingest.candidates import camera_and_label, printable
from aislewatch.ingest.folder import Progress
from aislewatch.ingest.intake import Refused
from aislewatch.ingest.probe import VideoFacts
from aislewatch.labels.checks import Limits
from aislewatch.labels.layouts import read_source
from aislewatch.labels.problems import Problem, footage_problem
from aislewatch.labels.protocol import NORMAL, SHOPLIFTING, UNLABELED, Labels
from aislewatch.labels.spans import Span, join
from aislewatch.labels.ucf_against_dcsass import disagreements
from aislewatch.validate.annotations import assemble, source_videos, video_labels
from aislewatch.validate.videos import COLUMNS, video_table

# Cameras that the summary lists, those with the most videos first.
_CAMERAS = 8


@dataclass(frozen=True)
class Checked:
    """What was found in one source; ``errors`` counts the problems that would stop the pipeline."""

    errors: int
    report: str


def check_source(raw: Path, source: str, params: Params, progress: Progress) -> Checked:
    """Read one source's labels and headers as the pipeline will, but decode nothing.

    A file whose header is good may still break while it is decoded.

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
    facts, refused = read_headers(raw, source, params.ingest, progress)
    catalog = _catalog(source, facts)
    videos = source_videos(catalog)
    labels = read_source(raw, source, layout, videos, limits)
    problems = [
        *labels.problems,
        *disagreements(raw, params.sources, videos),
        *_footage_problems(raw / source, facts, refused),
    ]
    lines = [f"{raw / source} is laid out as {layout}:"]
    if facts:
        lines += _summary(catalog, {source: labels}, limits.frame_s)
    lines += _listing(problems)
    errors = sum(problem.level == "error" for problem in problems)
    return Checked(errors, "\n".join(lines))


def _catalog(source: str, facts: Mapping[str, VideoFacts]) -> pd.DataFrame:
    """Make the columns of ingest's table that can be told without decoding."""
    rows = [
        (video, source, *camera_and_label(video), _known(own.duration_s), own.fps)
        for video, own in sorted(facts.items())
    ]
    columns = ["video", "source", "camera", "label", "duration_s", "fps"]
    return pd.DataFrame(rows, columns=columns)


def _known(duration_s: float | None) -> float:
    """Take an unknown length for endless: no label can be shown to be beyond its end."""
    return math.inf if duration_s is None else duration_s


def _footage_problems(
    folder: Path, facts: Mapping[str, VideoFacts], refused: list[Refused]
) -> list[Problem]:
    remedy = "repair or remove it; ingest leaves it out"
    problems = [
        footage_problem(
            printable(file.candidate.video),
            "quarantined",
            f"{file.reason}: {file.detail}",
            remedy,
            "warning",
        )
        for file in refused
    ]
    fault, remedy = "its header states no length", "labels beyond its end are only found in a run"
    problems += [
        footage_problem(video, "length", fault, remedy, "warning")
        for video, own in sorted(facts.items())
        if own.duration_s is None
    ]
    if not facts:
        fault, remedy = "there is no video that could be used", "put footage there"
        problems.append(Problem(folder.as_posix(), None, "", "error", "not_empty", fault, remedy))
    return problems


def _summary(catalog: pd.DataFrame, labels: Mapping[str, Labels], frame_s: float) -> list[str]:
    """Count videos, seconds and events by label; name cameras and what else is known."""
    annotations = assemble(catalog, labels, frame_s)
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
    if further := [str(name) for name in table if name not in COLUMNS]:
        lines.append(f"  further properties: {', '.join(further)}")
    return lines


def _lengths_s(catalog: pd.DataFrame, annotations: pd.DataFrame) -> dict[str, float]:
    """Sum the seconds of each label inside its videos; what no event or gap covers is normal.

    Times that are turned around or lie outside a video count for nothing, nor does a video whose
    length is unknown.
    """
    ends = dict(zip(catalog["video"], catalog["duration_s"].tolist(), strict=True))
    told = {SHOPLIFTING: 0.0, UNLABELED: 0.0}
    for (video, label), rows in annotations.groupby(["video", "label"]):
        end_s = ends.get(str(video), math.inf)
        if label in told and math.isfinite(end_s):
            times = rows[["start_s", "end_s"]].clip(0.0, end_s).dropna().to_numpy()
            spans = join(Span(start, end) for start, end in times if start < end)
            told[str(label)] += sum(span.end_s - span.start_s for span in spans)
    known_s = sum(end_s for end_s in ends.values() if math.isfinite(end_s))
    return {**told, NORMAL: max(0.0, known_s - sum(told.values()))}


def _listing(problems: list[Problem]) -> list[str]:
    """List every problem, errors first, then by place."""
    listed = sorted(problems, key=lambda p: (p.level, p.file, p.row or 0, p.video, p.rule))
    counts = Counter(problem.level for problem in problems)
    lines = [f"{problem.level:8}{problem}" for problem in listed]
    return [*lines, f"{counts['error']} error(s), {counts['warning']} warning(s)"]
