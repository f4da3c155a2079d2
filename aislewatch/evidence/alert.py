"""What is known of a live alert, as alert.json states it."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from aislewatch.alerts.clips import Box

# Characters of a camera's name that an id keeps: more would make a folder's name too long.
NAME_LENGTH = 80
# Hex digits that tell two alerts of one camera and second apart: of tracks, models, sources.
HASH_LENGTH = 8


@dataclass(frozen=True)
class AlertModel:
    """The registered version that raised an alert; ``sha256`` of its manifest."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True)
class LiveAlert:
    """An alert with its camera and times of day.

    Args:
        camera: its name.
        begin: of the first clip above the threshold, UTC.
        end: of the last one, so far as it is known.
        raised: when the machine raised it.
        captured: when the camera saw the last frame of the clip that raised it.
        score: the highest, 0 to 1.
        threshold: that it was held against.
        box: of the person at the highest score, shares of the picture; None where unknown.
        track: the person; None: the camera's alert.
        model: that scored it.
        shadow: whether the model only tries itself: recorded, never delivered.
        source: address of the stream, without user and password.
        offset_s: second of the source file; None for a stream.
        operating: sha256 of the operating point that it was raised under: version, rule, and each
            camera's role, zones and hours; None where none is kept.
    """

    camera: str
    begin: datetime
    end: datetime
    raised: datetime
    captured: datetime
    score: float
    threshold: float
    box: Box | None
    track: int | None
    model: AlertModel
    shadow: bool
    source: str
    offset_s: float | None
    operating: str | None = None

    def __post_init__(self) -> None:
        for moment in (self.begin, self.end, self.raised, self.captured):
            if moment.tzinfo is None:
                raise ValueError(f"{moment} does not say that it is UTC")
        if urlsplit(self.source).password is not None:
            raise ValueError(f"the source of an alert of {self.camera} has a password in it")

    @property
    def id(self) -> str:
        """Return its name among all alerts: the same however often it is written."""
        known = (self.camera, self.begin, self.track, self.model, self.source, self.shadow)
        digest = hashlib.sha256(repr(known).encode()).hexdigest()[:HASH_LENGTH]
        # Names that are the same in a file system, an address and a page.
        camera = re.sub(r"[^A-Za-z0-9_-]", "_", self.camera)[:NAME_LENGTH].lstrip("_-") or "camera"
        return f"{camera}-{self.begin.astimezone(UTC):%Y%m%dT%H%M%S}-{digest}"

    def as_json(self) -> dict[str, Any]:
        """Return what alert.json says, and what is delivered."""
        model = {name: getattr(self.model, name) for name in ("name", "version", "sha256")}
        return {
            "id": self.id,
            "camera": self.camera,
            "begin": in_utc(self.begin),
            "end": in_utc(self.end),
            "raised": in_utc(self.raised),
            "captured": in_utc(self.captured),
            "score": round(self.score, 6),
            "threshold": self.threshold,
            "box": None if self.box is None else [round(side, 4) for side in self.box],
            "track": self.track,
            "model": model,
            "shadow": self.shadow,
            "source": self.source,
            "offset_s": None if self.offset_s is None else round(self.offset_s, 3),
            "operating": self.operating,
        }


def in_utc(moment: datetime) -> str:
    """Write a time as ISO 8601 in UTC, milliseconds and Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
