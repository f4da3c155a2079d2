"""Decides whether there is anything to learn from, and says why or why not.

What differs from the last training is DVC's to say (its status, as JSON); here it is put in words
and joined by what DVC does not know: drift, and the age of the champion. Both count once: what was
known before the last training is no news.
"""

import json
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from aislewatch.tables import places

# Endings of the files of labels that the layouts know (docs/data.md); what has another is footage.
LABELS = {".csv", ".json", ".xml", ".txt", ".zip"}

# Named in a line, before "and 3 more".
NAMED = 3

# A file of footage by its name: size in bytes, time of its last change in nanoseconds.
Manifest = dict[str, tuple[int, int]]

SECONDS_A_DAY = 86_400.0


@dataclass(frozen=True)
class Decision:
    """Whether to train, and why.

    Args:
        reasons: what there is to learn from, a line each; none: there is nothing.
        otherwise: what was looked at and is as it was, a line each.
    """

    reasons: tuple[str, ...]
    otherwise: tuple[str, ...]

    @property
    def learn(self) -> bool:
        """Say whether there is anything to learn from."""
        return bool(self.reasons)

    @property
    def headline(self) -> str:
        """Say it in a line."""
        return "; ".join(self.reasons) if self.reasons else "nothing to learn from"


@dataclass(frozen=True)
class ToldDrift:
    """What the monitor said last.

    Args:
        why: its words.
        at: when it looked.
    """

    why: str
    at: datetime


def read_drift(file: Path) -> ToldDrift | None:
    """Read the monitor's decision; None where it saw no drift, or never looked.

    Raises:
        ValueError: the file is damaged.
    """
    try:
        said = json.loads(file.read_text())
        if not said["drift"]:
            return None
        at = datetime.fromisoformat(said["at"])
        if at.tzinfo is None:
            raise ValueError("its time has no zone")
        return ToldDrift(str(said["why"]), at)
    except FileNotFoundError:
        return None
    except (KeyError, TypeError) as error:
        raise ValueError(str(error)) from None


def decide(
    differences: list[str],
    drift: ToldDrift | None,
    promoted: datetime | None,
    learned: datetime | None,
    max_age_days: float,
    now: datetime,
) -> Decision:
    """Say whether there is anything to learn from.

    Args:
        differences: from the last training, in words.
        drift: what the monitor saw.
        promoted: when the champion became one; None: there is none.
        learned: when the last training ended; None: there was none.
        max_age_days: age of the champion from which a training is tried without other news.
        now: with a time zone, as all times here.
    """
    reasons, otherwise = list(differences), []
    if not differences:
        otherwise.append("footage, labels, verdicts, parameters and code are as they were")
    if drift is None:
        otherwise.append("no drift is known")
    elif learned is not None and drift.at <= learned:
        otherwise.append(f"the drift of {_day(drift.at)} was known to the last training")
    else:
        reasons.append(f"drift: {drift.why}")
    if promoted is None:
        said = "there is no champion"
        if learned is None:
            reasons.append(said)
        else:
            otherwise.append(f"{said}, and the training of {_day(learned)} had the same to learn")
    else:
        seen = max(promoted, learned or promoted)
        days = (now - seen).total_seconds() / SECONDS_A_DAY
        if days >= max_age_days:
            reasons.append(f"the last look at the champion is {days:.0f} days old")
        else:
            otherwise.append(f"the champion is of {_day(promoted)}")
    return Decision(tuple(reasons), tuple(otherwise))


def differences(status: Mapping[str, Any], made: Set[str], footage: list[str]) -> list[str]:
    """Put what ``dvc status --json`` reports into words, a line for each kind of thing.

    Args:
        status: by stage, what is not as its entry in dvc.lock has it.
        made: outputs of stages: they follow from the rest, so they are no news.
        footage: words for what differs in data/raw.
    """
    code: set[str] = set()
    inputs: set[str] = set()
    parameters: set[str] = set()
    commands: set[str] = set()
    # A stage may read the folder that holds the outputs of several, as register reads models.
    follows = {*made, *(str(folder) for name in made for folder in PurePosixPath(name).parents)}
    has_footage = False
    for address, changes in status.items():
        for change in changes:
            if change == "changed command":
                commands.add(address)
            if not isinstance(change, dict):
                continue
            for path, how in change.get("changed deps", {}).items():
                if isinstance(how, dict):
                    parameters.update(how)
                elif path == places.RAW.as_posix():
                    has_footage = True
                elif path not in follows:
                    (code if _is_code(path) else inputs).add(path)
    said = list(footage or ["footage or labels changed"]) if has_footage else []
    for kind, names in (
        ("parameters", parameters),
        ("code", code),
        ("inputs", inputs),
        ("commands of stages", commands),
    ):
        if names:
            said.append(f"{kind} changed: {_some(names)}")
    return said


def footage_differences(before: Manifest | None, now: Manifest) -> list[str]:
    """Say which files of data/raw are new, changed or gone; nothing where none is known of before.

    Args:
        before: as the last training saw them.
        now: as they are.
    """
    if before is None:
        return []
    said = []
    for how, names in (
        ("new", set(now) - set(before)),
        ("changed", {name for name in set(now) & set(before) if now[name] != before[name]}),
        ("gone", set(before) - set(now)),
    ):
        kinds: dict[str, set[str]] = {}
        for name in names:
            kinds.setdefault(_kind(PurePosixPath(name)), set()).add(name)
        said += [
            f"{how} {kind}: {len(kinds[kind])} ({_some(kinds[kind])})" for kind in sorted(kinds)
        ]
    return said


def _kind(path: PurePosixPath) -> str:
    if path.parts[0] == places.JUDGED:
        return "verdicts of people"
    return "files of labels" if path.suffix.lower() in LABELS else "videos"


def _is_code(path: str) -> bool:
    return path.split("/")[0] in ("aislewatch", "stages", "requirements") or path.endswith(".py")


def _some(names: Set[str]) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
    return ", ".join(listed[:NAMED]) + more


def _day(time: datetime) -> str:
    return time.strftime("%Y-%m-%d")
