"""Names, lists and deletes files of kept footage: ``<live>/footage/<camera>/<UTC>Z.mp4``."""

from collections.abc import Callable, Mapping, Sequence
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
    kept = [file for camera in cameras_kept(live) for file in files_kept(live, camera)]
    kept.sort(key=lambda file: file.begin)
    sizes = {file.path: _size(file.path) + _size(file.path.with_suffix(".json")) for file in kept}
    total = sum(sizes.values())
    if total <= most_bytes and not any(_written(file) < before for file in kept):
        return 0
    spans, deleted = needed(), 0
    for number, file in enumerate(kept):
        is_old = _written(file) < before
        if (is_old or total > most_bytes) and not _is_needed(file, kept[number + 1 :], spans):
            file.delete()
            total -= sizes[file.path]
            deleted += 1
    return deleted


def _is_needed(file: KeptFile, later: Sequence[KeptFile], spans: Spans) -> bool:
    """Say whether a span may meet the file, which lasts until its camera's next one at most."""
    if file.camera not in spans:
        return False
    end = next((other.begin for other in later if other.camera == file.camera), _written(file))
    return any(begin < end and file.begin < until for begin, until in spans[file.camera])


def _written(file: KeptFile) -> float:
    return file.path.stat().st_mtime


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
