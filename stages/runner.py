"""What every stage does around its work: read params, keep a journal, fail in plain words."""

from collections.abc import Callable

from aislewatch.config.params import Params, load_params
from aislewatch.exits import plain_errors
from aislewatch.tracking.journal import Journal, stage_run
from aislewatch.tracking.provenance import planned_params


def run_stage(address: str, work: Callable[[Params, Journal], None]) -> None:
    """Run ``work`` as the stage ``address``; exit 1 with one clear message on an error of ours.

    Args:
        address: the stage as DVC names it; its ``params`` in dvc.yaml are written to the journal.
        work: does the stage's job; gets all parameters and the journal.
    """
    with plain_errors(address):
        params = load_params()
        # Which every stage may use and none depends on.
        machine = {"machine": params.machine.model_dump()}
        with stage_run(address, planned_params(address) | machine) as journal:
            work(params, journal)
