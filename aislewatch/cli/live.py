"""``aislewatch live``: the demo's shop, watched live, with the desk beside it."""

import argparse
import csv
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from aislewatch.errors import FootageError, PipelineError
from aislewatch.labels.folder import EVENTS_FILE
from aislewatch.tables import places

# Beside what a shop keeps, never among it.
LIVE = Path("live") / "demo"
USER = "demo"

# Seconds of film before and after each theft: an alert needs two clips, 8 s in all.
AROUND_S = 8.0

# Seconds between two looks whether both programs still run.
LOOK_S = 0.5


def add_live(commands: Any) -> None:
    """Add the subcommand to those of ``aislewatch``."""
    live = commands.add_parser("live", help="the demo's shop, watched live, with the desk")
    live.add_argument("--port", type=int, default=8300, help="of the desk")
    live.set_defaults(run=_live)


def _live(chosen: argparse.Namespace) -> None:
    from aislewatch.desk.database import Database, address_of
    from aislewatch.desk.people import add_user
    from aislewatch.watch.loopback import LoopbackCamera, join_films

    films = thefts_by_camera(places.RAW / "synthetic")
    LIVE.mkdir(parents=True, exist_ok=True)
    cameras = []
    for name, files in films.items():
        join_films(files, LIVE / f"{name}.mp4")
        address = LoopbackCamera(LIVE / f"{name}.mp4").address
        cameras.append({"name": name, "address": address, "role": "aisle"})
    file = LIVE / "cameras.yaml"
    with file.open("w") as stream:
        YAML().dump({"watching": {"metrics_port": 0}, "cameras": cameras}, stream)
    password = secrets.token_urlsafe(9)
    database = Database(address_of(LIVE))
    with database.changing() as connection:
        add_user(connection, USER, password, "lead", time.time())
    database.close()
    print(
        f"{len(cameras)} cameras on this machine play the thefts of {places.RAW / 'synthetic'}\n"
        f"log in as {USER}, password {password}, once the desk says below where it is\n"
        "the first alert stands there within two minutes; Ctrl-C ends all",
        flush=True,
    )
    _run_both(file, chosen.port)


def thefts_by_camera(shop: Path) -> dict[str, list[tuple[Path, float, float]]]:
    """List the rendered thefts of each camera of the demo's shop: film, from and until, seconds.

    Raises:
        FootageError: there are none.
    """
    parts: dict[str, list[tuple[Path, float, float]]] = {}
    if (shop / EVENTS_FILE).is_file():
        with (shop / EVENTS_FILE).open(newline="") as file:
            for row in csv.DictReader(file):
                film = shop / row["video"]
                begin_s = max(0.0, float(row["start_s"]) - AROUND_S)
                if film.is_file():
                    part = film, begin_s, float(row["end_s"]) + AROUND_S
                    parts.setdefault(film.parent.parent.name, []).append(part)
    if not parts:
        raise FootageError(f"{shop} holds no rendered thefts; run `make demo` first")
    return parts


def _run_both(cameras: Path, port: int) -> None:
    """Run the desk and the watching until one ends or somebody ends both.

    Raises:
        PipelineError: one ended by itself.
    """
    ours = [sys.executable, "-m", "aislewatch.cli.main"]
    commands = {
        "desk": [*ours, "desk", "--live", str(LIVE), "--port", str(port)],
        "watch": [*ours, "watch", str(cameras), "--live", str(LIVE)],
    }
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in commands.items():
            running[name] = subprocess.Popen(command)
        while all(process.poll() is None for process in running.values()):
            time.sleep(LOOK_S)
        ended = ", ".join(name for name, process in running.items() if process.poll() is not None)
        raise PipelineError(f"`aislewatch {ended}` ended by itself; it says above why")
    except KeyboardInterrupt:
        print("ending")
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.wait()
