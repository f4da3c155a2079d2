"""How UCF-Crime, and DCSASS after it, name videos: class, number, and maybe a segment."""

import re
from dataclasses import dataclass

from aislewatch.labels.protocol import NORMAL, SHOPLIFTING

# The 13 crimes of UCF-Crime (Sultani et al. 2018, section 4).
CRIMES = (
    *("Abuse", "Arrest", "Arson", "Assault", "Burglary", "Explosion", "Fighting"),
    *("RoadAccidents", "Robbery", "Shooting", "Shoplifting", "Stealing", "Vandalism"),
)

_NAME = re.compile(
    rf"((?P<crime>{'|'.join(CRIMES)})|Normal_Videos_?)\d{{3}}(?=_x264(?:_(?P<segment>\d+))?)"
)


@dataclass(frozen=True)
class UcfName:
    """``recording`` is equal for a video and all segments of it, as in ``Shoplifting016``."""

    recording: str
    crime: str
    segment: int | None

    @property
    def kind(self) -> str:
        """Shoplifting, normal, or other: in a video of another crime what is outside is normal."""
        if not self.crime:
            return NORMAL
        return SHOPLIFTING if self.crime == "Shoplifting" else "other"

    @property
    def attributes(self) -> dict[str, str]:
        """The take, and the place it was filmed at, which no other take is known to share."""
        name = f"ucf_crime/{self.recording}"
        return {"recording": name, "camera": name}


def ucf_name(path: str) -> UcfName | None:
    """The name in a path, a file's name or a stem; None where there is none.

    People put something before and after it, as in ``ucfcrime__Shoplifting016_x264_tagged.mp4``.
    """
    found = _NAME.search(path.rsplit("/", 1)[-1])
    if found is None:
        return None
    segment = found["segment"]
    return UcfName(found[0], found["crime"] or "", None if segment is None else int(segment))
