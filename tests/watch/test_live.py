"""`make live`: an alert stands on the page a minute after watching began; one key ends all."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest

from aislewatch.cli.live import thefts_by_camera
from aislewatch.config.params import load_params
from aislewatch.errors import FootageError
from tests.code_closure import ROOT
from tests.loopback import free_port, is_open
from tests.tiny_registry import new_registry
from tests.watch.broken_cameras import make_film
from tests.watch.champions import register_champion, save_network

# Seconds for processes that import torch and MLflow, on a machine that runs other tests.
START_S = 240.0


def test_an_alert_stands_on_the_page_within_a_minute(
    tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_registry(tmp_path, empty_store, monkeypatch)
    register_champion(save_network(tmp_path / "network", load_params(), 0, threshold=0.0))
    film = Path("data/raw/synthetic/cam1/shoplifting/a.mp4")
    film.parent.mkdir(parents=True)
    make_film(film, 12.0)
    rows = "video,start_s,end_s,label\ncam1/shoplifting/a.mp4,2.0,3.0,shoplifting\n"
    Path("data/raw/synthetic/events.csv").write_text(rows)
    port = free_port()
    command = [sys.executable, "-m", "aislewatch.cli.main", "live", "--port", str(port)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with Path("live.log").open("w") as said:
        running = subprocess.Popen(command, stdout=said, stderr=said, env=environment)
    try:
        wait_for(running, lambda: "operating point" in Path("live.log").read_text(), START_S)
        wait_for(running, lambda: is_open(port), START_S)
        [login] = re.findall(r"as (\w+), password (\S+),", Path("live.log").read_text())
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", follow_redirects=True) as page:
            page.post("/login", data={"name": login[0], "password": login[1]})
            wait_for(running, lambda: "/clips/cam1-" in page.get("/").text, 60.0)
    finally:
        theirs = psutil.Process(running.pid).children(recursive=True)
        running.send_signal(signal.SIGINT)
        running.wait(30)
    psutil.wait_procs(theirs, 10)
    assert not [one for one in theirs if one.is_running()]
    assert "Traceback" not in Path("live.log").read_text()


def wait_for(
    running: "subprocess.Popen[bytes]", what: Callable[[], object], seconds: float
) -> None:
    begun = time.monotonic()
    while not what():
        said = Path("live.log").read_text()
        assert running.poll() is None, said
        assert time.monotonic() - begun < seconds, said
        time.sleep(0.2)


def test_without_the_demo_one_is_told_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(FootageError, match="run `make demo` first"):
        thefts_by_camera(tmp_path)
