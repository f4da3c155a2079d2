"""Stage track: who is where in the footage; a square a person, and a detector's features of it."""

import logging
from pathlib import Path

from aislewatch.config.params import Params
from aislewatch.console import show_progress
from aislewatch.files import whole_folder
from aislewatch.tables import places
from aislewatch.tables.ingest import CATALOG
from aislewatch.tables.people import TRACKED, TRACKS
from aislewatch.tracking.journal import Journal

log = logging.getLogger(__name__)


def work(params: Params, journal: Journal) -> None:
    """Write the folder of people; without a detector it holds none."""
    if params.people.detector == "none":
        _write_nobody()
        journal.digest(places.PEOPLE)
    else:
        _write_people(params, journal)


def _write_nobody() -> None:
    with whole_folder(places.PEOPLE) as folder:
        for files in (places.SQUARES, places.FEATURES):
            (folder / files.name).mkdir()
        for table in (TRACKS, TRACKED):
            table.at(folder / table.path.name).write(table.frame([]))


def _write_people(params: Params, journal: Journal) -> None:
    # Here, because a pipeline without a detector need not pay for ONNX.
    from aislewatch.people.finding import Graphs
    from aislewatch.people.footage import find_people
    from aislewatch.people.outputs import digest_of, publish
    from aislewatch.people.store import PeopleStore

    people = params.people
    graphs = Graphs(Path(people.weights), people.square, people.regions)
    squares_bytes = len(people.regions) * people.square**2 * 3 // 2
    store = PeopleStore(places.PEOPLE_STORE, squares_bytes, graphs.form.frame_bytes)
    with show_progress("videos") as progress:
        followed = find_people(CATALOG.read(), params, store, graphs, progress)
    form = {
        "detector": graphs.sha256,
        "square": people.square,
        "every": people.every,
        "regions": people.regions,
        "channels": graphs.form.channels,
        "track": params.track.model_dump(),
    }
    publish(followed.videos, store, form, places.PEOPLE)
    ways = [way for _, entry in followed.videos for way in entry.ways]
    empty = sum(not entry.ways for _, entry in followed.videos)
    log.info(
        "%d people followed in %d videos (%d new); nobody is seen in %d",
        *(len(ways), len(followed.videos), followed.new, empty),
    )
    journal.metrics(
        {
            "videos": len(followed.videos),
            "new": followed.new,
            "without_people": empty,
            "tracks": len(ways),
            "squares": sum(way.n_frames for way in ways),
        }
    )
    journal.digest(places.PEOPLE, digest_of(followed.videos, places.PEOPLE))
