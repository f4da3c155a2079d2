"""Reads a source labelled in Label Studio: JSON exports anywhere beside its videos.

Regions labelled shoplifting are events; a choice without a region is about the whole video; an
annotation that was submitted empty says that the video is normal.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aislewatch.frames.spans import NORMAL, SHOPLIFTING, UNLABELED, Span, cut, join
from aislewatch.labels.classes import label_of
from aislewatch.labels.counts import compare_frames, compare_lengths
from aislewatch.labels.label_studio_export import Annotation, Region, StudioTask, read_tasks
from aislewatch.labels.label_studio_names import spellings, uploaded_names
from aislewatch.labels.naming import VideoNames
from aislewatch.labels.problems import Level, Problem
from aislewatch.labels.protocol import LabelRow, Labels, Video
from aislewatch.labels.reading import list_files

# Seconds by which two annotators may differ about where an event begins or ends: a clip's length is
# of this order, so that their labels of clips hardly differ.
AGREEMENT_S = 1.0


# Frames beyond a video's end that are its end: Label Studio rounds the length up to whole frames,
# and browsers and ffmpeg differ by one about it.
SPARE_FRAMES = 2


@dataclass(frozen=True)
class _Opinion:
    """Holds what one annotation says of a video; ``whole`` is the label of what no span covers."""

    file: str
    who: str
    whole: str
    spans: dict[str, list[Span]]

    def agrees(self, other: "_Opinion") -> bool:
        """Tell whether labels are the same and bounds no farther apart than AGREEMENT_S."""
        pairs = [(self.spans[label], other.spans[label]) for label in (SHOPLIFTING, UNLABELED)]
        return self.whole == other.whole and all(
            len(mine) == len(theirs)
            and all(
                max(abs(a.start_s - b.start_s), abs(a.end_s - b.end_s)) <= AGREEMENT_S
                for a, b in zip(mine, theirs, strict=True)
            )
            for mine, theirs in pairs
        )


@dataclass
class _Reader:
    """Gathers what all files of a source say."""

    names: VideoNames
    videos: Mapping[str, Video]
    uploads: dict[str, list[str]]
    labels: Labels = field(default_factory=Labels)
    opinions: dict[str, list[_Opinion]] = field(default_factory=dict)
    guessed: set[str] = field(default_factory=set)

    def problem(
        self, file: str, video: str, rule: str, fault: str, remedy: str, level: Level = "error"
    ) -> None:
        """Note a fault; an export has no lines worth naming, so its text names the task."""
        self.labels.problems.append(Problem(file, None, video, level, rule, fault, remedy))


def read_labels(raw: Path, source: str, videos: Mapping[str, Video]) -> Labels:
    """Read every JSON export of ``raw/source``; see ``labels.ReadLabels``."""
    reader = _Reader(VideoNames(raw, source, videos), videos, uploaded_names(videos))
    paths = list_files(raw, source, ".json")
    reader.labels.files.update(paths)
    if not paths:
        remedy = f"put a JSON export of the project into {source}/"
        place = (raw / source).as_posix()
        reader.problem(place, "", "no_labels", "there is no .json file with labels", remedy)
    for path in paths:
        tasks = list(read_tasks(path))
        reader.labels.problems.extend(task for task in tasks if isinstance(task, Problem))
        readable = [task for task in tasks if isinstance(task, StudioTask)]
        _report_unused(path.as_posix(), readable, reader)
        for task in readable:
            _read_task(path.as_posix(), task, reader)
    for video in sorted(reader.opinions):
        _conclude(video, reader.opinions[video], reader)
    return reader.labels


def _report_unused(file: str, tasks: list[StudioTask], reader: _Reader) -> None:
    """Warn of words that are none of ours: others may be used too, but a slip must be seen."""
    regions = (r for task in tasks for said in task.annotations for r in said.regions)
    counts = Counter(word for r in regions for word in r.words if label_of(word) is None)
    if counts:
        listed = ", ".join(f"{word!r} ({counts[word]})" for word in sorted(counts))
        fault = f"not used are regions and choices labelled {listed}"
        remedy = "if one means shoplifting or normal, rename it in Label Studio"
        reader.problem(file, "", "unused_label", fault, remedy, "warning")


def _read_task(file: str, task: StudioTask, reader: _Reader) -> None:
    reader.labels.problems.extend(task.problems)
    video = reader.names.find(file, None, *spellings(task, reader.uploads))
    if isinstance(video, Problem):
        reader.labels.problems.append(video)
        return
    if not task.annotations:
        remedy = "it stays unlabeled: annotate it, and submit"
        fault = f"{task.place} has no annotation"
        reader.problem(file, video, "nothing", fault, remedy, "warning")
        return
    if problem := _other_length(file, task, video, reader.videos[video]):
        reader.labels.problems.append(problem)
    chosen = [said for said in task.annotations if said.ground_truth] or task.annotations
    for said in chosen:
        opinion = _opinion(file, task, said, video, reader)
        if opinion is not None:
            reader.opinions.setdefault(video, []).append(opinion)


def _other_length(file: str, task: StudioTask, video: str, facts: Video) -> Problem | None:
    """Report a task whose video had another length, or other frames, when it was labelled."""
    length_s = task.length_s
    if not length_s and task.frames and task.fps:
        length_s = task.frames / task.fps
    if length_s:
        return compare_lengths(file, video, length_s, facts.duration_s)
    counted = (round(task.frames), round(task.frames)) if task.frames else None
    return compare_frames(file, None, video, counted, len(facts.times))


def _opinion(
    file: str, task: StudioTask, said: Annotation, video: str, reader: _Reader
) -> _Opinion | None:
    spans: dict[str, list[Span]] = {SHOPLIFTING: [], NORMAL: [], UNLABELED: []}
    whole: set[str] = set()
    for region in said.regions:
        for label in sorted({label for word in region.words if (label := label_of(word))}):
            if region.stretches:
                spans[label].extend(_spans(file, region, task, video, reader))
            else:
                whole.add(label)
    who = f"{task.place}, {said.who}"
    timed = sorted(label for label, found in spans.items() if found)
    events = SHOPLIFTING in timed
    if said.regions and not whole and not timed:
        remedy = "it stays unlabeled: label it shoplifting, or submit it empty if it is normal"
        fault = f"{who}: nothing is labelled shoplifting or normal"
        reader.problem(file, video, "nothing", fault, remedy, "warning")
        return None
    # With parts, the rest is normal: a whole that denies this, or an event, contradicts them.
    if len(whole) > 1 or (timed and whole and whole != {SHOPLIFTING if events else NORMAL}):
        fault = f"{who}: the whole is {' and '.join(sorted(whole))}"
        fault += f", a part {' and '.join(timed)}" if timed else ""
        reader.problem(file, video, "one_label", fault, "correct it in Label Studio")
        return None
    label = NORMAL if timed or not whole else next(iter(whole))
    return _Opinion(file, who, label, {label: join(found) for label, found in spans.items()})


def _spans(
    file: str, region: Region, task: StudioTask, video: str, reader: _Reader
) -> Iterator[Span]:
    facts = reader.videos[video]
    for start, end in region.stretches:
        spare_s = SPARE_FRAMES / (task.fps or facts.fps)
        if region.in_frames and task.fps:
            # Label Studio has the browser seek to a frame's time at that rate, whatever is shown.
            start, end = max(0.0, (start - 1) / task.fps), end / task.fps
        elif region.in_frames:
            _warn_of_rate(file, reader)
            start = facts.times.shown_from(max(0, round(start) - 1))
            end = facts.times.shown_until(round(end) - 1) if math.isfinite(end) else end
        # A region that is followed to no end goes on to the video's.
        spare_s = spare_s if math.isfinite(end) else math.inf
        yield Span(start, cut(end, facts.duration_s, spare_s), file)


def _warn_of_rate(file: str, reader: _Reader) -> None:
    if file not in reader.guessed:
        reader.guessed.add(file)
        fault = "no rate of frames is stated; they are taken for each video's own pictures"
        remedy = "Label Studio counts 24 a second unless <Video frameRate> says otherwise: give "
        remedy += "each task's data an fps with the rate that was used"
        reader.problem(file, "", "frame_rate", fault, remedy, "warning")


def _conclude(video: str, opinions: list[_Opinion], reader: _Reader) -> None:
    first = opinions[0]
    others = [opinion for opinion in opinions[1:] if not first.agrees(opinion)]
    if others:
        fault = f"{first.who} and {others[0].who} disagree"
        remedy = "mark the right one as ground truth in Label Studio, or delete the other"
        reader.problem(first.file, video, "disagreement", fault, remedy)
        return
    for label in (SHOPLIFTING, UNLABELED):
        reader.labels.rows.extend(
            LabelRow(first.file, None, video, span.start_s, span.end_s, label)
            for span in first.spans[label]
        )
    if not first.spans[SHOPLIFTING] and not first.spans[UNLABELED]:
        reader.labels.whole[video] = first.whole
