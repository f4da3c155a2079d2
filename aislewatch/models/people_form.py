"""What the track stage wrote of the people it cut out, and a network was shown of them."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from aislewatch.config.people import Region, Tracker
from aislewatch.errors import FootageError


class PeopleForm(BaseModel):
    """Say what a network was shown of the people in a video; see the track stage."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    detector: str  # sha256 of the weights that found them
    square: int  # pixels a side of each square
    every: int  # store frames from one look of the detector to the next
    track: Tracker  # what became a track
    channels: int  # of the detector's features of a square
    # What the squares show, one below the other in a frame; versions of before had the person.
    regions: tuple[Region, ...] = ("person",)

    @property
    def shape(self) -> tuple[int, int]:
        """Return rows and columns of a stored frame: its squares, each packed I420."""
        return len(self.regions) * self.square * 3 // 2, self.square


def read_people_form(file: Path) -> PeopleForm:
    """Read what the track stage wrote of the people it cut out.

    Raises:
        FootageError: it is missing or corrupt.
    """
    try:
        return PeopleForm.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise FootageError(
            f"{file} is missing or corrupt ({type(error).__name__}); run `dvc repro track`"
        ) from None
