"""The command ``aislewatch``: what a person does beside `dvc repro`."""

import argparse
import sys
from pathlib import Path
from typing import Any

from aislewatch.cli.delivery import add_deliver
from aislewatch.cli.desk import add_desk
from aislewatch.cli.footage import add_footage
from aislewatch.cli.live import add_live
from aislewatch.cli.models import add_models
from aislewatch.cli.monitor import add_monitor
from aislewatch.cli.pretrained import add_pretrained
from aislewatch.cli.provenance import add_provenance
from aislewatch.cli.watch import add_watch
from aislewatch.cli.whatif import add_what_if
from aislewatch.config.params import load_params
from aislewatch.console import show_progress
from aislewatch.errors import AislewatchError, ConfigError, LabelError
from aislewatch.exits import plain_errors
from aislewatch.recording.address import check_store
from aislewatch.register.registration import forget_stale_registration, read_registration
from aislewatch.tables import places

# The demo's shop: eleven hours, so that 15 % of them prove two false alarms an hour on validation
# (1.5 clean hours at 95 %), and as many measure them on test. Few long files: the search for
# copies compares every two. Not fewer: with 33 of 20 minutes every test video had a theft, and
# without a normal one the first champion's ROC-AUC by video is undefined.
SHOP_VIDEOS = 40
SHOP_RECORDINGS = 54
SHOP_SEED = 7


