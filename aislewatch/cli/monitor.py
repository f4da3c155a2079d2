"""``aislewatch monitor``: has new footage drifted from what the network was trained on?"""

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aislewatch.config.params import load_params
from aislewatch.console import show_progress
from aislewatch.errors import FootageError, RegistryError
from aislewatch.recording.address import check_store
from aislewatch.tables import places

if TYPE_CHECKING:
    from aislewatch.monitor.found import Monitored

# Name of the series in MLflow.
SERIES = "monitoring"


def add_monitor(commands: Any) -> None:
    """Add the subcommand."""
    monitor = commands.add_parser(
        "monitor", help="has new footage drifted? which cameras are at fault?"
    )
    monitor.add_argument(
        "folder", type=Path, help="of the new videos; the folders in it name their cameras"
    )
    monitor.set_defaults(run=_monitor)


def run_monitor(folder: Path) -> tuple["Monitored", str, str]:
    """Compare a folder with the project's own footage; add a point to the series in MLflow.

    Returns:
        What was found; the address of the series in MLflow; why scores were not compared, or "".

    Raises:
        AislewatchError: the folder or the project cannot be used.
    """
    params = load_params()
    # Import MLflow and torch.
    from aislewatch.monitor.footage import NewFootage, chosen_network
    from aislewatch.monitor.stage import monitor
    from aislewatch.recording.series import add_points
    from aislewatch.register.stored import champion

    new = NewFootage.of(folder)
    check_store()
    with ExitStack() as stack:
        try:
            _, bundle = stack.enter_context(champion(params.register_.name))
            network, why_not = chosen_network(bundle), ""
        except (RegistryError, FootageError) as error:
            network, why_not = None, str(error)
        with show_progress("videos looked at") as progress:
            found = monitor(new, params, network, progress)
    return found, add_points(SERIES, found.series(), found.at), why_not


def _monitor(chosen: argparse.Namespace) -> None:
    found, url, why_not = run_monitor(chosen.folder)
    print(("drift: " if found.drift.drifted else "") + found.why)
    for seen in found.faults:
        print(f"  camera {seen.camera}, {seen.video}: {seen.notice.describe()}")
    for note in [*found.drift.unjudged, *found.notes, *filter(None, [why_not])]:
        print(f"  not compared: {note}")
    print(f"  {places.MONITOR}/index.html\n  {url}")
