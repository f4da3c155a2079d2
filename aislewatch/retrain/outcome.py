"""Reads what a training came to: its version against the champion, by the registry."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from aislewatch.register.consent import UNTIL, find_question
from aislewatch.register.history import read_entries
from aislewatch.register.versions import CHAMPION, Registered, Registry
from aislewatch.tables import places

Fate = Literal["promoted", "asks", "left", "same"]


@dataclass(frozen=True)
class Champion:
    """The champion as it was before a training.

    Args:
        version: its number.
        since: when it became champion.
    """

    version: str
    since: datetime


@dataclass(frozen=True)
class Outcome:
    """A version that a training made or found again, and what became of it.

    Args:
        version: its number, with its digest in ``digest``.
        model: the network's name.
        fate: ``promoted``; ``asks``: people decide until ``until``; ``left``: it stays challenger;
            ``same``: it is the very champion.
        verdict: the gate's reason.
        numbers: the gate's numbers, both scored on today's test footage.
        before: number of the champion before the training, "" for none.
        figures: this version's figures on test, each with the bounds of its interval.
    """

    version: str
    digest: str
    model: str
    fate: Fate
    verdict: str
    before: str
    until: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    figures: Mapping[str, tuple[float | None, float | None, float | None]] = field(
        default_factory=dict
    )


def read_champion(name: str) -> Champion | None:
    """Tell which version is champion, and since when; None: there is none.

    Raises:
        RegistryError: MLflow does not answer, or the audit is broken.
    """
    registry = Registry(name)
    version = registry.by_alias(CHAMPION)
    if version is None:
        return None
    times = [
        entry.time
        for entry in read_entries(registry.model_tags())
        if entry.after == version.version and entry.action != "decline"
    ]
    made = registry.client.get_model_version(name, version.version).creation_timestamp / 1000
    since = (
        datetime.fromisoformat(times[-1]) if times else datetime.fromtimestamp(made).astimezone()
    )
    return Champion(version.version, since)


def read_outcome(folder: Path, before: Champion | None) -> Outcome | None:
    """Read what the pipeline in ``folder`` registered; None where it has no register stage.

    Args:
        folder: the root of the project that the pipeline ran in.
        before: the champion before it.

    Raises:
        RegistryError: MLflow does not answer, or has no such version.
    """
    file = folder / places.REGISTRATION
    if not file.exists():
        return None
    stated = json.loads(file.read_text())
    registry = Registry(stated["name"])
    version = registry.find(stated["digest"])
    if version is None:
        return None
    tags = registry.version_tags(version)
    fate = _fate(registry, version, before)
    return Outcome(
        version=version.version,
        digest=version.digest,
        model=tags.get("model", ""),
        fate=fate,
        verdict=tags.get("verdict", ""),
        before=before.version if before else "",
        until=tags.get(UNTIL, "") if fate == "asks" else "",
        numbers={name: float(tags[name]) for name in sorted(tags) if name.startswith("gate.")},
        figures=_figures(folder, tags.get("model", "")),
    )


def _fate(registry: Registry, version: Registered, before: Champion | None) -> Fate:
    question = find_question(registry)
    if question is not None and question.version == version:
        return "asks"
    if registry.by_alias(CHAMPION) != version:
        return "left"
    return "same" if before is not None and before.version == version.version else "promoted"


def _figures(
    folder: Path, model: str
) -> dict[str, tuple[float | None, float | None, float | None]]:
    file = folder / places.EVALUATION
    if not file.exists():
        return {}
    found: dict[str, Any] = json.loads(file.read_text())["models"].get(model, {})
    test = found.get("test", {})
    return {
        name: (value, found["test_low"].get(name), found["test_high"].get(name))
        for name, value in test.items()
    }
