"""Checks DVC's run cache: which outputs a stage gave for which inputs, in files named by digests.

The digest is of the content but for sizes (dvc/stage/cache.py), which DVC does not rely on.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from ruamel.yaml.error import YAMLError

from aislewatch.files import read_yaml
from aislewatch.findings import Fault, Finding, remove

# Below the cache; an entry is <2 digits>/<digest of the inputs>/<digest of the entry>.
RUNS = Path("runs")

_ENTRY = re.compile(r"([0-9a-f]{2})/\1[0-9a-f]{62}/[0-9a-f]{64}")

_UNHASHED = ("size", "nfiles")


def check_runs(runs: Path) -> tuple[int, list[Finding]]:
    """Count the files of DVC's run cache, and find those that are not what their names say.

    Without an entry, DVC runs the stage again.
    """
    files = sorted(path for path in runs.rglob("*") if not path.is_dir())
    findings = []
    for file in files:
        if not _ENTRY.fullmatch(file.relative_to(runs).as_posix()):
            findings.append(Finding(file, Fault.STRAY, remove(file)))
        elif _digest(file) != file.name:
            findings.append(Finding(file, Fault.CHANGED, remove(file)))
    return len(files), findings


def _digest(file: Path) -> str:
    try:
        text = json.dumps(_hashed(read_yaml(file)), sort_keys=True)
    except (OSError, ValueError, TypeError, YAMLError):
        return ""
    return hashlib.sha256(text.encode()).hexdigest()


def _hashed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _hashed(part) for key, part in value.items() if key not in _UNHASHED}
    return [_hashed(part) for part in value] if isinstance(value, list) else value
