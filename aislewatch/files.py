"""Writes outputs whole or not at all, and computes digests of files and folders."""

import glob
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from aislewatch.alive import still_runs
from aislewatch.errors import PipelineError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

# Bytes read at a time while hashing: 1 MiB keeps a read in the CPU's cache; larger gained nothing.
HASH_BLOCK = 1 << 20


def fsync_folder(folder: Path) -> None:
    """Make the folder's entries (a rename in it) survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def move_synced(source: Path, target: Path) -> None:
    """Sync a finished file and move it over ``target``, on one file system.

    The move itself survives a power cut only after ``fsync_folder(target.parent)``.
    """
    _fsync_file(source)
    source.replace(target)


def _fsync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def remove_abandoned(folder: Path, name: str = "*") -> None:
    """Remove what killed processes left half written of an entry of a folder, or of all."""
    for left in folder.glob(f".{name}.*.tmp"):
        if _is_abandoned(left):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


def _temporary_prefix(path: Path) -> str:
    """Return the prefix of temporary names beside ``path``; remove what killed processes left."""
    remove_abandoned(path.parent, glob.escape(path.name))
    return f".{path.name}.{os.getpid()}-"


def _is_abandoned(temporary: Path) -> bool:
    """Say whether the process that made it, whose number is in its name, has ended."""
    process_id = temporary.name.rsplit(".", 2)[1].split("-")[0]
    try:
        return not still_runs(int(process_id), temporary.stat().st_mtime)
    except FileNotFoundError:
        return False
    except ValueError:
        return True


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it is synced and renamed over ``path``.

    On any exception the temporary file is removed and ``path`` stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(
        prefix=_temporary_prefix(path), suffix=".tmp", dir=path.parent
    )
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        _fsync_file(temporary)
        temporary.replace(path)
        fsync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``path``; on success it replaces ``path`` as a whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(
        tempfile.mkdtemp(prefix=_temporary_prefix(path), suffix=".tmp", dir=path.parent)
    )
    try:
        yield temporary
        temporary.chmod(0o755)
        for file in temporary.rglob("*"):
            if file.is_file():
                _fsync_file(file)
        if path.exists():
            shutil.rmtree(path)
        temporary.replace(path)
        fsync_folder(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as sorted, indented JSON, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n")


def write_csv(path: Path, table: "pd.DataFrame", float_format: str | None = None) -> None:
    """Write a table as CSV without its index, whole or not at all."""
    with whole_file(path) as temporary:
        table.to_csv(temporary, index=False, float_format=float_format, lineterminator="\n")


def write_parquet(path: Path, table: "pd.DataFrame") -> None:
    """Write a table as Parquet without its index, whole or not at all."""
    with whole_file(path) as temporary:
        table.to_parquet(temporary, index=False)


def write_parquet_groups(path: Path, schema: "pa.Schema", tables: "Iterable[pd.DataFrame]") -> None:
    """Write tables below each other as Parquet, each a group of rows; one is held at a time.

    For long binary values: no dictionary of them is tried.
    """
    # Here, because most who import this module write no tables, and pyarrow takes 0.2 s.
    import pyarrow as pa
    import pyarrow.parquet as pq

    with (
        whole_file(path) as temporary,
        pq.ParquetWriter(temporary, schema, use_dictionary=False) as writer,
    ):
        for table in tables:
            writer.write_table(pa.Table.from_pandas(table, schema=schema, preserve_index=False))


def read_output(path: Path, *keys: str) -> dict[str, Any]:
    """Read a JSON object that a stage wrote, which has these keys.

    Raises:
        PipelineError: the file is missing or damaged.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PipelineError(f"{path} is missing: `dvc repro` makes it") from None
    except (ValueError, RecursionError) as error:
        values, why = None, f"no JSON: {error}"
    else:
        why = "a key is missing" if isinstance(values, dict) else "no JSON object"
    if not isinstance(values, dict) or not values.keys() >= {*keys}:
        raise PipelineError(f"{path} is damaged ({why}): remove it, and `dvc repro` makes it again")
    return values


def read_yaml(path: Path) -> Any:
    """Parse a YAML 1.2 file as DVC does: ``1e-08`` is a number there, a string in YAML 1.1.

    Raises:
        ruamel.yaml.error.YAMLError: the file is not valid YAML, or no text in UTF-8.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise YAMLError(f"byte {error.start} is no text in UTF-8; save it as such") from None
    return YAML(typ="safe").load(text)


def sha256_file(path: Path) -> str:
    """Compute the sha256 of a file's bytes, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(HASH_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def sha256_tree(folder: Path) -> str:
    """Compute the hex sha256 over the relative names and bytes of every file in a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return tree_digest({f.relative_to(folder).as_posix(): sha256_file(f) for f in files})


def tree_digest(known: Mapping[str, str]) -> str:
    """Compute `sha256_tree` of a folder from the hex sha256 of each file by relative name."""
    digest = hashlib.sha256()
    # By parts, as paths are sorted: "a/b" before "a.b".
    for name in sorted(known, key=lambda name: name.split("/")):
        digest.update(f"{name}\0{known[name]}\n".encode())
    return digest.hexdigest()