def main(arguments: list[str] | None = None) -> None:
    """Run one subcommand; an error of ours is one line and exit code 1."""
    parser = argparse.ArgumentParser(prog="aislewatch", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_footage(commands)
    for add in (add_watch, add_live, add_models, add_monitor, add_pretrained, add_provenance):
        add(commands)
    for add in (add_footage, add_desk, add_what_if, add_deliver, _add_state):
        add(commands)
    chosen = parser.parse_args(arguments)
    with plain_errors("aislewatch"):
        chosen.run(chosen)


def _add_footage(commands: Any) -> None:
    """Add what is done with footage before the pipeline and after it."""
    synth = commands.add_parser("synth", help="render the synthetic shop")
    synth.add_argument("folder", type=Path, help=f"where to, for example {places.RAW}/synthetic")
    synth.add_argument("--videos", type=int, default=SHOP_VIDEOS, help="how many single visits")
    synth.add_argument(
        "--recordings", type=int, default=SHOP_RECORDINGS, help="how many long recordings"
    )
    synth.add_argument("--seed", type=int, default=SHOP_SEED, help="of everything random")
    synth.set_defaults(run=_synth)

    detect = commands.add_parser("detect", help="alerts of the champion on one video")
    detect.add_argument("video", type=Path)
    detect.add_argument("--out", type=Path, default=Path("alerts"), help="folder for the results")
    detect.set_defaults(run=_detect)

    split = commands.add_parser("split", help="the split's memory")
    steps = split.add_subparsers(required=True, metavar="COMMAND")
    accept = steps.add_parser(
        "accept", help=f"remember the split: append its videos to {places.ASSIGNMENTS}"
    )
    accept.set_defaults(run=_accept)

    check = commands.add_parser("check", help="what is wrong with one source, before anything runs")
    check.add_argument("source", help="its name under `sources` in params.yaml")
    check.set_defaults(run=_check)


def _add_state(commands: Any) -> None:
    """Add what says how a project, its files and its machine are."""
    summary = commands.add_parser(
        "summary", help="the operator's table, the models' and the registered version"
    )
    summary.set_defaults(run=_summary)

    preflight = commands.add_parser(
        "preflight", help="check params.yaml; have dvc register again what the registry has lost"
    )
    preflight.set_defaults(run=_preflight)

    fsck = commands.add_parser(
        "fsck", help="re-hash frame store, DVC cache, remote, outputs and registered models"
    )
    fsck.add_argument("--json", action="store_true", help="print the result as JSON")
    fsck.set_defaults(run=_fsck)

    doctor = commands.add_parser(
        "doctor", help="what is wrong with machine, packages and services, and what to do"
    )
    doctor.set_defaults(run=_doctor)


def _synth(chosen: argparse.Namespace) -> None:
    from aislewatch.synth.shop import render_shop

    with show_progress("files rendered") as progress:
        render_shop(
            chosen.folder, chosen.videos, chosen.seed, progress, recordings=chosen.recordings
        )


def _detect(chosen: argparse.Namespace) -> None:
    params = load_params()
    check_store()
    # Imports MLflow and torch: seconds that the other commands need not pay.
    from aislewatch.detect.detection import detect
    from aislewatch.register.stored import champion

    with champion(params.register_.name) as (version, folder):
        found = detect(chosen.video, folder, params, chosen.out)
    print(f"champion: {version.name} version {version.version} (digest {version.digest[:12]})")
    print(found.describe())


def _accept(chosen: argparse.Namespace) -> None:
    from aislewatch.split.memory import accept

    added = accept()
    path = places.ASSIGNMENTS
    commit = f"; commit it (git add {path})" if added else ": it knows the whole split"
    print(f"{added} video(s) appended to {path}{commit}")


def _check(chosen: argparse.Namespace) -> None:
    params = load_params()
    if chosen.source not in params.sources:
        known = ", ".join(params.sources)
        raise ConfigError(
            f"{chosen.source!r} is none of the sources in params.yaml ({known}); add it there with "
            "its layout"
        )
    # Imports pandas.
    from aislewatch.check.preview import check_source

    with show_progress("headers read") as progress:
        found = check_source(places.RAW, chosen.source, params, progress)
    print(found.report)
    if found.errors:
        raise LabelError(f"{found.errors} error(s) would stop the pipeline; correct them first")


def _summary(chosen: argparse.Namespace) -> None:
    params = load_params()
    from aislewatch.report.model_table import print_tables

    print_tables()
    stated = read_registration()
    check_store()
    from aislewatch.recording.client import comparison_url
    from aislewatch.register.versions import Registry

    registry = Registry(params.register_.name)
    version = registry.find(stated["digest"])
    if version is None:
        raise AislewatchError("the registry lacks the model just registered; run `make repro`")
    aliases = ", ".join(registry.aliases(version)) or "no alias"
    print(f"\nRegistered: {version.name} version {version.version} ({aliases}), {stated['model']}")
    print(
        "\nWhat to open next:\n"
        "  make ui                           MLflow: compare the runs and models at\n"
        f"    {comparison_url()}\n"
        "  make prefect-ui                   Prefect: flows and schedules\n"
        f"  {places.EVALUATION_REPORT}/report.html      the evaluation, with pictures\n"
        f"  {_problems_page()}      what is wrong with labels and footage\n"
        "  aislewatch detect VIDEO           alerts of the champion on a video of yours"
    )


def _problems_page() -> Path:
    """Return the page of problems; where DVC restored the stage that draws it, its table."""
    page = places.DATA_DOCS / "index.html"
    return page if page.is_file() else places.VALIDATION


def _preflight(chosen: argparse.Namespace) -> None:
    load_params().segment.refuse_short_clips()
    if forget_stale_registration():
        print("the registry lacks the registered version; the register stage will run again")


def _fsck(chosen: argparse.Namespace) -> None:
    from aislewatch.fsck.report import check_all

    if chosen.json:
        found = check_all(lambda done, total: None)
        print(found.as_json())
    else:
        with show_progress("MiB read") as progress:
            found = check_all(progress)
        print(found.describe())
    sys.exit(1 if found.findings or found.failed else 0)


def _doctor(chosen: argparse.Namespace) -> None:
    from aislewatch.doctor.machine import look_at_machine
    from aislewatch.doctor.rows import written
    from aislewatch.doctor.services import look_at_services

    rows = look_at_machine() + look_at_services()
    print(written(rows))
    sys.exit(1 if any(row.level == "bad" for row in rows) else 0)


if __name__ == "__main__":
    main()
