"""Footage that lies on S3: listed in a source's ``remote.csv``, fetched one video at a time."""

import csv
import io
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from aislewatch.errors import FootageError
from aislewatch.files import whole_file
from aislewatch.tables import places

_SCHEME = "s3://"
# Bytes asked for at once: a video of an hour is a hundred requests.
_BLOCK = 16 << 20
_AGAIN = "list it again: `aislewatch footage ADDRESS FOLDER`"


@dataclass(frozen=True)
class RemoteFile:
    """A video that lies on S3.

    Args:
        file: its path below the source's folder, as if it lay there.
        address: of the object, without any login.
        size: bytes.
        etag: what the server calls this state of it: another one where its bytes changed.
    """

    file: str
    address: str
    size: int
    etag: str

    def name(self) -> str:
        """Return a file name that no other object, and no other state of this one, has."""
        return sha256("\0".join(map(str, astuple(self)[1:])).encode()).hexdigest()


_COLUMNS = [part.name for part in fields(RemoteFile)]


def list_address(address: str) -> list[RemoteFile]:
    """List the objects below an address ``s3://bucket/prefix``, sorted.

    Raises:
        FootageError: it is no such address, the server does not answer, or nothing is there.
    """
    if not address.startswith(_SCHEME) or "@" in address:
        raise FootageError(
            f"footage is listed from an address as {_SCHEME}bucket/folder, without a login in it: "
            "that is read from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or ~/.aws"
        )
    with _told(address):
        store, root = _open(address)
        found: dict[str, dict[str, Any]] = store.find(root, detail=True)
    listed = []
    for path, facts in sorted(found.items()):
        file = path.removeprefix(root.rstrip("/") + "/")
        # A bucket browser's "folders" are empty objects.
        if file and not path.endswith("/") and facts["type"] == "file":
            listed.append(RemoteFile(file, _SCHEME + path, int(facts["size"]), _etag(facts)))
    if not listed:
        raise FootageError(f"nothing is below {address}; see to the bucket's and folder's names")
    return listed


def write_list(folder: Path, files: Sequence[RemoteFile]) -> Path:
    """Write a source's list, whole or not at all."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(_COLUMNS)
    rows.writerows(astuple(one) for one in files)
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / places.REMOTE_LIST) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")
    return folder / places.REMOTE_LIST


def read_list(folder: Path) -> list[RemoteFile]:
    """Read a source's list; nothing where it has none.

    Raises:
        FootageError: a line is not as ``write_list`` writes it.
    """
    path = folder / places.REMOTE_LIST
    if not path.is_file():
        return []
    files = []
    with path.open(newline="", encoding="utf-8") as lines:
        rows = csv.reader(lines)
        if next(rows, None) != _COLUMNS:
            raise FootageError(f"{path}, line 1: not {','.join(_COLUMNS)}; {_AGAIN}")
        for row in rows:
            where = f"{path}, line {rows.line_num}"
            if len(row) != len(_COLUMNS) or not row[2].isdecimal():
                raise FootageError(f"{where}: not a file, address, size and etag; {_AGAIN}")
            place = PurePosixPath(row[0])
            if place.is_absolute() or ".." in place.parts or not row[1].startswith(_SCHEME):
                raise FootageError(
                    f"{where}: {row[0]!r} leads out of its folder; rename the object"
                )
            files.append(RemoteFile(row[0], row[1], int(row[2]), row[3]))
    return files


@contextmanager
def fetched(remote: RemoteFile, scratch: Path) -> Iterator[Path]:
    """Bring a video into a folder of its own for as long as it is worked on.

    Raises:
        FootageError: it is gone, has changed since it was listed, or cannot be fetched.
    """
    with tempfile.TemporaryDirectory(prefix="fetched-", dir=scratch) as name:
        file = Path(name) / PurePosixPath(remote.file).name
        with _told(remote.address):
            store, path = _open(remote.address)
            # Of the state that it has now: each of its blocks is asked for by the etag.
            source = store.open(path, "rb", block_size=_BLOCK)
        with source, file.open("wb") as target:
            if _etag(source.details) != remote.etag:
                raise FootageError(f"{remote.address} has changed since it was listed; {_AGAIN}")
            while block := _next_block(source, remote.address):
                target.write(block)
        yield file


def _etag(facts: Mapping[str, Any]) -> str:
    return str(facts["ETag"]).strip('"')


def _next_block(source: Any, address: str) -> bytes:
    # By itself, so that a full disk here is not taken for a fault of the server.
    with _told(address):
        return bytes(source.read(_BLOCK))


def _open(address: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    # What was listed before is asked for again: nothing here may be of an earlier moment.
    store, path = url_to_fs(address, skip_instance_cache=True, use_listings_cache=False)
    return store, str(path)


@contextmanager
def _told(address: str) -> Iterator[None]:
    """Turn what the libraries of S3 raise into our words; they have no error in common."""
    try:
        yield
    except ImportError:
        raise FootageError(
            f"{address} needs what speaks S3: `pip install 'aislewatch[s3]'`"
        ) from None
    except FileNotFoundError:
        raise FootageError(f"{address} is not there (any more); {_AGAIN}") from None
    except PermissionError:
        raise FootageError(
            f"the server refuses {address}; see to AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and "
            "the rights on the bucket"
        ) from None
    except Exception as error:
        # Its words may hold a login; its kind does not.
        raise FootageError(
            f"{address} cannot be read ({type(error).__name__}); see to the network, to "
            "AWS_ENDPOINT_URL where the server is not Amazon's, and to the login in "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or ~/.aws"
        ) from None
