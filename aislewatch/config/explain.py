"""Say in plain words what is wrong with a params.yaml."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aislewatch.config.releases import GONE, NEW, RENAMED


def explain(errors: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line for every problem that pydantic found, as its ``errors()`` lists them.

    A key of an older release is told with its new name, which is then not told to be missing.
    """
    unknown = [key for error in errors if _is(error, "extra_forbidden") for key in _keys(error)]
    renamed = {RENAMED[key] for key in unknown if key in RENAMED}
    lines: list[str] = []
    late: list[str] = []
    for error in errors:
        key = _key(error)
        if _is(error, "extra_forbidden"):
            lines += [f"  {key}: {_of_unknown(key)}" for key in _keys(error)]
        elif _is(error, "missing"):
            if not any(f"{new}.".startswith(f"{key}.") for new in renamed):
                lines.append(f"  {key}: {_of_missing(key)}")
            else:
                # A section that old keys move to: what is new in it has none to come from.
                inside = [new for new in NEW if new.startswith(f"{key}.")]
                late += [f"  {new}: {_of_missing(new)}" for new in inside]
        else:
            lines.append(f"  {key}: {error['msg']} (got {error['input']!r})")
    return lines + late


def _is(error: Mapping[str, Any], kind: str) -> bool:
    return bool(error["type"] == kind)


def _key(error: Mapping[str, Any]) -> str:
    return ".".join(str(part) for part in error["loc"]) or "(top level)"


def _keys(error: Mapping[str, Any]) -> Iterator[str]:
    """Yield the unknown key; where a section is gone whose keys went elsewhere, each of these."""
    key, value = _key(error), error["input"]
    inner = [f"{key}.{name}" for name in value] if isinstance(value, dict) else []
    yield from inner if any(name in RENAMED or name in GONE for name in inner) else [key]


def _of_unknown(key: str) -> str:
    if key in RENAMED:
        return f"is {RENAMED[key]} now; move its value there"
    if key in GONE:
        return f"is gone, because {GONE[key]}; remove it"
    return "unknown key; remove it or correct its spelling"


def _of_missing(key: str) -> str:
    if key in NEW:
        return f"missing, new in this release: {NEW[key]}"
    return "missing; every key of the shipped params.yaml is needed"
