"""Checks the intervals of a source against its footage, whatever layout they were read from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from aislewatch.frames.spans import NORMAL, SHOPLIFTING, UNLABELED, cut
from aislewatch.labels.problems import Problem
from aislewatch.labels.protocol import LabelRow, Video

# Seconds by which two sums of decimal fractions may differ and still be meant as equal.
ROUNDING_S = 1e-9


@dataclass(frozen=True)
class Limits:
    """Bounds what is accepted, in seconds; ``frame_s`` is the tolerance at a video's end."""

    frame_s: float
    min_event_s: float


def check_rows(
    rows: Sequence[LabelRow], videos: Mapping[str, Video], limits: Limits
) -> list[Problem]:
    """Find every fault of the intervals of one source.

    Args:
        rows: as a reader returned them: their labels are known, their videos among ``videos``.
        videos: the accepted videos of the source, by name.
        limits: tolerance and shortest event.
    """
    problems = [p for row in rows for p in _check_row(row, videos[row.video], limits)]
    return problems + list(_check_pairs(rows))


def _check_row(row: LabelRow, video: Video, limits: Limits) -> Iterator[Problem]:
    # What reaches a little beyond the video is cut to its end, and may be too short only then.
    end_s = cut(row.end_s, video.duration_s, limits.frame_s + ROUNDING_S)
    length_s = end_s - row.start_s
    if row.start_s < 0:
        yield row.problem("start_s_range", f"the start {row.start_s:g} s is negative", "start at 0")
    if row.start_s >= row.end_s:
        fault = f"the start {row.start_s:g} s is not before the end {row.end_s:g} s"
        yield row.problem("order", fault, "swap or correct the two times")
    elif row.label == SHOPLIFTING and length_s < limits.min_event_s - ROUNDING_S:
        fault = f"the event lasts {max(0.0, length_s):.3g} s"
        if end_s < row.end_s:
            fault += f" until the video's end at {end_s:.3f} s"
        remedy = f"make it at least {limits.min_event_s:g} s (validate.min_event_s) or remove it"
        yield row.problem("event_length", fault, remedy)
    if row.end_s > video.duration_s + limits.frame_s + ROUNDING_S:
        fault = f"the end {row.end_s:g} s is beyond the video's end at {video.duration_s:.3f} s"
        remedy = "correct the time; were frames counted at another rate?"
        yield row.problem("inside_video", fault, remedy)
    elif row.label == SHOPLIFTING and length_s >= limits.min_event_s - ROUNDING_S:
        yield from _check_pictures(row, video, limits)


def _check_pictures(row: LabelRow, video: Video, limits: Limits) -> Iterator[Problem]:
    """Report an event that lies in a gap of the recording: nobody could see it, nor find it."""
    shown_s = sum(
        max(0.0, min(row.end_s, span.end_s) - max(row.start_s, span.start_s))
        for span in video.shown()
    )
    if shown_s < limits.min_event_s - ROUNDING_S:
        has = f"pictures for {shown_s:.3g} s only" if shown_s else "no picture"
        fault = f"the video has {has} between {row.start_s:g} and {row.end_s:g} s"
        remedy = "correct the times, which must be those of a player, or remove the row"
        yield row.problem("no_pictures", fault, remedy)


def _check_pairs(rows: Sequence[LabelRow]) -> Iterator[Problem]:
    """Find rows given twice, events that overlap, and normal parts that an event overlaps.

    An unlabeled part may overlap anything: what it covers is not used. So may two normal parts.
    """
    timed: dict[str, list[LabelRow]] = {}
    seen: dict[tuple[str, str, float, float], LabelRow] = {}
    for row in sorted(rows, key=lambda r: (r.start_s, r.end_s, r.file, r.row or 0)):
        if not row.start_s < row.end_s:
            continue
        first = seen.setdefault((row.video, row.label, row.start_s, row.end_s), row)
        if first is not row:
            fault = f"the same times as {_place(first, row)}"
            yield row.problem("repeated_row", fault, "remove one of the two")
        elif row.label != UNLABELED:
            timed.setdefault(row.video, []).append(row)
    for own in timed.values():
        yield from _check_overlaps(own)


def _check_overlaps(rows: Sequence[LabelRow]) -> Iterator[Problem]:
    """Find the overlaps in one video; ``rows`` are in the order of their starts."""
    latest: dict[str, LabelRow] = {}
    for row in rows:
        for label, other in latest.items():
            both_normal = row.label == label == NORMAL
            if row.start_s < other.end_s - ROUNDING_S and not both_normal:
                fault = f"overlaps {_place(other, row)}, which is {label} until {other.end_s:g} s"
                yield row.problem("overlap", fault, "join the two or correct their times")
        if row.label not in latest or row.end_s > latest[row.label].end_s:
            latest[row.label] = row


def _place(row: LabelRow, seen_from: LabelRow) -> str:
    """Say where a row stands, as shortly as one does in another row of the same file."""
    line = f"line {row.row}" if row.row is not None else "another part"
    return line if row.file == seen_from.file else f"{line} of {row.file}"
