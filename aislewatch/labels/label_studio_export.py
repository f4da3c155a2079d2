"""Reads Label Studio's JSON export into regions of frames or seconds.

Label Studio counts frames from 1, at the rate its labelling configuration states (24 a second where
it states none), whatever the video's own is; both ends of a range belong to it.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, FiniteFloat, NonNegativeFloat, ValidationError

from aislewatch.labels.problems import Problem
from aislewatch.labels.reading import malformed, read_file

_EXPORT = "export the project as JSON (not JSON-MIN)"

# Keys under which a result's value holds the words chosen in a control tag.
_LABEL_KEYS = ("timelinelabels", "labels", "choices")

# Keys of a task's data that may state the rate at which its frames were counted.
_FPS_KEYS = ("fps", "framerate", "frameRate", "frame_rate")


class _Range(BaseModel):
    start: FiniteFloat
    end: FiniteFloat


class _Keyframe(BaseModel):
    frame: FiniteFloat
    enabled: bool = True


class _Value(BaseModel):
    ranges: list[_Range] | None = None
    sequence: list[_Keyframe] | None = None
    start: FiniteFloat | None = None
    end: FiniteFloat | None = None
    framesCount: NonNegativeFloat | None = None
    duration: NonNegativeFloat | None = None


class _Annotation(BaseModel):
    id: int | str = ""
    completed_by: Any = None
    was_cancelled: bool | None = False
    ground_truth: bool | None = False
    result: list[dict[str, Any]] = []


class _Task(BaseModel):
    id: int | str = ""
    data: dict[str, Any]
    file_upload: str | None = None
    annotations: list[_Annotation]


@dataclass(frozen=True)
class Region:
    """Holds words given to stretches of a video, or, without stretches, to the whole.

    ``stretches`` are first and last frame, counted from 1 and both included, where ``in_frames``;
    else seconds. The end is infinite where it is the video's. What is no label has no words.
    """

    words: tuple[str, ...]
    stretches: tuple[tuple[float, float], ...]
    in_frames: bool


@dataclass
class Annotation:
    """Holds what one person said about a task."""

    who: str
    ground_truth: bool
    regions: list[Region] = field(default_factory=list)


@dataclass
class StudioTask:
    """Holds a task; ``place`` names it as Label Studio does.

    ``fps``, and the video's ``frames`` and ``length_s`` as it was labelled, may be untold (None).
    """

    place: str
    data: Mapping[str, Any]
    upload: str
    fps: float | None
    frames: float | None = None
    length_s: float | None = None
    annotations: list[Annotation] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_tasks(path: Path) -> Iterator[StudioTask | Problem]:
    """Read the tasks of an export, in its order; cancelled annotations are left out."""
    content = read_file(path)
    if isinstance(content, Problem):
        yield content
        return
    try:
        tasks = json.loads(content)
    except (ValueError, RecursionError) as error:
        row = getattr(error, "lineno", None)
        yield malformed(path, row, f"is no JSON: {str(error)[:200]}", _EXPORT)
        return
    if not isinstance(tasks, list):
        yield malformed(path, None, "is no list of tasks", _EXPORT)
        return
    for number, task in enumerate(tasks, start=1):
        yield _task(path, number, task)


def _task(path: Path, number: int, raw: object) -> StudioTask | Problem:
    try:
        task = _Task.model_validate(raw)
    except ValidationError as error:
        return malformed(path, None, f"task {number} of the list: {_first(error)}", _EXPORT)
    rates = (_positive(task.data.get(key)) for key in _FPS_KEYS)
    read = StudioTask(
        place=f"task {task.id or number}",
        data=task.data,
        upload=task.file_upload or "",
        fps=next(filter(None, rates), None),
    )
    for annotation in task.annotations:
        if annotation.was_cancelled:
            continue
        said = Annotation(_who(annotation), bool(annotation.ground_truth))
        read.annotations.append(said)
        for result in annotation.result:
            _add_region(path, result, said, read)
    return read


def _add_region(path: Path, result: Mapping[str, Any], said: Annotation, task: StudioTask) -> None:
    value = result.get("value")
    if not isinstance(value, dict):
        return  # a relation between regions
    words = _words(value)
    # What is labelled in a text has letters, not times, for an extent.
    if not words or "text" in value:
        said.regions.append(Region((), (), in_frames=False))
        return
    try:
        extent = _Value.model_validate(value)
    except ValidationError as error:
        fault = f"{task.place}: region {result.get('id')!r}: {_first(error)}"
        task.problems.append(malformed(path, None, fault, "correct the region and export again"))
        return
    if extent.framesCount and extent.duration:
        task.fps = extent.framesCount / extent.duration
    task.frames = extent.framesCount or task.frames
    # The second is how Label Studio writes it of labels in seconds.
    task.length_s = extent.duration or _positive(result.get("original_length")) or task.length_s
    in_frames = bool(extent.ranges or extent.sequence)
    said.regions.append(Region(words, tuple(_stretches(extent)), in_frames))


def _words(value: Mapping[str, Any]) -> tuple[str, ...]:
    lists = [words for key in _LABEL_KEYS if isinstance(words := value.get(key), list)]
    return tuple(word for words in lists for word in words if isinstance(word, str))


def _stretches(value: _Value) -> Iterator[tuple[float, float]]:
    if value.ranges:
        yield from ((part.start, part.end) for part in value.ranges)
    elif value.sequence:
        yield from _lifespans(value.sequence, value.framesCount or math.inf)
    elif value.start is not None and value.end is not None:
        yield value.start, value.end


def _lifespans(sequence: Sequence[_Keyframe], frames: float) -> Iterator[tuple[float, float]]:
    """Yield when a region is seen: from an enabled keyframe on, until one that is not."""
    first: float | None = None
    for key in sorted(sequence, key=lambda key: key.frame):
        first = key.frame if first is None else first
        if not key.enabled:
            yield first, key.frame
            first = None
    if first is not None:
        yield first, frames


def _who(annotation: _Annotation) -> str:
    by = annotation.completed_by
    name = by.get("email", by.get("id")) if isinstance(by, dict) else by
    return f"annotation {annotation.id}" + (f" by {name}" if name is not None else "")


def _positive(value: object) -> float | None:
    try:
        number = float(value) if isinstance(value, int | float | str) else 0.0
    except (ValueError, OverflowError):
        return None
    return number if 0 < number < math.inf else None


def _first(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
