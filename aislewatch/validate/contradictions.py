"""Finds footage that two videos share under opposing labels, and settles which label holds."""

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import pandas as pd

from aislewatch.config.data import Choice
from aislewatch.frames.spans import NORMAL, SHOPLIFTING, UNLABELED, Span, join
from aislewatch.frames.stretches import FrameTimes
from aislewatch.labels.checks import ROUNDING_S
from aislewatch.labels.problems import Problem, footage_problem
from aislewatch.tables import places
from aislewatch.tables.validate import ANNOTATIONS
from aislewatch.validate.annotations import ORDER

COLUMNS = {
    "a": "str",
    "b": "str",
    "label_a": "str",
    "label_b": "str",
    "start_a_s": "float64",
    "end_a_s": "float64",
    "start_b_s": "float64",
    "end_b_s": "float64",
}

# Seconds for which labels must oppose each other: two people rarely agree on a beginning to the
# frame, and the alignment of two videos is exact to about 0.1 s.
LEAST_S = 0.5

# From and until which frame of the store a video has a label.
Timeline = list[tuple[float, float, str]]


def contradictions(
    pairs: pd.DataFrame, annotations: pd.DataFrame, times: Mapping[str, FrameTimes]
) -> pd.DataFrame:
    """Find what of the shared part of two copies stands under opposing labels: a row a stretch.

    Args:
        pairs: copies a, b with the shared part in seconds, as ``duplicates.pair_table`` gives them.
        annotations: video, label, start_s, end_s.
        times: of the frames of each video.

    Returns:
        ``COLUMNS``: the videos, their labels, and the stretch in each, in seconds; sorted.
    """
    timelines = {
        str(video): _timeline(rows, times[str(video)])
        for video, rows in annotations.groupby("video")
        if video in times
    }
    found = []
    for pair in pairs[pairs["is_copy"]].to_dict("records"):
        a, b = str(pair["a"]), str(pair["b"])
        first_a, last_a = (times[a].frames_before(pair[f"{end}_a_s"]) for end in ("start", "end"))
        first_b, last_b = (times[b].frames_before(pair[f"{end}_b_s"]) for end in ("start", "end"))
        scale = (last_b - first_b) / max(last_a - first_a, 1e-9)
        of_b = [
            (first_a + (start - first_b) / scale, first_a + (end - first_b) / scale, label)
            for start, end, label in _between(timelines.get(b, []), first_b, last_b)
        ]
        of_a = _between(timelines.get(a, []), first_a, last_a)
        for start, end, label_a, label_b in _opposed(of_a, of_b, LEAST_S * times[a].fps):
            in_b = [first_b + (at - first_a) * scale for at in (start, end)]
            shown_s = (
                *(times[a].shown_from(start), times[a].shown_until(end)),
                *(times[b].shown_from(in_b[0]), times[b].shown_until(in_b[1])),
            )
            found.append((a, b, label_a, label_b, *(round(at_s, 3) for at_s in shown_s)))
    return pd.DataFrame(sorted(found), columns=list(COLUMNS)).astype(COLUMNS)


