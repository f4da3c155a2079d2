"""``aislewatch watch``: the champion on live cameras."""

import argparse
import signal
from pathlib import Path
from typing import Any

from aislewatch.config.params import load_params
from aislewatch.recording.address import check_store


def add_watch(commands: Any) -> None:
    """Add the subcommand to those of ``aislewatch``."""
    watch = commands.add_parser("watch", help="alerts of the champion on live cameras")
    watch.add_argument("cameras", type=Path, help="cameras.yaml; docs/operations.md shows one")
    watch.add_argument("--live", type=Path, default=Path("live"), help="folder of what is kept")
    watch.add_argument(
        "--shadow",
        metavar="VERSION",
        help="a registered version that scores the same clips; its alerts are kept, not delivered",
    )
    watch.add_argument(
        "--as-fast-as-it-goes",
        action="store_true",
        help="play files as fast as they can be scored, not at their own speed",
    )
    watch.set_defaults(run=_watch)


def _watch(chosen: argparse.Namespace) -> None:
    # Wrong cameras are told before seconds are spent on importing MLflow and torch.
    from aislewatch.watch.cameras_file import read_cameras

    settle_s = read_cameras(chosen.cameras).watching.settle_s
    params = load_params()
    check_store()
    from aislewatch.delivery.targets import DELIVERY_FILE, read_delivery
    from aislewatch.desk.keeping import spans_held
    from aislewatch.register.stored import champion, fetched
    from aislewatch.register.versions import Registry
    from aislewatch.watch.footage import FootageKeeper
    from aislewatch.watch.scorer import load_live
    from aislewatch.watch.telling import Teller
    from aislewatch.watch.watched import Listeners
    from aislewatch.watch.watcher import CameraWatch

    name, scratch = params.register_.name, chosen.live / "detector"
    with champion(name) as (version, folder):
        models = [load_live(name, version.version, folder, params.machine, scratch)]
    if chosen.shadow:
        registry = Registry(name)
        with fetched(registry, registry.get(chosen.shadow)) as folder:
            models.append(load_live(name, chosen.shadow, folder, params.machine, scratch))
    # Without the file nobody is told but who looks at the desk.
    named = read_delivery().targets if DELIVERY_FILE.exists() else []
    teller = Teller(chosen.live, models[0], [target.name for target in named])
    own_speed = not chosen.as_fast_as_it_goes
    keeper = FootageKeeper(
        chosen.live, models[0], params.desk, lambda: spans_held(chosen.live), settle_s
    )
    listeners = Listeners(teller, keeper)
    watcher = CameraWatch(chosen.cameras, models, chosen.live, listeners, own_speed)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: watcher.stop())
    print(f"champion: {version.name} version {version.version}; Ctrl-C ends")
    watcher.run()
