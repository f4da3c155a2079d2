"""Reads what dvc.lock states, as plain YAML, to tie runs to files.

DVC itself is not imported, so nothing here takes DVC's locks or delays the next command.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from ruamel.yaml.error import YAMLError

from aislewatch.files import read_yaml, sha256_file
from aislewatch.tables import places

PIPELINE = Path("dvc.yaml")
LOCK = Path("dvc.lock")
PARAMS = Path("params.yaml")
FOOTAGE = places.RAW.as_posix()
# What .dvcignore names that can lie in a dependency.
UNHASHED = {"__pycache__", "README.md"}


def planned_params(address: str) -> dict[str, Any]:
    """Return the keys of params.yaml that a stage declares in dvc.yaml, with their values.

    Nothing where DVC would have to be asked which keys these are.
    """
    stages = _yaml(PIPELINE).get("stages") or {}
    stage = stages.get(address.split("@")[0]) or {}
    declared = (stage.get("do") or stage).get("params") or []
    keys = [key for key in declared if isinstance(key, str) and "${" not in key]
    values = _yaml(PARAMS)
    return {key: _lookup(values, key) for key in keys}


def lock_entries(lock: Path = LOCK) -> dict[str, Any]:
    """Return the stages of a dvc.lock; none where there is no such file, or git is changing it."""
    entries: dict[str, Any] = _yaml(lock).get("stages") or {}
    return entries


def locked_facts(entry: dict[str, Any]) -> dict[str, Any]:
    """Return what decided a stage's result: command, dependencies' hashes, parameters.

    Parameters of params.yaml stand by their names, those of another file under that file's name.
    """
    params = dict(entry.get("params", {}))
    own = params.pop(PARAMS.name, {})
    return {
        "cmd": entry["cmd"],
        "deps": {item["path"]: hash_of(item) for item in entry.get("deps", [])},
        "params": own | params,
    }


def stage_key(facts: dict[str, Any]) -> str:
    """Compute the sha256 of a stage's facts: equal keys, equal work."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def hash_of(item: dict[str, Any]) -> str:
    """Return the hash that dvc.lock states for a dependency or output.

    It is an md5 of a file or folder; another kind of place has an etag or a checksum instead.
    """
    for kind in ("md5", "etag", "checksum"):
        if kind in item:
            return str(item[kind])
    return stage_key({key: value for key, value in item.items() if key != "path"})


def made_outputs(entries: dict[str, Any]) -> dict[str, str]:
    """Return the hash of every output that a dvc.lock states, by path."""
    return {path: md5 for entry in entries.values() for path, md5 in output_hashes(entry).items()}


def output_hashes(entry: dict[str, Any]) -> dict[str, str]:
    """Return DVC's hash of each output of a locked stage, by path."""
    return {out["path"]: hash_of(out) for out in entry.get("outs", [])}


def footage_digest(entries: dict[str, Any]) -> str:
    """Return DVC's hash of the raw footage that a dvc.lock was made from; empty before it was."""
    for entry in entries.values():
        for dep in entry.get("deps", []):
            if dep["path"] == FOOTAGE:
                return hash_of(dep)
    return ""


def lock_digest(lock: Path = LOCK) -> str:
    """Return the sha256 of a dvc.lock; empty where there is none."""
    return sha256_file(lock) if lock.exists() else ""


def file_hash(path: Path, max_bytes: int) -> str:
    """Compute DVC's hash of a file or folder; empty where there is none, or one too large.

    A folder's is the md5 of its files' names and md5s, as JSON.
    """
    if path.is_file():
        return _md5(path.read_bytes()) if path.stat().st_size <= max_bytes else ""
    files = sorted(
        (file.relative_to(path).as_posix(), file)
        for file in path.rglob("*")
        if file.is_file() and not UNHASHED & set(file.relative_to(path).parts)
    )
    if not files or sum(file.stat().st_size for _, file in files) > max_bytes:
        return ""
    entries = [{"md5": _md5(file.read_bytes()), "relpath": name} for name, file in files]
    return _md5(json.dumps(entries, sort_keys=True).encode()) + ".dir"


def _md5(content: bytes) -> str:
    # DVC's identity of a file; nothing here relies on it against an attacker.
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _yaml(path: Path) -> dict[str, Any]:
    """Read a file that may be missing, or be edited at this moment."""
    try:
        values = read_yaml(path)
    except (OSError, ValueError, YAMLError):
        return {}
    return values if isinstance(values, dict) else {}


def _lookup(values: dict[str, Any], key: str) -> Any:
    found: Any = values
    for part in key.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found
