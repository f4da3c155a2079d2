"""What the doctor found: one row a thing, with what to do about it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from aislewatch.console import one_line
from aislewatch.recording.address import without_password

Level = Literal["ok", "warn", "bad"]

# Hold a secret each, which no row may show whatever some library says in its error.
SECRETS = (
    "PREFECT_API_AUTH_STRING",
    "PREFECT_API_KEY",
    "MLFLOW_TRACKING_PASSWORD",
    "AISLEWATCH_NOTIFY",
)


@dataclass(frozen=True)
class CheckRow:
    """One thing that was looked at.

    Args:
        what: its name.
        level: ``ok``; ``warn``, it works but something is amiss; ``bad``, it does not work.
        says: what was found.
        do: what to do about it; empty for ``ok``.
    """

    what: str
    level: Level
    says: str
    do: str = ""


def written(rows: Sequence[CheckRow]) -> str:
    """Write rows as a text: a line each, below it what to do, at the end how many are amiss."""
    width = max((len(row.what) for row in rows), default=0)
    lines = []
    for row in rows:
        lines.append(f"{row.level:<5}{row.what:<{width}}  {safe(row.says)}")
        if row.do:
            lines.append(f"{'':<5}{'':<{width}}  -> {safe(row.do)}")
    bad, warn = (sum(row.level == level for row in rows) for level in ("bad", "warn"))
    return "\n".join([*lines, "", f"{len(rows)} looked at: {bad} bad, {warn} to mind"])


def safe(text: str) -> str:
    """Make a text fit for one line, without any password or token that is known here."""
    text = without_password(text)
    secrets = [secret for name in SECRETS if (secret := os.environ.get(name))]
    # user:password is one string in Prefect's; the password alone is a secret, too.
    for secret in [*secrets, *(one.partition(":")[2] for one in secrets)]:
        text = text.replace(secret, "***") if len(secret) > 3 else text
    return one_line(text)
