"""What dvc.yaml plans and dvc.lock states, read as plain YAML, to tie runs to files.

DVC itself is not imported, so nothing here takes DVC's locks or delays the next command.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from aislewatch.files import read_yaml, sha256_file
from aislewatch.tables import places

PIPELINE = Path("dvc.yaml")
LOCK = Path("dvc.lock")
PARAMS = Path("params.yaml")
FOOTAGE = places.RAW.as_posix()
# What .dvcignore names that can lie in a dependency.
UNHASHED = {"__pycache__", "README.md"}


@dataclass(frozen=True)
class Plan:
    """One stage as dvc.yaml plans it: its command and the names of what it reads."""

    address: str
    cmd: str
    deps: tuple[str, ...]
    params: tuple[str, ...]


def planned_stages() -> dict[str, Plan]:
    """Every stage of dvc.yaml by address, matrix entries apart, in the file's order."""
    plans: dict[str, Plan] = {}
    pipeline = _yaml(PIPELINE)
    lists = {name: values for part in pipeline.get("vars", []) for name, values in part.items()}
    for name, stage in pipeline.get("stages", {}).items():
        axes = {
            axis: lists[values[2:-1]] if isinstance(values, str) else values
            for axis, values in stage.get("matrix", {}).items()
        }
        for values in product(*axes.values()):
            item = dict(zip(axes, values, strict=True))
            address = "@".join([name, "-".join(map(str, values))]) if axes else name
            plans[address] = Plan(
                address=address,
                cmd=_fill(stage["cmd"], item),
                deps=tuple(sorted(_fill(dep, item) for dep in stage.get("deps", []))),
                params=tuple(sorted(stage.get("params", []))),
            )
    return plans


def planned_params(address: str) -> dict[str, Any]:
    """Return what a stage declares of params.yaml, by key; nothing where it is not planned."""
    plan, values = planned_stages().get(address), read_params()
    return {key: _lookup(values, key) for key in plan.params} if plan else {}


def lock_entries(lock: Path = LOCK) -> dict[str, Any]:
    """The stages of a dvc.lock; empty where there is none yet."""
    entries: dict[str, Any] = _yaml(lock).get("stages", {})
    return entries


def work_facts(address: str) -> dict[str, Any]:
    """What decides a stage's result: command, dependency hashes, parameters; empty if unplanned.

    The hashes are those of dvc.lock where it has them (outputs of other stages, footage), else
    DVC's plain md5 of the file, so that a stage that fails before it is locked has a key too.
    """
    plan = planned_stages().get(address)
    return planned_facts(plan, lock_entries(), read_params()) if plan else {}


def planned_facts(plan: Plan, entries: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """The same of one plan, by these entries of a dvc.lock and values of a params.yaml."""
    produced = {out["path"]: out["md5"] for e in entries.values() for out in e.get("outs", [])}
    return {
        "cmd": plan.cmd,
        "deps": {
            dep: str(produced.get(dep) or dependency_hash(dep, plan, entries)) for dep in plan.deps
        },
        "params": {key: _lookup(values, key) for key in plan.params},
    }


def locked_facts(entry: dict[str, Any]) -> dict[str, Any]:
    """The same facts as dvc.lock states them for a stage that has finished."""
    return {
        "cmd": entry["cmd"],
        "deps": {item["path"]: item["md5"] for item in entry.get("deps", [])},
        "params": entry.get("params", {}).get(PARAMS.name, {}),
    }


def stage_key(facts: dict[str, Any]) -> str:
    """Sha256 of a stage's facts: equal keys, equal work."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def dependency_hash(dep: str, plan: Plan, entries: dict[str, Any]) -> str:
    """DVC's hash of what no stage makes; ``"unknown"`` for footage no entry of dvc.lock states."""
    if dep == FOOTAGE:
        return footage_digest(entries) or "unknown"
    path = Path(dep)
    if path.is_file():
        # DVC's identity of a file is its md5; nothing here relies on it against an attacker.
        return _md5(path.read_bytes())
    if path.is_dir():
        return _folder_hash(path)
    locked = {item["path"]: item["md5"] for item in entries.get(plan.address, {}).get("deps", [])}
    return str(locked.get(dep, "unknown"))


def _folder_hash(folder: Path) -> str:
    """Hash a folder as DVC does: the md5 of its files' names and md5s, as JSON."""
    files = sorted(
        (path.relative_to(folder).as_posix(), path)
        for path in folder.rglob("*")
        if path.is_file() and not UNHASHED & set(path.relative_to(folder).parts)
    )
    entries = [{"md5": _md5(path.read_bytes()), "relpath": name} for name, path in files]
    return _md5(json.dumps(entries, sort_keys=True).encode()) + ".dir"


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def is_current(plan: Plan, entries: dict[str, Any], values: dict[str, Any]) -> bool:
    """Whether a dvc.lock states this stage just as dvc.yaml, these values and the files are."""
    stated = entries.get(plan.address)
    return stated is not None and locked_facts(stated) == planned_facts(plan, entries, values)


def read_params(path: Path = PARAMS) -> dict[str, Any]:
    """The values of a params.yaml; empty where there is none."""
    return _yaml(path)


def output_hashes(entry: dict[str, Any]) -> dict[str, str]:
    """DVC's hash of each output of a locked stage, by path."""
    return {out["path"]: out["md5"] for out in entry.get("outs", [])}


def footage_digest(entries: dict[str, Any]) -> str:
    """DVC's hash of the raw footage that dvc.lock was made from; empty before the first ingest."""
    for entry in entries.values():
        for dep in entry.get("deps", []):
            if dep["path"] == FOOTAGE:
                return str(dep["md5"])
    return ""


def lock_digest(lock: Path = LOCK) -> str:
    """Sha256 of a dvc.lock; empty where there is none."""
    return sha256_file(lock) if lock.exists() else ""


def _yaml(path: Path) -> dict[str, Any]:
    values = read_yaml(path) if path.exists() else None
    return values if isinstance(values, dict) else {}


def _fill(text: str, item: dict[str, Any]) -> str:
    return re.sub(r"\$\{item\.(\w+)\}", lambda match: str(item[match[1]]), text)


def _lookup(values: dict[str, Any], key: str) -> Any:
    found: Any = values
    for part in key.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found
