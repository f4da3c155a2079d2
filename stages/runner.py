"""What every stage does around its work: read params, keep a journal, fail in plain words."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aislewatch.config.params import Params, load_params
from aislewatch.console import set_up_logging
from aislewatch.disk import told_full
from aislewatch.errors import AislewatchError
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


@contextmanager
def plain_errors(address: str) -> Iterator[None]:
    """Log to the terminal; an error of ours ends the process with status 1 and its message."""
    set_up_logging()
    try:
        yield
    except AislewatchError as error:
        sys.exit(f"{address}: {error}")
    except Exception as error:
        full = told_full(error)
        if full is None:
            raise
        sys.exit(f"{address}: {full}")