def mark(pairs: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Set ``labels_conflict`` of each pair: true for those that contradict each other."""
    opposed = set(zip(found["a"], found["b"], strict=True))
    known = [pair in opposed for pair in zip(pairs["a"], pairs["b"], strict=True)]
    return pairs.assign(labels_conflict=known).astype({"labels_conflict": "bool"})


def settle(
    annotations: pd.DataFrame, found: pd.DataFrame, choice: Choice, min_event_s: float
) -> pd.DataFrame:
    """Take the label from what loses a contradiction: it becomes unlabeled.

    A verdict of the desk (source ``places.JUDGED``) holds against any other label: a person watched
    these very seconds to give it. Between two verdicts ``choice`` decides.

    What is left of an event may be too short to be one; then it becomes unlabeled, too, since a
    clip that holds the whole of it would count as shoplifting.

    Args:
        annotations: video, label, start_s, end_s.
        found: as ``contradictions`` returned them.
        choice: ``drop`` takes the label from both, ``keep_normal`` from the one called
            shoplifting, ``keep_shoplifting`` from the one called normal; with ``fail`` nothing is
            changed, for the stage stops.
        min_event_s: shortest event, in seconds.
    """
    lost: dict[str, list[Span]] = {}
    for row in found.to_dict("records"):
        for side in _losing(row, choice):
            span = Span(row[f"start_{side}_s"], row[f"end_{side}_s"])
            lost.setdefault(row[side], []).append(span)
    kept = annotations[~annotations["video"].isin(lost)]
    changed = [
        (video, *interval)
        for video, spans in sorted(lost.items())
        for interval in _without(
            annotations[annotations["video"] == video], join(spans), min_event_s
        )
    ]
    settled = pd.concat([kept, ANNOTATIONS.frame(changed)], ignore_index=True)
    return settled.sort_values(ORDER, ignore_index=True)


def _losing(row: Mapping[Hashable, Any], choice: Choice) -> tuple[str, ...]:
    """Return which side of a contradiction loses its label: ``"a"``, ``"b"``, both or none."""
    if choice == "fail":
        return ()
    if judged := _judged(row):
        return ("b",) if judged == "a" else ("a",)
    losing = {
        "drop": (NORMAL, SHOPLIFTING),
        "keep_normal": (SHOPLIFTING,),
        "keep_shoplifting": (NORMAL,),
    }[choice]
    return tuple(side for side in ("a", "b") if row[f"label_{side}"] in losing)


def _judged(row: Mapping[Hashable, Any]) -> str:
    """Return the side of which alone a reviewer gave the label; empty where there is none."""
    judged = [side for side in ("a", "b") if str(row[side]).startswith(f"{places.JUDGED}/")]
    return judged[0] if len(judged) == 1 else ""


def problems(found: pd.DataFrame, choice: Choice) -> list[Problem]:
    """Report each stretch: an error where the choice is to fail, else a warning."""
    done = {
        "drop": "neither is used",
        "keep_normal": "the normal one is used",
        "keep_shoplifting": "the shoplifting one is used",
        "fail": "nothing is used until this is settled",
    }[choice]
    return [
        footage_problem(
            row["a"],
            "contradiction",
            f"{row['start_a_s']:.1f}-{row['end_a_s']:.1f} s is {row['label_a']} here and "
            f"{row['label_b']} in {row['b']}, {row['start_b_s']:.1f}-{row['end_b_s']:.1f} s, which "
            f"shows the same; {_told(row, choice) or done}",
            f"look at both in {places.CONTRADICTIONS_PAGE} and correct the wrong label, or "
            "choose validate.contradictions in params.yaml",
            "error" if choice == "fail" else "warning",
        )
        for row in found.to_dict("records")
    ]


def _told(row: Mapping[Hashable, Any], choice: Choice) -> str:
    judged = _judged(row)
    if not judged or choice == "fail":
        return ""
    return f"the reviewer's verdict on {row[judged]} is used, who watched these seconds"


def _timeline(rows: pd.DataFrame, times: FrameTimes) -> Timeline:
    """Say what a video is labelled, from stretch to stretch, in frames of the store.

    Shoplifting and unlabeled parts are as stated; beside shoplifting the rest is normal.
    """
    bounds = (map(times.frames_before, rows[name].tolist()) for name in ("start_s", "end_s"))
    stated = list(zip(*bounds, rows["label"], strict=True))
    if not any(label == SHOPLIFTING for *_, label in stated):
        return sorted(stated)
    special = join(Span(start, end) for start, end, label in stated if label != NORMAL)
    edges = [0.0, *(at for span in special for at in (span.start_s, span.end_s)), float("inf")]
    rest = [(a, b, NORMAL) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]
    return sorted([*(row for row in stated if row[2] != NORMAL), *rest])


def _between(timeline: Timeline, first: float, last: float) -> Timeline:
    clipped = [(max(a, first), min(b, last), label) for a, b, label in timeline]
    return [row for row in clipped if row[1] > row[0]]


def _opposed(
    one: Timeline, other: Timeline, least: float
) -> Iterator[tuple[float, float, str, str]]:
    for start, end, label in one:
        for other_start, other_end, other_label in other:
            shared = max(start, other_start), min(end, other_end)
            opposing = {label, other_label} == {NORMAL, SHOPLIFTING}
            if opposing and shared[1] - shared[0] > least:
                yield *shared, label, other_label


def _without(
    rows: pd.DataFrame, spans: list[Span], min_event_s: float
) -> Iterator[tuple[str, float, float]]:
    """Cut these stretches, which become unlabeled, out of a video's intervals."""
    unlabeled = list(spans)
    for row in rows.to_dict("records"):
        left = [(float(row["start_s"]), float(row["end_s"]))]
        for span in spans:
            left = [
                piece
                for start, end in left
                for piece in ((start, min(end, span.start_s)), (max(start, span.end_s), end))
                if piece[1] > piece[0]
            ]
        for start, end in left:
            if row["label"] == SHOPLIFTING and end - start < min_event_s - ROUNDING_S:
                unlabeled.append(Span(start, end))
            else:
                yield str(row["label"]), start, end
    yield from ((UNLABELED, span.start_s, span.end_s) for span in join(unlabeled))
