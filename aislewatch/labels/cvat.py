"""Reads a source labelled in CVAT: ``.xml`` files of CVAT 1.1 anywhere beside its videos.

A track labelled shoplifting is an event from its first visible frame to its last, with a gap where
it is outside. A task that has shoplifting among its labels, but no such track, is normal. What a
task leaves out at the video's beginning or end is unlabeled.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aislewatch.frames.spans import NORMAL, SHOPLIFTING, UNLABELED, Span, cut, gaps, join
from aislewatch.labels.addresses import ends_of, paths_of
from aislewatch.labels.classes import label_of
from aislewatch.labels.counts import compare_frames
from aislewatch.labels.cvat_xml import CvatTask, Document, Track, read_document
from aislewatch.labels.naming import VideoNames
from aislewatch.labels.problems import Problem
from aislewatch.labels.protocol import LabelRow, Labels, Video
from aislewatch.labels.reading import list_files

# Frames at a video's end that a task may lack without leaving them out: decoders differ by so many.
_SPARE_FRAMES = 2


@dataclass
class _Seen:
    """Gathers what the files say about one video: spans of each label, and what tasks cover."""

    file: str
    task: CvatTask
    labels: dict[str, list[Span]] = field(default_factory=dict)
    covered: list[Span] = field(default_factory=list)
    tasks: list[CvatTask] = field(default_factory=list)


def read_labels(raw: Path, source: str, videos: Mapping[str, Video]) -> Labels:
    """Read every CVAT file of ``raw/source``; see ``labels.ReadLabels``."""
    labels = Labels()
    names = VideoNames(raw, source, videos)
    seen: dict[str, _Seen] = {}
    paths = list_files(raw, source, ".xml")
    labels.files.update(paths)
    if not paths:
        remedy = f"put an export as 'CVAT for video 1.1' into {source}/"
        place = (raw / source).as_posix()
        fault = "there is no .xml file with labels"
        labels.problems.append(Problem(place, None, "", "error", "no_labels", fault, remedy))
    for path in paths:
        document = read_document(path)
        if isinstance(document, Problem):
            labels.problems.append(document)
            continue
        labels.problems.extend(document.problems)
        labels.problems.extend(_unused(path.as_posix(), document))
        _gather(path.as_posix(), document, names, videos, seen, labels)
    for video in sorted(seen):
        _conclude(video, seen[video], videos[video], labels)
    return labels


def _unused(file: str, document: Document) -> Iterator[Problem]:
    """Warn of labels that are none of ours: others may be used too, but a slip must be seen."""
    others = [track for track in document.tracks if label_of(track.label) is None]
    counts = Counter(track.label for track in others)
    first = {track.label: track.line for track in reversed(others)}
    for label in sorted(counts):
        fault = f"{counts[label]} tracks or tags labelled {label!r} are not used"
        remedy = "if it means shoplifting or normal, rename the label in CVAT"
        yield Problem(file, first[label], "", "warning", "unused_label", fault, remedy)


def _gather(
    file: str,
    document: Document,
    names: VideoNames,
    videos: Mapping[str, Video],
    seen: dict[str, _Seen],
    labels: Labels,
) -> None:
    tasks: dict[str, str] = {}
    for task in document.tasks:
        video = _find_video(file, task, names)
        if isinstance(video, Problem):
            labels.problems.append(video)
            continue
        tasks[task.id] = video
        entry = seen.setdefault(video, _Seen(file, task))
        entry.covered.append(_covered(task, videos[video]))
        entry.tasks.append(task)
    by_id = {task.id: task for task in document.tasks}
    for track in document.tracks:
        label = label_of(track.label)
        known = next(iter(by_id)) if len(by_id) == 1 and not track.task else track.task
        if label is None or (known in by_id and known not in tasks):
            continue
        if known not in by_id:
            fault = f"a {track.label!r} belongs to task {track.task!r}, which is not in the file"
            remedy = "export the task or project again"
            problem = Problem(file, track.line, "", "error", "known_task", fault, remedy)
            labels.problems.append(problem)
            continue
        spans = _spans(file, track, by_id[known], videos[tasks[known]])
        seen[tasks[known]].labels.setdefault(label, []).extend(spans)


def _find_video(file: str, task: CvatTask, names: VideoNames) -> str | Problem:
    spellings = [task.source, task.name]
    spellings += [end for path in paths_of(task.source) for end in ends_of(path)]
    if not any(spellings):
        fault = "neither <source> nor the task's <name> says which video this is"
        remedy = "name the task like the video and export it again"
        return Problem(file, task.line, "", "error", "known_video", fault, remedy)
    return names.find(file, task.line, *spellings)


def _covered(task: CvatTask, video: Video) -> Span:
    if task.last is None:
        return Span(0.0, video.duration_s)
    times = video.times
    return Span(times.shown_from(task.start), times.shown_until(task.last + task.step - 1))


def _spans(file: str, track: Track, task: CvatTask, video: Video) -> Iterator[Span]:
    """Yield where a track is visible, in seconds; its frames are those of the original video."""
    for first, end in _visible(track, task.step):
        start_s = video.times.shown_from(first - task.offset)
        end_s = video.times.shown_until(end - 1 - task.offset)
        # A last frame stands for all up to the next that the task shows, which may not exist.
        yield Span(start_s, cut(end_s, video.duration_s, _spare_s(task, video)), file, track.line)


def _spare_s(task: CvatTask, video: Video) -> float:
    """Return the seconds at a video's end that no task need cover."""
    spare = task.step + _SPARE_FRAMES
    last_s = video.duration_s - video.times.shown_from(len(video.times) - spare)
    return max(spare / video.fps, last_s)


def _visible(track: Track, step: int) -> Iterator[tuple[int, int]]:
    """Yield the first frame, and the one after the last, of each time the track is inside."""
    if track.images:
        yield from ((frame, frame + step) for frame, _ in track.shapes)
        return
    first: int | None = None
    last = 0
    for frame, visible in sorted(track.shapes):
        if visible and first is None:
            first = frame
        elif not visible and first is not None:
            yield first, frame
            first = None
        last = frame
    if first is not None:
        yield first, last + step


def _conclude(video: str, seen: _Seen, facts: Video, labels: Labels) -> None:
    task = max(seen.tasks, key=lambda task: task.last or 0)
    if problem := compare_frames(seen.file, task.line, video, task.counted, len(facts.times)):
        labels.problems.append(problem)
        if problem.level == "error":
            return
    events = join(seen.labels.get(SHOPLIFTING, []))
    # Without an event a task says normal only if its annotator could have said otherwise.
    can_tell = SHOPLIFTING in map(label_of, seen.task.labels)
    if not events and NORMAL not in seen.labels:
        fault = "nothing in the task is labelled shoplifting or normal"
        remedy = "it stays unlabeled: add a label shoplifting to the task's labels in CVAT"
        if can_tell:
            remedy = "it counts as normal: leave the task out if nobody has looked at it yet"
        problem = Problem(seen.file, seen.task.line, video, "warning", "nothing", fault, remedy)
        labels.problems.append(problem)
        if not can_tell:
            return
    spare_s = _spare_s(seen.task, facts)
    outside = gaps([*seen.covered, *events], facts.duration_s, spare_s)
    unlabeled = join([*seen.labels.get(UNLABELED, []), *outside])
    for label, spans in ((SHOPLIFTING, events), (UNLABELED, unlabeled)):
        labels.rows.extend(
            LabelRow(span.file or seen.file, span.row, video, span.start_s, span.end_s, label)
            for span in spans
        )
    if not events and not unlabeled:
        labels.whole[video] = NORMAL
