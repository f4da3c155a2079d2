"""Reads DVC's files as files: what dvc.lock states, and the folders of objects named by digest.

The library does not import DVC. The layout is that of DVC 3: ``files/md5/<2 digits>/<30 digits>``,
with the ending ``.dir`` for the list of a folder's files (a JSON list of md5 and relpath).
"""

import configparser
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml.error import YAMLError

from aislewatch.errors import PipelineError
from aislewatch.files import read_yaml

LOCK = Path("dvc.lock")
PIPELINE = Path("dvc.yaml")
CONFIGS = (Path(".dvc/config"), Path(".dvc/config.local"))
CACHE = Path(".dvc/cache")

# Objects below the folder of a cache or a remote.
OBJECTS = Path("files/md5")

_OBJECT = re.compile(r"[0-9a-f]{2}/[0-9a-f]{30}(\.dir)?")


@dataclass(frozen=True)
class Output:
    """An output that dvc.lock states: md5 of a file, or of a folder's list with ``.dir``."""

    stage: str
    path: Path
    oid: str
    size: int | None
    cached: bool


def locked_outputs() -> list[Output]:
    """List every output in dvc.lock; none if there is no dvc.lock.

    Raises:
        PipelineError: dvc.lock or dvc.yaml is damaged.
    """
    if not LOCK.exists():
        return []
    try:
        uncached = _uncached_outputs()
        return [
            Output(
                name, Path(out["path"]), out["md5"], out.get("size"), out["path"] not in uncached
            )
            for name, stage in read_yaml(LOCK)["stages"].items()
            for out in stage.get("outs", [])
        ]
    except (ValueError, YAMLError, KeyError, TypeError, AttributeError) as error:
        words = f"{LOCK} or {PIPELINE} cannot be read ({error}); get it from git again"
        raise PipelineError(words) from None


def _uncached_outputs() -> set[str]:
    return {
        path
        for stage in read_yaml(PIPELINE)["stages"].values()
        for kind in ("outs", "metrics", "plots")
        for output in stage.get("do", stage).get(kind, [])
        if isinstance(output, dict)
        for path, options in output.items()
        if (options or {}).get("cache") is False
    }


def cache_folder() -> Path:
    """Find this project's cache."""
    configured = _configuration().get("cache", {}).get("dir")
    return Path(configured) if configured else CACHE


def default_remote() -> tuple[str, str]:
    """Return name and address of the default remote; empty if none is configured."""
    configuration = _configuration()
    name = configuration.get("core", {}).get("remote", "")
    return name, configuration.get(f"'remote \"{name}\"'", {}).get("url", "")


def _configuration() -> dict[str, dict[str, str]]:
    """Read the project's settings by section; a relative path is relative to its config's folder.

    Raises:
        PipelineError: a file is damaged.
    """
    merged: dict[str, dict[str, str]] = {}
    for file in CONFIGS:
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read(file)
        except (configparser.Error, ValueError) as error:
            raise PipelineError(f"{file} cannot be read ({error}); correct it") from None
        for section in parser.sections():
            values = dict(parser[section])
            for key in ("url", "dir"):
                if key in values and "://" not in values[key]:
                    values[key] = os.path.normpath(file.parent / Path(values[key]).expanduser())
            merged.setdefault(section, {}).update(values)
    return merged


@dataclass(frozen=True)
class ObjectFolder:
    """A folder of objects: a cache's or a remote's."""

    root: Path

    def path(self, oid: str) -> Path:
        """Return the path of an object."""
        return self.root / oid[:2] / oid[2:]

    def files(self) -> list[Path]:
        """List every file in it, sorted."""
        return sorted(path for path in self.root.rglob("*") if not path.is_dir())

    def oid(self, file: Path) -> str:
        """Return the object that a file's name stands for; empty if for none."""
        name = file.relative_to(self.root).as_posix()
        return name.replace("/", "", 1) if _OBJECT.fullmatch(name) else ""

    def listing(self, oid: str) -> dict[str, str]:
        """Read the md5 of each file of a folder, by path in it; the object must be sound."""
        return {entry["relpath"]: entry["md5"] for entry in json.loads(self.path(oid).read_text())}
