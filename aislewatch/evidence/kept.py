"""Names, lists and deletes files of kept footage: ``<live>/footage/<camera>/<UTC>Z.mp4``."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

FOOTAGE = "footage"  # below the live folder

_STAMP = "%Y%m%dT%H%M%S"

# Spans of time of each camera, begin and end in seconds since 1970.
Spans = Mapping[str, Sequence[tuple[float, float]]]


@dataclass(frozen=True)
class KeptFile:
    """A file of footage: ``begin`` is when its first picture was taken, in seconds since 1970."""

    path: Path
    camera: str
    begin: float

    def delete(self) -> None:
        """Delete it with its scores; another process may do the same."""
        for path in (self.path, self.path.with_suffix(".json")):
            path.unlink(missing_ok=True)


def path_of(live: Path, camera: str, begin: datetime) -> Path:
    """Return where footage is kept whose first picture was taken at a time, to the millisecond."""
    moment = begin.astimezone(UTC)
    name = f"{moment:{_STAMP}}.{moment.microsecond // 1000:03d}Z.mp4"
    return live / FOOTAGE / camera / name


def cameras_kept(live: Path) -> list[str]:
    """List the cameras of which footage is kept."""
    root = live / FOOTAGE
    return sorted(path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else []


def files_kept(live: Path, camera: str) -> list[KeptFile]:
    """List a camera's files, oldest first; what is named otherwise is passed over."""
    if camera not in cameras_kept(live):
        return []
    found = []
    for path in (live / FOOTAGE / camera).glob("[0-9]*Z.mp4"):
        try:
            begin = datetime.fromisoformat(path.stem)
        except ValueError:
            continue
        found.append(KeptFile(path, camera, begin.timestamp()))
    return sorted(found, key=lambda file: file.begin)


def delete_footage(
    live: Path, before: float, most_bytes: float, needed: Callable[[], Spans]
) -> int:
    """Delete footage that is too old, and the oldest of all cameras while it is too much.

    What a hold needs stays, whatever its age, and counts among the bytes.

    Args:
        live: the live folder.
        before: files last written before that time are too old, in seconds since 1970.
        most_bytes: that may be kept of all cameras together.
        needed: tells the spans that stay; asked when something is about to be deleted.

    Returns:
        How many files were deleted.

    Raises:
        DeskError: ``needed`` does not know; nothing was deleted.
    """
    found = [file for camera in cameras_kept(live) for file in files_kept(live, camera)]
    found.sort(key=lambda file: file.begin)
    kept = [(file, state) for file in found if (state := _state(file))]
    total = sum(state.size for _, state in kept)
    if total <= most_bytes and not any(state.written < before for _, state in kept):
        return 0
    spans, deleted = needed(), 0
    for number, (file, state) in enumerate(kept):
        is_old = state.written < before
        later = (other for other, _ in kept[number + 1 :])
        if (is_old or total > most_bytes) and not _is_needed(file, state, later, spans):
            file.delete()
            total -= state.size
            deleted += 1
    return deleted


@dataclass(frozen=True)
class _State:
    size: int  # bytes, with its scores
    written: float  # in seconds since 1970


def _state(file: KeptFile) -> _State | None:
    """Look at a file and its scores once; None where another process has deleted it meanwhile."""
    try:
        film = file.path.stat()
    except FileNotFoundError:
        return None
    scores = file.path.with_suffix(".json")
    with suppress(FileNotFoundError):
        return _State(film.st_size + scores.stat().st_size, film.st_mtime)
    return _State(film.st_size, film.st_mtime)


def _is_needed(file: KeptFile, state: _State, later: Iterable[KeptFile], spans: Spans) -> bool:
    """Say whether a span may meet the file, which lasts until its camera's next one at most."""
    if file.camera not in spans:
        return False
    end = next((other.begin for other in later if other.camera == file.camera), state.written)
    return any(begin < end and file.begin < until for begin, until in spans[file.camera])
