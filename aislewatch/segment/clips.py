"""Cuts videos into windows and labels each by its overlap with the annotated events.

A window is addressed by (video, start) and never copied. Labels: 0 = normal, 1 = shoplifting.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from aislewatch.errors import LabelError
from aislewatch.frames.stretches import FrameTimes, frame_times
from aislewatch.tables import places
from aislewatch.tables.segment import CLIPS

NORMAL_CLASS, SHOPLIFTING_CLASS = 0, 1
CLASSES = {NORMAL_CLASS: "normal", SHOPLIFTING_CLASS: "shoplifting"}
UNLABELED = "unlabeled"

# Overlaps are quotients of decimal times: 9 digits keep 0.6 equal to 0.6 on every machine.
OVERLAP_DIGITS = 9


@dataclass(frozen=True)
class Windows:
    """Says how a video is cut: ``step`` and ``stride`` in frames of the store, ``fps`` its rate."""

    n_frames: int
    step: int
    stride: int
    fps: int

    @property
    def span(self) -> int:
        """Count the frames of the store from a window's first frame to its last, both included."""
        return (self.n_frames - 1) * self.step + 1

    @property
    def duration_s(self) -> float:
        """Return the seconds of video that a window covers."""
        return self.span / self.fps

    def starts(self, times: FrameTimes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Return the first frame of every window of a video, int64 (n,), and its second, (n,).

        A window lies in one stretch of frames: none reaches over a gap.
        """
        frames, seconds = [np.zeros(0, np.int64)], [np.zeros(0)]
        for stretch in times.stretches:
            own = np.arange(stretch.first, stretch.end - self.span + 1, self.stride, dtype=np.int64)
            frames.append(own)
            seconds.append((own - stretch.first + stretch.tick) / self.fps)
        return np.concatenate(frames), np.concatenate(seconds)


@dataclass(frozen=True)
class LabelRule:
    """Says from which overlap a window is shoplifting, and up to which it is normal."""

    positive_overlap: float
    negative_overlap: float

    def __call__(self, overlap: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Label overlaps 1, 0, or -1 for the band between the limits; int64 like ``overlap``."""
        ambiguous = np.where(overlap <= self.negative_overlap, NORMAL_CLASS, -1)
        return np.where(overlap >= self.positive_overlap, SHOPLIFTING_CLASS, ambiguous)


@dataclass(frozen=True)
class Segmentation:
    """Holds the clips, what was left out and why.

    ``clips`` has video, frames_file, start, label, overlap, sorted by video and start.
    """

    clips: pd.DataFrame
    ambiguous_dropped: int
    unlabeled_dropped: int
    too_short: list[str]
    unlabeled: list[str]

    def counts(self) -> dict[str, int]:
        """Return what ``metrics/segment.json`` holds."""
        return {
            "clips": len(self.clips),
            "positive": int((self.clips["label"] == SHOPLIFTING_CLASS).sum()),
            "negative": int((self.clips["label"] == NORMAL_CLASS).sum()),
            "ambiguous_dropped": self.ambiguous_dropped,
            "unlabeled_dropped": self.unlabeled_dropped,
            "too_short_videos": len(self.too_short),
            "unlabeled_videos": len(self.unlabeled),
        }


def overlap_with_events(
    start_s: npt.NDArray[np.float64], duration_s: float, events_s: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Compute the largest overlap of each window with any event, 0 to 1.

    The overlap with one event is intersection / min(window, event), so that a window is shoplifting
    when it lies inside a long event as well as when it holds the whole of a short one.

    Args:
        start_s: starts of windows in seconds, (n,).
        duration_s: length of each window in seconds.
        events_s: start and end of events in seconds, (m, 2), each end after its start.

    Returns:
        (n,) float64.
    """
    if len(events_s) == 0:
        return np.zeros(len(start_s))
    first_M, last_M = events_s[:, 0], events_s[:, 1]
    latest_start_NM = np.maximum(start_s[:, None], first_M)
    earliest_end_NM = np.minimum(start_s[:, None] + duration_s, last_M)
    shared_NM = np.maximum(earliest_end_NM - latest_start_NM, 0.0)
    overlap_NM = shared_NM / np.minimum(duration_s, last_M - first_M)
    largest: npt.NDArray[np.float64] = overlap_NM.max(axis=1).clip(0.0, 1.0)
    return largest.round(OVERLAP_DIGITS)


def segment(
    catalog: pd.DataFrame, annotations: pd.DataFrame, windows: Windows, rule: LabelRule
) -> Segmentation:
    """Cut every video of the catalog; a window that touches an unlabeled part is left out.

    Args:
        catalog: uses video, frames_file, n_frames (frames in the store), stretches, store_fps.
        annotations: video, label, start_s, end_s (seconds).
        windows: the cut.
        rule: the labels.

    Raises:
        LabelError: no clip at all, or none of one class.
    """
    events = _intervals(annotations, CLASSES[SHOPLIFTING_CLASS])
    unknown = _intervals(annotations, UNLABELED)
    dropped = 0
    parts: list[tuple[str, str, npt.NDArray[np.int64], npt.NDArray[np.float64]]] = []
    too_short: list[str] = []
    unlabeled: list[str] = []
    ordered = catalog.sort_values("video")
    times = frame_times(catalog)
    for video, frames_file in zip(ordered["video"], ordered["frames_file"], strict=True):
        starts, start_s = windows.starts(times[video])
        if len(starts) == 0:
            too_short.append(video)
            continue
        known = ~_touches(start_s, windows.duration_s, unknown.get(video))
        dropped += len(starts) - int(known.sum())
        if not known.any():
            unlabeled.append(video)
        else:
            own = events.get(video, np.zeros((0, 2)))
            overlap = overlap_with_events(start_s[known], windows.duration_s, own)
            parts.append((video, frames_file, starts[known], overlap))
    cut = _table(parts)
    cut["label"] = rule(cut["overlap"].to_numpy())
    clips = cut.loc[cut["label"] >= 0, CLIPS.names].reset_index(drop=True)
    done = Segmentation(clips, len(cut) - len(clips), dropped, too_short, unlabeled)
    _refuse_unusable(done, windows)
    return done


def _touches(
    start_s: npt.NDArray[np.float64], duration_s: float, parts_s: npt.NDArray[np.float64] | None
) -> npt.NDArray[np.bool_]:
    """Return whether each window shares time with a part, (m, 2) in seconds; bool (n,)."""
    if parts_s is None:
        return np.zeros(len(start_s), bool)
    # Rounded as overlaps are: a window that begins where a part ends does not touch it.
    ahead_NM = (start_s[:, None] + duration_s - parts_s[:, 0]).round(OVERLAP_DIGITS) > 0
    behind_NM = (parts_s[:, 1] - start_s[:, None]).round(OVERLAP_DIGITS) > 0
    touches_N: npt.NDArray[np.bool_] = np.logical_or.reduce(ahead_NM & behind_NM, axis=1)
    return touches_N


def _intervals(annotations: pd.DataFrame, label: str) -> dict[str, npt.NDArray[np.float64]]:
    """Return start and end, in seconds, of each video's intervals with this label, (m, 2)."""
    found = annotations[annotations["label"] == label]
    return {
        str(video): times[["start_s", "end_s"]].to_numpy(np.float64)
        for video, times in found.groupby("video", sort=False)
    }


def _table(
    parts: Sequence[tuple[str, str, npt.NDArray[np.int64], npt.NDArray[np.float64]]],
) -> pd.DataFrame:
    lengths = [len(starts) for _, _, starts, _ in parts]
    columns = {
        "video": np.repeat([video for video, _, _, _ in parts], lengths),
        "frames_file": np.repeat([file for _, file, _, _ in parts], lengths),
        "start": np.concatenate([np.zeros(0, np.int64), *(part[2] for part in parts)]),
        "overlap": np.concatenate([np.zeros(0), *(part[3] for part in parts)]),
    }
    return pd.DataFrame(columns).astype({"video": "str", "frames_file": "str"})


def _refuse_unusable(done: Segmentation, windows: Windows) -> None:
    counts = done.counts()
    if counts["clips"] == 0:
        raise LabelError(
            f"no clip could be cut: {counts['too_short_videos']} video(s) are shorter than one "
            f"window of {windows.duration_s:g} s, {counts['unlabeled_videos']} have no label, "
            f"{counts['ambiguous_dropped']} window(s) are ambiguous. Add longer labelled videos "
            f"to {places.RAW}, or lower segment.n_frames or segment.step in params.yaml"
        )
    for name, label in (("positive", SHOPLIFTING_CLASS), ("negative", NORMAL_CLASS)):
        if counts[name] == 0:
            raise LabelError(
                f"all {counts['clips']} clips are {CLASSES[1 - label]}; none is {CLASSES[label]} "
                f"({counts['ambiguous_dropped']} ambiguous window(s) were dropped). Put videos "
                f"into a {CLASSES[label]}/ folder of a source"
                + (" or name events in its events.csv" if label == SHOPLIFTING_CLASS else "")
            )
