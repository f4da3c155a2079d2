"""What the store of people keeps: through a kill, and where files of it are damaged."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aislewatch.findings import Fault
from aislewatch.fsck.hashing import hash_files
from aislewatch.fsck.people import check_people, people_files
from aislewatch.fsck.read_files import ReadFiles
from aislewatch.tables import places
from tests.code_closure import ROOT
from tests.people.shop import (
    entries,
    film,
    run_both,
    run_track,
    walk,
)


def test_what_is_damaged_in_the_store_is_made_again(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film(shop, "a.mp4", walk())
    first = run_both(shop, monkeypatch)
    [key] = entries()
    for file in ("000000.squares", "000000.features", "boxes.npy", "facts.json"):
        damaged = places.PEOPLE_STORE / key / file
        content = damaged.read_bytes()
        damaged.unlink()  # the published file is the same one
        damaged.write_bytes(content[:-40])
        assert run_track(shop) == first, file


def test_a_killed_stage_goes_on_where_it_was(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        film(shop, f"{number}.mp4", walk(20 + number))
    monkeypatch.chdir(shop)
    execution = shop / "execution"
    execution.mkdir()
    environment = os.environ | {"PYTHONPATH": str(ROOT), "AISLEWATCH_EXECUTION": str(execution)}
    subprocess.run([sys.executable, "-m", "stages.ingest"], env=environment, check=True)
    stage = subprocess.Popen([sys.executable, "-m", "stages.track"], env=environment)
    deadline = time.monotonic() + 120
    while not (places.PEOPLE_STORE.exists() and entries()) and time.monotonic() < deadline:
        time.sleep(0.01)
    stage.send_signal(signal.SIGKILL)
    stage.wait()
    assert entries(), "one video was done"
    assert not places.PEOPLE.exists(), "an output is whole or not there"
    done = len(entries())
    assert done < 6
    assert run_track(shop)["new"] == 6 - done
    left = [path.name for path in places.PEOPLE_STORE.iterdir() if path.name not in entries()]
    assert left == [], "nothing of the killed run stays"


def test_fsck_finds_and_forgets_what_is_damaged(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film(shop, "a.mp4", walk())
    film(shop, "b.mp4", walk(30))
    run_both(shop, monkeypatch)

    def found() -> dict[str, Fault]:
        digests = hash_files(people_files(), lambda done, total: None)
        return {
            f.path.as_posix(): f.fault
            for f in check_people(people_files(), ReadFiles(digests, set()))
        }

    assert found() == {}
    keys = sorted(entries())
    squares_file = places.PEOPLE_STORE / keys[0] / "000000.squares"
    facts = places.PEOPLE_STORE / keys[1] / "facts.json"
    stray = places.PEOPLE_STORE / keys[1] / "notes.txt"
    content = bytearray(squares_file.read_bytes())
    content[100] ^= 1
    squares_file.write_bytes(content)
    facts.write_text(facts.read_text().replace('"first": 0', '"first": 1'))
    stray.write_text("mine")
    assert found() == {
        squares_file.as_posix(): Fault.CHANGED,
        facts.as_posix(): Fault.CHANGED,
        stray.as_posix(): Fault.STRAY,
    }
