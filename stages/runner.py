"""What every stage does around its work: read params, keep a journal, fail in plain words."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aislewatch.config.params import Params, load_params
from aislewatch.console import set_up_logging
from aislewatch.errors import AislewatchError
from aislewatch.tracking.journal import Journal, stage_run


def run_stage(address: str, sections: list[str], work: Callable[[Params, Journal], None]) -> None:
    """Run ``work`` as the stage ``address``; exit 1 with one clear message on an error of ours.

    Args:
        address: the stage as DVC names it.
        sections: the parts of params.yaml it uses (the same as its ``params`` in dvc.yaml), but
            for ``machine``, which every stage may use and none depends on.
        work: does the stage's job; gets all parameters and the journal.
    """
    with plain_errors(address):
        params = load_params()
        chosen = params.model_dump(by_alias=True, include=_fields([*sections, "machine"]))
        with stage_run(address, chosen) as journal:
            work(params, journal)


@contextmanager
def plain_errors(address: str) -> Iterator[None]:
    """Log to the terminal; an error of ours ends the process with status 1 and its message."""
    set_up_logging()
    try:
        yield
    except AislewatchError as error:
        sys.exit(f"{address}: {error}")


def _fields(sections: list[str]) -> set[str]:
    aliases = {field.alias or name: name for name, field in Params.model_fields.items()}
    return {aliases[section] for section in sections}
