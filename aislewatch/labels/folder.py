"""Reads a source laid out by class: folders ``shoplifting/`` and ``normal/``, and ``events.csv``.

``events.csv`` is a table of labels like that of the layout ``table``; it says when in the videos of
``shoplifting/`` it happens. Without it each of them is one event from its beginning to its end.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from aislewatch.frames.class_folders import opposed_folders
from aislewatch.frames.spans import NORMAL, SHOPLIFTING, UNLABELED
from aislewatch.labels.problems import Problem, footage_problem
from aislewatch.labels.protocol import Labels, Video
from aislewatch.labels.reading import find_file
from aislewatch.labels.table import read_table

EVENTS_FILE = "events.csv"


def read_labels(raw: Path, source: str, videos: Mapping[str, Video]) -> Labels:
    """Read the class folders of ``raw/source`` and its events.csv; see ``labels.ReadLabels``."""
    opposed = {name: two for name in videos if (two := opposed_folders(name))}
    folders = {
        name: video.label
        for name, video in videos.items()
        if video.label != UNLABELED and name not in opposed
    }
    doubts = [_doubt(video, *two) for video, two in opposed.items()]
    path = find_file(raw / source, EVENTS_FILE)
    if path is None:
        return Labels(whole=folders, problems=doubts)
    labels = read_table(path, raw, source, videos)
    labels.problems.extend(doubts)
    broken = any(problem.level == "error" for problem in labels.problems)
    if broken and not labels.rows and not labels.whole:
        # Nothing could be read: to miss every video's row as well would bury the reason.
        return labels
    labels.problems.extend(_against_folders(path.as_posix(), labels, folders))
    timed = {row.video for row in labels.rows}
    for video, label in folders.items():
        if label == NORMAL and video not in timed:
            labels.whole.setdefault(video, NORMAL)
    return labels


def _doubt(video: str, other: str, nearest: str) -> Problem:
    """Refuse a video whose folders say two things: either may be the slip of a hand."""
    fault = f"it stands in {other}/ and, within that, in {nearest}/, which say different labels"
    remedy = "move it so that one folder says what it shows"
    return footage_problem(video, "two_classes", fault, remedy)


def _against_folders(file: str, labels: Labels, folders: Mapping[str, str]) -> Iterator[Problem]:
    """Report events in a normal/ folder, and videos in a shoplifting/ folder that have none."""
    remedy = "move the video to shoplifting/ or remove the row"
    fault = "an event in a video that stands in a normal/ folder"
    events = {row.video for row in labels.rows if row.label == SHOPLIFTING}
    for row in labels.rows:
        if row.label == SHOPLIFTING and folders.get(row.video) == NORMAL:
            yield row.problem("normal_event", fault, remedy)
    for video in sorted(folders):
        whole = labels.whole.get(video)
        if folders[video] == NORMAL and whole == SHOPLIFTING:
            yield Problem(file, None, video, "error", "normal_event", fault, remedy)
        elif folders[video] == SHOPLIFTING and video not in events and whole in (None, NORMAL):
            fault_here = f"its source has an {EVENTS_FILE}, but no event for this video"
            remedy_here = f"add its events, move it to normal/, or remove {EVENTS_FILE}"
            yield footage_problem(video, "has_interval", fault_here, remedy_here)
