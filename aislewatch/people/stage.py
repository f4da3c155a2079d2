"""Stage track: who is where in the footage; a square a person, and a detector's features of it."""

from aislewatch.config.params import Params
from aislewatch.errors import ConfigError
from aislewatch.files import whole_folder
from aislewatch.tables import places
from aislewatch.tables.people import TRACKED, TRACKS
from aislewatch.tracking.journal import Journal


def work(params: Params, journal: Journal) -> None:
    """Write the four outputs; without a detector they are empty."""
    if params.people.detector != "none":
        raise ConfigError("people.detector: yolox is not built yet; set none")
    for folder in (places.PEOPLE, places.FEATURES):
        with whole_folder(folder):
            pass
    TRACKS.write(TRACKS.frame([]))
    TRACKED.write(TRACKED.frame([]))
    for table in (TRACKS, TRACKED):
        journal.digest(table.path)
