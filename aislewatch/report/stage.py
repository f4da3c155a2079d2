"""Stage report: the page for people, its pictures, and the tables of `dvc plots`."""

from aislewatch.config.params import Params
from aislewatch.files import read_output
from aislewatch.models.rows import BY_NAME
from aislewatch.report.model_table import print_tables
from aislewatch.report.outputs import Measured, write_outputs
from aislewatch.report.page import Study
from aislewatch.score.scored import Dataset, read_scored
from aislewatch.tables import places
from aislewatch.tables.ingest import CATALOG
from aislewatch.tables.split import SPLITS
from aislewatch.tables.train import curve_of
from aislewatch.tables.validate import ANNOTATIONS, VIDEOS
from aislewatch.tracking.journal import Journal


def work(params: Params, journal: Journal) -> None:
    """Draw; the table of models ends the stage's output."""
    dataset = Dataset(SPLITS.read(), CATALOG.read(), ANNOTATIONS.read(), VIDEOS.read())
    measured = Measured(
        summary=read_output(places.EVALUATION, "selected"),
        scored=[read_scored(name, dataset) for name in BY_NAME],
        curves={name: curve_of(name).read() for name in BY_NAME},
        study=Study(read_output(places.BEST), places.STUDY_PICTURES),
    )
    folder = write_outputs(measured, dataset, params)
    journal.digest(folder)
    journal.artifact(folder)
    print_tables()
