"""Stage score MODEL: one network's scores of validation and test, made once for all readers."""

import logging

from aislewatch.config.params import Params
from aislewatch.files import sha256_file, sha256_tree
from aislewatch.models.build import load_model
from aislewatch.models.scoring import set_up_compute, source_of
from aislewatch.score.ledger import record_test_use
from aislewatch.score.scoring import describe_model, score_model, write_scores
from aislewatch.tables import places
from aislewatch.tables.ingest import CATALOG
from aislewatch.tables.split import SPLITS
from aislewatch.tracking.journal import Journal

log = logging.getLogger(__name__)


def work(name: str, params: Params, journal: Journal) -> None:
    """Score one network and write the table."""
    folder = places.model_folder(name)
    model = load_model(folder)
    # Counted before it happens: a scoring that is killed has looked, too.
    uses = record_test_use("score", sha256_tree(folder), sha256_file(SPLITS.path))
    log.info("scoring with %s; use %d of this test split", name, uses)
    device = set_up_compute(params.machine)
    source = source_of(model.config)
    clips = score_model(model, SPLITS.read(), CATALOG.read(), source, device)
    output = write_scores(name, describe_model(model), clips)
    journal.metrics({"clips": len(clips), "videos": clips["video"].nunique()})
    journal.digest(output)
