"""Stage track: who is where in the footage; a square a person, and a detector's features of it."""

from aislewatch.config.params import Params
from aislewatch.errors import ConfigError
from aislewatch.files import whole_folder
from aislewatch.tables import places
from aislewatch.tables.people import TRACKED, TRACKS
from aislewatch.tracking.journal import Journal


def work(params: Params, journal: Journal) -> None:
    """Write the folder of people; without a detector it holds none."""
    if params.people.detector != "none":
        raise ConfigError("people.detector: yolox is not built yet; set none")
    with whole_folder(places.PEOPLE) as folder:
        for files in (places.SQUARES, places.FEATURES):
            (folder / files.name).mkdir()
        for table in (TRACKS, TRACKED):
            table.at(folder / table.path.name).write(table.frame([]))
    journal.digest(places.PEOPLE)
