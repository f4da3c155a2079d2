"""Tells what the system refused as such, whichever library met it: above all a full disk."""

import errno
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from aislewatch.errors import AislewatchError, PipelineError

_FULL = {errno.ENOSPC, errno.EDQUOT}

# What libraries say of a full disk without the system's number for it, tried on a full file
# system: safetensors, torch.save (which is at another place in the file), numpy, SQLite, tempfile.
_WORDS = re.compile(
    r"No space left on device|unexpected pos \d+ vs \d+|PytorchStreamWriter failed writing"
    r"|\d+ requested and \d+ written|database or disk is full|No usable temporary directory"
    r"|Disk quota exceeded"
)

# What else no code of ours can mend, and what a person can do about it.
_ADVICE = {
    errno.EACCES: "give this user the right to it",
    errno.EPERM: "give this user the right to it",
    errno.EROFS: "mount it so that it can be written, or work in another folder",
    errno.EFBIG: "raise `ulimit -f`, or take a file system whose files may be larger",
    errno.EMFILE: "raise `ulimit -n`",
    errno.EIO: "its disk or network drive fails: `dmesg` says more",
    errno.ESTALE: "mount its network drive again",
    errno.EISDIR: "put a file in its place",
    errno.ENOTDIR: "put a folder in its place",
}


def told_refused(error: BaseException) -> AislewatchError | None:
    """Make an error of ours of one that the system gave a file; None for any other error."""
    for one in _chain(error):
        if isinstance(one, OSError) and one.errno in _ADVICE:
            where = f"{one.filename}: " if one.filename else ""
            said = one.strerror or str(one)
            return PipelineError(f"{where}{said} -> {_ADVICE[one.errno]}, and run the same again")
    return None


def told_full(error: BaseException) -> AislewatchError | None:
    """Make an error of ours of one that a full disk caused; None for any other error.

    What was being written is removed by whoever wrote it, so there may be space again by now.
    """
    if isinstance(error, AislewatchError) or not any(map(_is_full, _chain(error))):
        return None
    named = [one.filename for one in _chain(error) if isinstance(one, OSError) and one.filename]
    folders = [Path(str(name)).absolute().parent for name in named] or [Path.cwd()]
    with suppress(FileNotFoundError):  # Where there is room for none, the error says so itself.
        folders.append(Path(tempfile.gettempdir()))
    folder = min(folders, key=_free)
    return PipelineError(
        f"the disk of {folder} is full ({_free(folder) / 2**20:,.0f} MiB free): free some space "
        "there, for example with `dvc gc -w` or by removing `.aislewatch/store`, and run the "
        "same again; what was finished before is kept, and nothing half-written is"
    )


def _is_full(error: BaseException) -> bool:
    return getattr(error, "errno", None) in _FULL or _WORDS.search(str(error)) is not None


def _chain(error: BaseException) -> Iterator[BaseException]:
    one: BaseException | None = error
    while one is not None:
        yield one
        one = one.__cause__ or one.__context__


def _free(folder: Path) -> float:
    there = next((place for place in (folder, *folder.parents) if place.exists()), Path("/"))
    return float(shutil.disk_usage(there).free)
