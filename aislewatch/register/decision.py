"""What the gate answers, and the answers for which nothing needs to be compared."""

from dataclasses import dataclass, field
from typing import Literal

from aislewatch.register.history import AuditEntry

# Who decided; ``verdict.GATES`` has a sentence for each.
GateName = Literal[
    "first", "same", "none", "rolled back", "declined", "alert share", "events", "auc"
]


@dataclass(frozen=True)
class Verdict:
    """Says whether the challenger becomes champion, by which gate, why, and by which numbers."""

    promote: bool
    gate: GateName
    reason: str
    numbers: dict[str, float] = field(default_factory=dict)

    def as_tags(self) -> dict[str, str]:
        """Return what is shown of it beside a run and a version."""
        promoted = str(self.promote).lower()
        return {"promoted": promoted, "gate": self.gate, "verdict": self.reason}


def already_champion() -> Verdict:
    """Confirm the champion: these are its very bytes."""
    return Verdict(True, "same", "these very weights and this alert rule are the champion already")


def taken_back(entry: AuditEntry) -> Verdict:
    """Refuse what people took back or declined: they do that for what test footage does not show.

    Args:
        entry: the rollback or the declining.
    """
    number = entry.before
    is_declined = entry.action == "decline"
    said = f"declined version {number}" if is_declined else f"rolled version {number} back"
    return Verdict(
        False,
        "declined" if is_declined else "rolled back",
        f"{entry.who} {said} on {entry.time} ({entry.why}); a person alone makes it champion "
        f"again: `aislewatch models promote {number} --why ...`",
    )


def not_comparable(difference: str) -> Verdict:
    """Refuse to compare: the champion cannot read today's clips, so no number says which wins."""
    return Verdict(
        False,
        "none",
        f"the champion cannot be scored on today's clips ({difference}); `aislewatch models "
        "promote` replaces it if that is meant",
    )
