"""Reads names as UCF-Crime, and DCSASS after it, give them: class, number, maybe a segment."""

import re
from dataclasses import dataclass

from aislewatch.frames.spans import NORMAL, SHOPLIFTING

# The 13 crimes of UCF-Crime (Sultani et al. 2018, section 4).
CRIMES = (
    *("Abuse", "Arrest", "Arson", "Assault", "Burglary", "Explosion", "Fighting"),
    *("RoadAccidents", "Robbery", "Shooting", "Shoplifting", "Stealing", "Vandalism"),
)

_NAME = re.compile(
    rf"(?P<kind>{'|'.join(CRIMES)}|Normal_Videos_?)(?P<number>\d{{3}})_x264(?:_(?P<segment>\d+))?",
    re.IGNORECASE,
)
_AS_WRITTEN = {kind.lower(): kind for kind in (*CRIMES, "Normal_Videos", "Normal_Videos_")}


@dataclass(frozen=True)
class UcfName:
    """Holds the parts of a name; a video and all its segments have one ``recording``."""

    recording: str
    crime: str
    segment: int | None

    @property
    def kind(self) -> str:
        """Tell shoplifting, normal or other: in other crimes what is outside them is normal."""
        if not self.crime:
            return NORMAL
        return SHOPLIFTING if self.crime == "Shoplifting" else "other"

    @property
    def attributes(self) -> dict[str, str]:
        """Name the take, and the place it was filmed at, which no other is known to share."""
        name = f"ucf_crime/{self.recording}"
        return {"recording": name, "camera": name}


def ucf_name(path: str) -> UcfName | None:
    """Read the name in a path, a file's name or a stem, in any case; None where there is none.

    People put something before and after it, as in ``ucfcrime__Shoplifting016_x264_tagged.mp4``.
    """
    found = _NAME.search(path.rsplit("/", 1)[-1])
    if found is None:
        return None
    kind, segment = _AS_WRITTEN[found["kind"].lower()], found["segment"]
    crime = kind if kind in CRIMES else ""
    return UcfName(f"{kind}{found['number']}", crime, None if segment is None else int(segment))
