"""Finds the video that a label file means: people write paths, addresses, bare names or stems."""

import os
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from aislewatch.labels.addresses import paths_of
from aislewatch.labels.problems import Problem, some
from aislewatch.tables import places


class _Index:
    """Finds files of a source by the last part of their path, with and without its suffix."""

    def __init__(self, relative: Iterable[str]) -> None:
        self.paths: dict[str, list[str]] = {}
        self.stems: dict[str, list[str]] = {}
        for path in sorted(relative):
            name = PurePosixPath(_normal(path))
            self.paths.setdefault(name.name, []).append(path)
            self.stems.setdefault(name.stem, []).append(path)

    def find(self, written: str, source: str) -> list[str]:
        """List what ``written`` may mean: an exact path, else a file name, else a stem."""
        last = PurePosixPath(written).name
        named = [p for p in self.paths.get(last, ()) if _means(written, _normal(p), source)]
        exact = [path for path in named if _normal(path) == written]
        if exact or named:
            return exact or named
        stems = self.stems.get(last, ())
        return [p for p in stems if _means(written, _without_suffix(_normal(p)), source)]


@dataclass(frozen=True)
class VideoNames:
    """Resolves what a label file calls a video.

    A video may be written as its path below the source's folder, as the end of that path (a bare
    file name is the shortest) where only one video ends so, or either without the suffix. A longer
    path, as a label tool knew it, is accepted where it ends in the source's folder and the path
    below it. An address means the path in it.

    Args:
        raw: the folder of all sources.
        source: the source's folder in it.
        videos: its accepted videos, by name relative to ``raw``.
    """

    raw: Path
    source: str
    videos: Iterable[str] = field(repr=False)

    def find(self, file: str, row: int | None, *spellings: str) -> str | Problem:
        """Find the video's name relative to ``raw``, or say what is wrong with how it is written.

        Args:
            file: the label file, for the problem.
            row: the line in it, for the problem.
            spellings: what may stand for the video; the first that means any decides.
        """
        addresses = (path for spelling in spellings for path in paths_of(spelling))
        written = list(dict.fromkeys(path for path in map(_cleaned, addresses) if path))
        if not written:
            remedy = "write the video's path below the source's folder"
            return Problem(file, row, "", "error", "known_video", "no video is named", remedy)
        for spelling in written:
            found = self._accepted.find(spelling, self.source)
            if len(found) == 1:
                return f"{self.source}/{found[0]}"
            if found:
                return self._ambiguous(file, row, spelling, found)
            # Before a less exact spelling is tried: it may mean another video of this name.
            if len(refused := self._present.find(spelling, self.source)) == 1:
                fault = "the video was refused by ingest"
                remedy = f"see {places.QUARANTINE}; repair the file or remove the row"
                name = f"{self.source}/{refused[0]}"
                return Problem(file, row, name, "warning", "quarantined", fault, remedy)
        return self._unknown(file, row, written)

    @cached_property
    def _accepted(self) -> _Index:
        return _Index(video.removeprefix(f"{self.source}/") for video in self.videos)

    @cached_property
    def _present(self) -> _Index:
        """List all files of the folder, unopened: what is there but no video was refused."""
        return _Index(_files(self.raw / self.source))

    def _ambiguous(self, file: str, row: int | None, written: str, found: list[str]) -> Problem:
        fault = f"{written!r} may be one of {some(found)}"
        remedy = f"write the path below {self.source}/, as in {found[0]}"
        return Problem(file, row, f"{self.source}/{written}", "error", "one_video", fault, remedy)

    def _unknown(self, file: str, row: int | None, written: list[str]) -> Problem:
        alike = [path for name in written for path in self._alike.get(_letters(name), ())]
        hint = f"did you mean {alike[0]}? Else add" if alike else "add"
        fault = f"there is no video {written[0]!r} in {self.source}/"
        remedy = f"{hint} the file or remove the row"
        name = f"{self.source}/{written[-1]}"
        return Problem(file, row, name, "error", "known_video", fault, remedy)

    @cached_property
    def _alike(self) -> dict[str, list[str]]:
        """Map the letters and digits of a stem to the accepted videos with it.

        Finds another suffix, case, folder or separator at once; measuring how alike ten thousand
        wrong names and as many videos are would take hours.
        """
        alike: dict[str, list[str]] = {}
        for stem, paths in self._accepted.stems.items():
            alike.setdefault(_letters(stem), []).extend(paths)
        return alike


def _cleaned(written: str) -> str:
    """Write a path with POSIX separators and composed accents, without ``./`` and outer blanks."""
    # JSON may hold half a surrogate pair, which no report could be written with.
    valid = written.encode(errors="backslashreplace").decode()
    path = _normal(valid.strip().replace("\\", "/"))
    while path.startswith("./"):
        path = path[2:]
    return path.rstrip("/")


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, PurePosixPath(name).stem.casefold()))


def _normal(name: str) -> str:
    """Compose accents: macOS writes file names decomposed, label tools mostly do not."""
    return unicodedata.normalize("NFC", name)


def _means(written: str, path: str, source: str) -> bool:
    return f"/{path}".endswith(f"/{written.lstrip('/')}") or f"/{written}".endswith(
        f"/{source}/{path}"
    )


def _without_suffix(path: str) -> str:
    return PurePosixPath(path).with_suffix("").as_posix()


def _files(folder: Path) -> Iterator[str]:
    for parent, _, files in os.walk(folder):
        for name in files:
            yield (Path(parent) / name).relative_to(folder).as_posix()
