"""``aislewatch desk``: the review page, its users and its log."""

import argparse
import getpass
import sys
import time
from pathlib import Path
from typing import Any

from aislewatch.config.params import PARAMS_FILE, load_params
from aislewatch.errors import DeskError
from aislewatch.tables import places

# On this machine alone, until somebody decides otherwise: the pages show people.
HOST = "127.0.0.1"
PORT = 8300


def add_desk(commands: Any) -> None:
    """Add the subcommands to those of ``aislewatch``."""
    desk = commands.add_parser("desk", help="the page on which people judge alerts")
    desk.add_argument("--live", type=Path, default=Path("live"), help="folder of the evidence")
    desk.add_argument("--host", default=HOST, help="address to listen on")
    desk.add_argument("--port", type=int, default=PORT)
    desk.set_defaults(run=_serve)
    steps = desk.add_subparsers(metavar="COMMAND")
    user = steps.add_parser("user", help="who may use the desk")
    users = user.add_subparsers(required=True, metavar="COMMAND")
    add = users.add_parser("add", help="add a user, or change one; asks for the password")
    add.add_argument("name")
    add.add_argument("--role", choices=("guard", "lead", "admin"), required=True)
    add.set_defaults(run=_add_user)
    remove = users.add_parser("remove", help="end a user's access at once; verdicts stay")
    remove.add_argument("name")
    remove.set_defaults(run=_remove_user)
    publish = steps.add_parser(
        "publish", help=f"write what was judged into {places.RAW}/desk, to be learned from"
    )
    publish.set_defaults(run=_publish)
    verify = steps.add_parser(
        "verify", help="hold the log of views and verdicts against its digests"
    )
    verify.add_argument("--noted", default="", help="the digest that an earlier `verify` printed")
    verify.set_defaults(run=_verify)


def _serve(chosen: argparse.Namespace) -> None:
    settings = load_params().desk
    # Imports a web server: time that the other commands need not pay.
    from aislewatch.desk.server import serve

    serve(chosen.live, settings, chosen.host, chosen.port)


def _database(live: Path) -> Any:
    from aislewatch.desk.database import Database, address_of

    live.mkdir(parents=True, exist_ok=True)
    return Database(address_of(live))


def _add_user(chosen: argparse.Namespace) -> None:
    from aislewatch.desk.people import add_user

    if sys.stdin.isatty():
        password = getpass.getpass(f"password of {chosen.name}: ")
    else:
        password = sys.stdin.readline().rstrip("\n")
    with _database(chosen.live).changing() as connection:
        add_user(connection, chosen.name, password, chosen.role, time.time())
    print(f"{chosen.name} may use the desk as {chosen.role}")


def _remove_user(chosen: argparse.Namespace) -> None:
    from aislewatch.desk.people import remove_user

    with _database(chosen.live).changing() as connection:
        remove_user(connection, chosen.name, time.time())
    print(f"{chosen.name} may use the desk no more")


def _publish(chosen: argparse.Namespace) -> None:
    from aislewatch.desk.publish import SOURCE, name_source, publish

    load_params()
    done = publish(_database(chosen.live), chosen.live, places.RAW, time.time())
    named = name_source(PARAMS_FILE)
    print(
        f"{places.RAW / SOURCE}: {done.thefts} theft(s), {done.hard_negatives} hard negative(s); "
        f"version {done.version[:12]}"
    )
    for clip in done.lost:
        print(f"left out, its footage was deleted before it was published: {clip}")
    if named:
        print(f"{PARAMS_FILE} names the source now; commit it")
    print(f"next: aislewatch check {SOURCE}, then dvc repro")


def _verify(chosen: argparse.Namespace) -> None:
    from aislewatch.desk.log import head, verify

    with _database(chosen.live).reading() as connection:
        fault = verify(connection, chosen.noted)
        number, digest = head(connection)
    if fault:
        raise DeskError(
            f"the log was tampered with: {fault}; keep the file, and ask who could write it"
        )
    print(f"all {number} entries are as they were written; note the last digest:\n{digest}")
