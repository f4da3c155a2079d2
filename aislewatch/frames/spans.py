"""Names what a stretch of a video shows, and joins stretches: several people may steal at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

SHOPLIFTING, NORMAL, UNLABELED = "shoplifting", "normal", "unlabeled"


@dataclass(frozen=True)
class Span:
    """Holds a stretch in seconds; ``file`` and ``row`` are where it stands."""

    start_s: float
    end_s: float
    file: str = ""
    row: int | None = None


def join(spans: Iterable[Span]) -> list[Span]:
    """Join spans that overlap or touch into one, with the row of the earliest; sorted."""
    joined: list[Span] = []
    for span in sorted(spans, key=_order):
        if joined and span.start_s <= joined[-1].end_s:
            joined[-1] = replace(joined[-1], end_s=max(joined[-1].end_s, span.end_s))
        else:
            joined.append(span)
    return joined


def gaps(spans: Sequence[Span], end_s: float, least_s: float) -> list[Span]:
    """Find what of 0 to ``end_s`` no span covers, where that is longer than ``least_s``."""
    found, reached = [], 0.0
    for span in join(spans):
        found.append(Span(reached, span.start_s))
        reached = span.end_s
    found.append(Span(reached, end_s))
    return [gap for gap in found if gap.end_s - gap.start_s > least_s]


def cut(end_s: float, duration_s: float, spare_s: float) -> float:
    """Move an end at most ``spare_s`` after the video's to it; one farther off is a fault."""
    return duration_s if duration_s < end_s <= duration_s + spare_s else end_s


def _order(span: Span) -> tuple[float, float, str, int]:
    return span.start_s, span.end_s, span.file, span.row or 0
