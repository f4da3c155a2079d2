"""The stages and their order, as DVC itself derives them from dvc.yaml.

A stage added to dvc.yaml becomes a task; nothing in this package names one.
"""

from dataclasses import dataclass
from pathlib import Path

from aislewatch.errors import PipelineError


@dataclass(frozen=True)
class Stage:
    """One stage; an entry of a matrix, such as ``train@convlstm``, is a stage of its own.

    Args:
        address: what ``dvc repro`` calls it.
        upstream: addresses of the stages whose outputs it reads directly, sorted.
    """

    address: str
    upstream: tuple[str, ...]


def read_dag() -> list[Stage]:
    """List the stages of the working directory's dvc.yaml, in ``dvc repro``'s order.

    Raises:
        PipelineError: there is no dvc.yaml, or DVC refuses it; with DVC's words.
    """
    # Half a second, and only the process that plans a flow needs it.
    from dvc.dvcfile import PROJECT_FILE
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.repo.reproduce import get_active_graph, plan_repro

    try:
        with Repo() as repo:
            stages = repo.stage.collect(PROJECT_FILE)
            graph = get_active_graph(repo.index.graph)
            return [
                Stage(
                    str(stage.addressing),
                    tuple(sorted(str(dep.addressing) for dep in graph.successors(stage))),
                )
                for stage in plan_repro(graph, stages)
            ]
    except DvcException as error:
        raise PipelineError(
            f"DVC cannot read the pipeline in {Path.cwd()}: {_words(error)}"
        ) from None


def _words(error: BaseException) -> str:
    """Return what an exception of DVC and its causes say: the helpful half is often in a cause."""
    said: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        if str(cause) and str(cause) not in said:
            said.append(str(cause))
        cause = cause.__cause__
    return ": ".join(said)
