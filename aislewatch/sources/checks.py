"""Holds the rows of a label file against the footage they speak of."""

import difflib
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from aislewatch.sources.folder import EVENT_LABEL, EVENTS_FILE, LabelRow
from aislewatch.sources.problems import Problem, footage_problem

# Seconds by which two sums of decimal fractions may differ and still be meant as equal.
ROUNDING_S = 1e-9


@dataclass(frozen=True)
class Video:
    """What labels of a video are checked against: its folder's label and its length in seconds."""

    label: str
    duration_s: float


@dataclass(frozen=True)
class Limits:
    """``frame_s``: one frame of the store, the tolerance at a video's end; both in seconds."""

    frame_s: float
    min_event_s: float


def check_labels(
    rows: Sequence[LabelRow], videos: Mapping[str, Video], quarantined: Set[str], limits: Limits
) -> list[Problem]:
    """Every fault of the rows of one events.csv, against the accepted and the refused videos.

    Args:
        rows: as ``read_events`` returned them.
        videos: the accepted videos of this source, by name.
        quarantined: names of the videos that ingest refused.
        limits: tolerance and shortest event.
    """
    problems = [p for row in rows for p in _check_row(row, videos, quarantined, limits)]
    return problems + list(_check_pairs(rows)) + list(_check_unlisted(rows, videos))


def _check_row(
    row: LabelRow, videos: Mapping[str, Video], quarantined: Set[str], limits: Limits
) -> Iterator[Problem]:
    if row.label != EVENT_LABEL:
        remedy = f"write {EVENT_LABEL}; videos without events belong in a normal/ folder"
        yield row.problem("known_label", f"unknown label {row.label!r}", remedy)
    if row.start_s < 0:
        yield row.problem("start_s_range", f"start_s {row.start_s:g} is negative", "start at 0")
    if row.start_s >= row.end_s:
        fault = f"start_s {row.start_s:g} is not before end_s {row.end_s:g}"
        yield row.problem("order", fault, "swap or correct the two times")
    elif row.end_s - row.start_s < limits.min_event_s - ROUNDING_S:
        fault = f"the event lasts {row.end_s - row.start_s:.3g} s"
        remedy = f"make it at least {limits.min_event_s:g} s (validate.min_event_s) or remove it"
        yield row.problem("event_length", fault, remedy)
    yield from _check_video(row, videos, quarantined, limits)


def _check_video(
    row: LabelRow, videos: Mapping[str, Video], quarantined: Set[str], limits: Limits
) -> Iterator[Problem]:
    if row.video in quarantined:
        remedy = "see data/quarantine.csv; repair the file or remove the row"
        yield row.problem("quarantined", "the video was refused by ingest", remedy, "warning")
        return
    video = videos.get(row.video)
    if video is None:
        close = difflib.get_close_matches(row.video, videos, n=1)
        hint = f"did you mean {close[0]}? Else add" if close else "add"
        fault = "there is no such video"
        yield row.problem("known_video", fault, f"{hint} the file or remove the row")
        return
    if video.label == "normal":
        fault = "an event in a video that stands in a normal/ folder"
        yield row.problem("normal_event", fault, "move the video to shoplifting/ or remove the row")
    if row.end_s > video.duration_s + limits.frame_s + ROUNDING_S:
        fault = f"end_s {row.end_s:g} is beyond the video's end at {video.duration_s:.3f} s"
        remedy = "correct the time; were frames counted at another rate?"
        yield row.problem("inside_video", fault, remedy)


def _check_pairs(rows: Sequence[LabelRow]) -> Iterator[Problem]:
    """Rows given twice, and events of one video that overlap."""
    timed = [row for row in rows if row.start_s < row.end_s]
    seen: dict[tuple[str, float, float], LabelRow] = {}
    latest: LabelRow | None = None
    for row in sorted(timed, key=lambda r: (r.video, r.start_s, r.end_s, r.row)):
        same_video = latest is not None and latest.video == row.video
        first = seen.setdefault((row.video, row.start_s, row.end_s), row)
        if first is not row:
            fault = f"the same event as line {first.row}"
            yield row.problem("repeated_row", fault, "remove one of the two")
        elif latest is not None and same_video and row.start_s < latest.end_s - ROUNDING_S:
            fault = f"overlaps the event of line {latest.row}, which ends at {latest.end_s:g} s"
            yield row.problem("overlap", fault, "join the two events or correct their times")
        if latest is None or not same_video or row.end_s > latest.end_s:
            latest = row


def _check_unlisted(rows: Sequence[LabelRow], videos: Mapping[str, Video]) -> Iterator[Problem]:
    listed = {row.video for row in rows}
    for name in sorted(videos):
        if videos[name].label == EVENT_LABEL and name not in listed:
            fault = f"its source has an {EVENTS_FILE}, but no row for this video"
            remedy = f"add its events, move it to normal/, or remove {EVENTS_FILE}"
            yield footage_problem(name, "has_interval", fault, remedy)
