"""Reads the XML of CVAT 1.1, "for video" and "for images", with the line of everything.

Streamed, since a file holds a box for every frame of every track. A document type is refused, so
that no entity is ever expanded or fetched.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from aislewatch.labels import times
from aislewatch.labels.problems import Problem
from aislewatch.labels.reading import malformed, open_file, unreadable

_EXPORT = "export the task from CVAT as 'CVAT for video 1.1'"
_STEP = re.compile(r"\s*step\s*=\s*([1-9]\d{0,8})\s*", re.ASCII)
_SHAPES = frozenset(
    {"box", "polygon", "polyline", "points", "cuboid", "ellipse", "mask", "skeleton"}
)
_FIELDS = ("id", "name", "subset", "size", "start_frame", "stop_frame", "frame_filter", "source")


@dataclass(frozen=True)
class CvatTask:
    """Describes a video as CVAT knew it: frames ``start``, ``start + step``, ... up to ``stop``.

    ``size`` counts them; it and ``stop`` may be untold. ``offset`` is what a project's export adds
    to the frames of the original video.
    """

    line: int
    id: str
    name: str
    source: str
    labels: frozenset[str]
    start: int
    step: int
    stop: int | None
    size: int | None
    offset: int

    @property
    def last(self) -> int | None:
        """Return the number of its last frame, where that is told."""
        if self.stop is None and self.size:
            return self.start + self.step * (self.size - 1)
        return self.stop

    @property
    def counted(self) -> tuple[int, int] | None:
        """Return the fewest and the most frames of a video whose end the task covers."""
        return None if self.last is None else (self.last + 1, self.last + self.step)


@dataclass
class Track:
    """Holds something labelled; ``shapes`` are (frame as written, is visible) in the file's order.

    ``task`` is empty where the file has only one. Where ``images``, each shape stands for itself;
    else a shape holds until the next.
    """

    line: int
    label: str
    task: str
    images: bool = False
    shapes: list[tuple[int, bool]] = field(default_factory=list)


@dataclass
class Document:
    """Holds what one file says."""

    tasks: list[CvatTask] = field(default_factory=list)
    tracks: list[Track] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_document(path: Path) -> Document | Problem:
    """Parse one file; what makes a part of it useless is among its problems."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    handler = _Handler(path, parser)
    parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    parser.CharacterDataHandler = handler.text
    parser.StartDoctypeDeclHandler = handler.doctype
    try:
        with open_file(path) as file:
            parser.ParseFile(file)
    except OSError as error:
        return unreadable(path, error)
    except _RefusedError as error:
        return malformed(path, parser.CurrentLineNumber, str(error), _EXPORT)
    except (expat.ExpatError, ValueError, LookupError) as error:
        return malformed(path, parser.CurrentLineNumber, f"is no XML from here: {error}", _EXPORT)
    return handler.document()


class _RefusedError(Exception):
    """Says that a file is XML, but none that we read."""


class _Handler:
    """Takes what expat reads; ``_meta`` holds the line and the fields of each task."""

    def __init__(self, path: Path, parser: expat.XMLParserType) -> None:
        self._path, self._parser = path, parser
        self._open: list[str] = []
        self._text: list[str] = []
        self._meta: list[tuple[int, dict[str, str]]] = []
        self._source = ""
        self._labels: set[str] = set()
        self._image = ("", "")
        self._document = Document()

    def doctype(self, *_: object) -> None:
        raise _RefusedError("has a document type, which may hold entities; it is not read")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._open and name != "annotations":
            raise _RefusedError(f"begins with <{name}>, not with the <annotations> of CVAT 1.1")
        parent = self._open[-1] if self._open else ""
        self._open.append(name)
        self._text.clear()
        line = self._parser.CurrentLineNumber
        label, task = attributes.get("label", ""), attributes.get("task_id", "")
        if name in ("task", "job"):
            self._meta.append((line, {}))
        elif name == "track":
            self._document.tracks.append(Track(line, label, task))
        elif name == "image":
            self._image = (attributes.get("id", ""), task)
        elif parent == "track" and name in _SHAPES:
            visible = attributes.get("outside") != "1"
            self._shape(self._document.tracks[-1], attributes.get("frame", ""), visible)
        elif parent == "image" and (name in _SHAPES or name == "tag"):
            track = Track(line, label, self._image[1], images=True)
            self._document.tracks.append(track)
            self._shape(track, self._image[0], True)

    def text(self, text: str) -> None:
        if self._open[-1] in _FIELDS:
            self._text.append(text)

    def end(self, name: str) -> None:
        self._open.pop()
        parent = self._open[-1] if self._open else ""
        text = "".join(self._text).strip()
        if parent in ("task", "job") and name in _FIELDS:
            self._meta[-1][1][name] = text
        elif parent == "meta" and name == "source":
            self._source = text
        elif parent == "label" and name == "name":
            self._labels.add(text)

    def document(self) -> Document:
        """Return all that was read, once the file is at its end."""
        if not self._meta:
            fault = "has no <task> that says which video and frames it is about"
            self._document.problems.append(malformed(self._path, None, fault, _EXPORT))
        offset, subset = 0, None
        for line, fields in sorted(self._meta, key=_project_order):
            if fields.get("subset") != subset:
                offset, subset = 0, fields.get("subset")
            task = self._task(line, fields, offset)
            self._document.tasks.append(task)
            # As CVAT's ProjectData counts: a project's frames go on where its last task ended.
            offset += task.start + task.step * (task.size or 0)
        return self._document

    def _task(self, line: int, fields: dict[str, str], offset: int) -> CvatTask:
        written = fields.get("frame_filter", "")
        step = _STEP.fullmatch(written)
        if written and not step:
            fault = f"the frame filter {written!r} is not understood"
            self._document.problems.append(malformed(self._path, line, fault, _EXPORT))
        return CvatTask(
            line=line,
            id=fields.get("id", ""),
            name=fields.get("name", ""),
            source=fields.get("source", "") or self._source,
            labels=frozenset(self._labels),
            start=self._number(line, "start_frame", fields) or 0,
            step=int(step[1]) if step else 1,
            stop=self._number(line, "stop_frame", fields),
            size=self._number(line, "size", fields),
            offset=offset,
        )

    def _number(self, line: int, name: str, fields: dict[str, str]) -> int | None:
        if not fields.get(name):
            return None
        try:
            return times.read_frame(fields[name])
        except ValueError:
            fault = f"<{name}> is {fields[name]!r}, which is no number of frames"
            self._document.problems.append(malformed(self._path, line, fault, _EXPORT))
            return None

    def _shape(self, track: Track, frame: str, visible: bool) -> None:
        try:
            track.shapes.append((times.read_frame(frame), visible))
        except ValueError:
            fault = f"the frame of a {track.label!r} is {frame!r}, which is no frame"
            line = self._parser.CurrentLineNumber
            self._document.problems.append(malformed(self._path, line, fault, _EXPORT))


def _project_order(task: tuple[int, dict[str, str]]) -> tuple[str, int, str]:
    """Sort a project's tasks as CVAT exports them: by subset, then by number."""
    number = task[1].get("id", "")
    return task[1].get("subset", ""), int(number) if number.isdecimal() else 0, number
