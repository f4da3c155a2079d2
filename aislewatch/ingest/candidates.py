"""Lists the files of a source that may be videos."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from aislewatch.errors import FootageError, QuarantinedError
from aislewatch.ingest.remedies import REMOVE
from aislewatch.ingest.remote import RemoteFile, read_list

# Files that lie beside footage and are not meant as such: labels, notes, exports of label tools.
NOT_FOOTAGE = frozenset(
    {
        *(".csv", ".json", ".jsonl", ".md", ".ndjson", ".parquet", ".tsv", ".txt", ".xml"),
        *(".xls", ".xlsx", ".ods", ".eaf", ".pfsx", ".boris", ".srt", ".vtt"),
    }
)


@dataclass(frozen=True)
class Candidate:
    """A file below a source folder; ``video`` is its POSIX path relative to ``data/raw``.

    Where ``remote`` says that it lies elsewhere, ``path`` is where it would lie.
    """

    video: str
    path: Path
    source: str
    remote: RemoteFile | None = None


def list_candidates(raw: Path, sources: Sequence[str]) -> list[Candidate]:
    """List everything that may be a video, sorted, without hidden files and NOT_FOOTAGE.

    Links to folders are listed and not followed.

    Raises:
        FootageError: a source folder is missing.
    """
    found = []
    for source in sources:
        if not (raw / source).is_dir():
            raise FootageError(_missing(raw, source))
        for path in _walk(raw / source):
            video = path.relative_to(raw).as_posix()
            found.append(Candidate(video, path, source))
    return sorted(found, key=lambda candidate: candidate.video)


def list_remote(raw: Path, sources: Sequence[str]) -> list[Candidate]:
    """List the videos of the sources' lists of remote footage that do not lie here, too.

    Raises:
        FootageError: a list is damaged.
    """
    found = []
    for source in sources:
        for remote in read_list(raw / source):
            path = raw / source / remote.file
            if path.suffix.lower() not in NOT_FOOTAGE and not os.path.lexists(path):
                video = path.relative_to(raw).as_posix()
                found.append(Candidate(video, path, source, remote))
    return sorted(found, key=lambda candidate: candidate.video)


def check_candidate(candidate: Candidate) -> None:
    """Raise QuarantinedError for what is no regular file inside the source folder."""
    try:
        mode = candidate.path.lstat().st_mode
    except OSError as error:
        raise unreadable(error) from None
    if stat.S_ISLNK(mode):
        words = "it is a link, which may lead out of the source's folder"
        raise QuarantinedError("symlink", words, "copy the file itself there")
    if stat.S_ISDIR(mode):
        words, remedy = "the folder cannot be listed", "correct its permissions"
        raise QuarantinedError("unreadable", words, remedy)
    if not stat.S_ISREG(mode):
        raise QuarantinedError("not-a-regular-file", "a pipe, socket or device is no video", REMOVE)
    try:
        candidate.video.encode()
    except UnicodeEncodeError:
        raise QuarantinedError("unreadable", "its name is not UTF-8", "rename the file") from None


def unreadable(error: OSError) -> QuarantinedError:
    """Return the refusal of a file that the system does not let us read."""
    words = error.strerror or type(error).__name__
    return QuarantinedError("unreadable", words, "let the user who runs this read the file")


def printable(video: str) -> str:
    """Return the name as valid UTF-8, with escapes where it was not."""
    return video.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _walk(folder: Path) -> Iterator[Path]:
    unreadable: list[Path] = []
    walk = os.walk(folder, onerror=lambda error: unreadable.append(Path(error.filename)))
    for parent, folders, files in walk:
        links = [name for name in folders if _is_link(Path(parent) / name)]
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files + links:
            if not name.startswith(".") and Path(name).suffix.lower() not in NOT_FOOTAGE:
                yield Path(parent) / name
    yield from unreadable


def _is_link(path: Path) -> bool:
    try:
        return path.is_symlink()
    except OSError:  # A path that is too long to be asked about; listing it will fail, and be told.
        return False


def _missing(raw: Path, source: str) -> str:
    present = sorted(p.name for p in raw.iterdir() if p.is_dir()) if raw.is_dir() else []
    there = f"it holds {', '.join(present)}" if present else "it holds no folder"
    return (
        f"source {source!r} is no folder in {raw} ({there}); put the footage there or correct "
        "`sources` in params.yaml"
    )
