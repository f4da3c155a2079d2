"""Reads kept footage, ``<live>/footage/<camera>/<yyyymmddThhmmss>Z.mp4``, and cuts clips out of it.

The name is when a file's first picture was taken, UTC, ``….250Z`` to the millisecond. Beside it may
lie ``….json`` with the scores of its clips: ``threshold`` and ``scores``, each with ``start_s``,
``end_s`` and ``score``.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aislewatch.desk.evidence import duration, told
from aislewatch.errors import FootageError
from aislewatch.evidence.blur import blurred
from aislewatch.evidence.film import FilmWriter
from aislewatch.evidence.kept import files_kept
from aislewatch.files import sha256_file, whole_folder, write_json

CUT = "cut"

# How a page writes a time.
SHOWN = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True)
class Piece:
    """A file of kept footage: ``begin`` in seconds since 1970, ``length_s``."""

    path: Path
    camera: str
    begin: float
    length_s: float

    @property
    def end(self) -> float:
        """Return when it ends, in seconds since 1970."""
        return self.begin + self.length_s


def pieces(live: Path, camera: str, begin: float, end: float) -> list[Piece]:
    """List a camera's files that hold something of a span of time, oldest first.

    A file that is still being written, or is none, is passed over.
    """
    found = []
    files = files_kept(live, camera)
    for number, file in enumerate(files):
        following = files[number + 1].begin if number + 1 < len(files) else float("inf")
        # A camera's files do not overlap; days of them need not be opened to be passed over.
        if file.begin >= end or following <= begin:
            continue
        try:
            piece = Piece(file.path, camera, file.begin, duration(file.path))
        except (ValueError, OSError, IndexError, av.FFmpegError):
            continue
        if piece.end > begin:
            found.append(piece)
    return found


def kept_instead(live: Path, camera: str, at: float) -> str:
    """Say that nothing of a camera is kept at a time, and from when to when something is."""
    files = files_kept(live, camera)
    asked = f"nothing of the camera {camera!r} is kept at {told(at, SHOWN)} UTC"
    if not files:
        return f"{asked}, and nothing else of it; choose another camera"
    first, last = (told(file.begin, SHOWN) for file in (files[0], files[-1]))
    return (
        f"{asked}; its oldest file begins at {first}, its newest at {last}. What happened just now "
        "is there once its file is full: try again in a minute or two"
    )


def cut_clip(
    live: Path, kind: str, found: Sequence[Piece], begin: float, length_s: float
) -> dict[str, Any]:
    """Cut a clip out of kept footage as a folder like that of an alert; return its row.

    Args:
        live: the live folder.
        kind: audit, near or missed.
        found: the files that may hold it, of one camera.
        begin: when it begins, in seconds since 1970.
        length_s: how long it should be; footage may end before.

    Raises:
        FootageError: no picture of that time is kept.
    """
    camera = found[0].camera if found else ""
    digest = hashlib.sha256(f"{camera} {begin:.3f} {kind}".encode()).hexdigest()[:8]
    name = re.sub(r"[^A-Za-z0-9_-]", "_", camera).lstrip("_-")[:80] or "camera"
    clip = f"{name}-{told(begin, '%Y%m%dT%H%M%S')}-{kind}-{digest}"
    with whole_folder(live / CUT / clip) as folder:
        length = _write(folder, found, begin, begin + length_s)
        if length is None:
            raise FootageError(f"no footage of {camera or 'this camera'} is kept at {told(begin)}")
        write_json(folder / "timeline.json", {"film_begin": told(begin), "camera": camera})
        digests = {path.name: sha256_file(path) for path in sorted(folder.iterdir())}
        write_json(folder / "manifest.json", digests)
    return {
        "id": clip,
        "kind": kind,
        "folder": f"{CUT}/{clip}",
        "camera": camera,
        "begin": begin,
        "end": begin + length,
        "raised": begin + length,
        # Nobody has said yet when: the middle third is offered.
        "start_s": length / 3,
        "end_s": 2 * length / 3,
        "duration_s": length,
        "score": None,
        "threshold": None,
        "model": "",
        "shadow": False,
        "stored": True,
        "held": False,
    }


def _write(folder: Path, found: Sequence[Piece], begin: float, end: float) -> float | None:
    """Write both films and the poster; return the length in seconds, None without a picture."""
    poster, last_s = None, 0.0
    with FilmWriter(folder / "original.mp4") as original, FilmWriter(folder / "clip.mp4") as film:
        for at, rgb_HWC in _pictures(found, begin, end):
            hidden_HWC = blurred(rgb_HWC, ())
            original.add(at - begin, rgb_HWC)
            film.add(at - begin, hidden_HWC)
            last_s = at - begin
            poster = hidden_HWC if poster is None else poster
        if poster is None:
            return None
        original.finish()
        film.finish()
    Image.fromarray(poster).save(folder / "poster.jpg", quality=85)
    return last_s


def _pictures(
    found: Sequence[Piece], begin: float, end: float
) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    for piece in found:
        if piece.end <= begin or piece.begin >= end:
            continue
        with av.open(str(piece.path)) as container:
            stream = container.streams.video[0]
            if begin > piece.begin and stream.time_base:
                container.seek(int((begin - piece.begin) / stream.time_base), stream=stream)
            for frame in container.decode(stream):
                at = piece.begin + (frame.time or 0.0)
                if at >= end:
                    break
                if at >= begin:
                    yield at, frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
