"""Cameras on loopback are really watched; what their alerts did not show is judged in a browser."""

import json
import logging
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
import uvicorn
import yaml
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from aislewatch.desk.keeping import hold, spans_held
from aislewatch.desk.numbers import DAY_S
from aislewatch.desk.schema import CLIPS, VERDICTS
from aislewatch.desk.server import build
from aislewatch.evidence.kept import files_kept
from aislewatch.watch.footage import FootageKeeper
from aislewatch.watch.loopback import LoopbackCamera
from aislewatch.watch.scorer import LiveModel, load_live
from aislewatch.watch.telling import Teller
from aislewatch.watch.watched import Listeners
from aislewatch.watch.watcher import CameraWatch
from tests.desk.browsing import (
    Served,
    faults_of,
    keys_work,
    log_in,
    violations,
    wait_for_film,
)
from tests.desk.desks import SETTINGS, Shop, open_shop
from tests.loopback import free_port
from tests.waiting import wait_for
from tests.watch.broken_cameras import make_film
from tests.watch.champions import save_network
from tests.watch.test_watcher import PARAMS

# Seconds that the cameras are watched: two clips of the desk and more.
WATCHED_S = 9.0


class Heard(logging.Handler):
    """Keeps what was logged."""

    def __init__(self, said: list[str]) -> None:
        super().__init__()
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append(record.getMessage())


@dataclass
class Live:
    """A shop whose cameras were watched, with its desk served a day later."""

    shop: Shop
    served: Served
    begun: float
    said: list[str]


def watch(folder: Path, name: str, models: list[LiveModel], address: str) -> CameraWatch:
    """Begin to watch a camera, in a thread."""
    watching = {"metrics_port": 0, "segment_s": 2.0, "before_s": 1.0, "after_s": 1.0}
    camera = {"name": name, "address": address, "role": "till"}
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump({"watching": watching, "cameras": [camera]}))
    live = folder / "live"
    keeper = FootageKeeper(live, models[0], SETTINGS, lambda: spans_held(live), 60.0)
    listeners = Listeners(Teller(live, models[0]), keeper)
    watcher = CameraWatch(file, models, live, listeners)
    threading.Thread(target=watcher.run, name=name).start()
    return watcher


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A door whose every clip is an alert, and a till whose every clip is just below.

    ``full`` cannot keep its footage: where its files belong, a file is in the way.
    """
    folder = tmp_path_factory.mktemp("shop")
    network = save_network(folder / "network", PARAMS, 0, 0.0)
    eager = load_live("aislewatch", "1", network, PARAMS.machine, network)
    blind = replace(eager, rule=eager.rule.model_copy(update={"threshold": 1.0}))
    shop = open_shop(folder / "live")
    camera = LoopbackCamera(make_film(folder / "a.mp4", 6.0))
    (folder / "live/footage").mkdir()
    (folder / "live/footage/full").write_text("in the way")
    rules = {"door": eager, "till": blind, "full": eager}
    said: list[str] = []
    heard = Heard(said)
    logging.getLogger("aislewatch.watch").addHandler(heard)
    watchers = [watch(folder, name, [model], camera.address) for name, model in rules.items()]
    wait_for(lambda: all(one.metrics and one.watched for one in watchers), 120)
    wait_for(lambda: len(files_kept(shop.desk.live, "till")) >= 1, 120)
    time.sleep(WATCHED_S)
    for one in watchers:
        one.stop()
    for thread in threading.enumerate():
        if thread.name in rules:
            thread.join(60)
    camera.close()
    logging.getLogger("aislewatch.watch").removeHandler(heard)
    begun = files_kept(shop.desk.live, "till")[0].begin
    # As if a day had passed: the server draws yesterday's samples.
    settings = SETTINGS.model_copy(update={"near_share": 0.1, "audit_a_day": 2, "near_a_day": 1})
    desk = replace(shop.desk, settings=settings, now=lambda: time.time() + DAY_S)
    shop = Shop(desk, shop.clock)
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(build(desk), port=port, log_level="warning"))
    serving = threading.Thread(target=server.run)
    serving.start()
    wait_for(lambda: server.started, 60)
    yield Live(shop, Served(desk.live, port), begun, said)
    desk.closing.set()
    server.should_exit = True
    serving.join(20)
    assert not serving.is_alive()


def clips(live: Live, kind: str) -> list[str]:
    with live.shop.desk.database.reading() as connection:
        return list(connection.execute(select(CLIPS.c.id).where(CLIPS.c.kind == kind)).scalars())


def test_every_stream_is_kept_with_its_scores_and_without_a_gap(live: Live) -> None:
    for name in ("door", "till"):
        kept = files_kept(live.shop.desk.live, name)
        assert len(kept) >= 3
        for file in kept:
            told = json.loads(file.path.with_suffix(".json").read_text())
            assert told["threshold"] == (0.0 if name == "door" else 1.0)
            assert told["model"] == "aislewatch version 1"
            # Clips begin 0.4 s apart; the last file is as short as the watching ended.
            assert len(told["scores"]) >= 3 or file is kept[-1]
            assert all(0 <= one["start_s"] < one["end_s"] for one in told["scores"])
        steps = [b.begin - a.begin for a, b in pairwise(kept)]
        assert all(1.9 < step < 4.1 for step in steps), steps


def test_a_camera_whose_footage_cannot_be_kept_still_alerts(live: Live) -> None:
    folders = sorted(path.name for path in (live.shop.desk.live / "evidence").iterdir())
    assert any(name.startswith("full-") for name in folders)
    assert (live.shop.desk.live / "footage/full").read_text() == "in the way"
    # Several files could not be written: that is told once, of that camera alone.
    [message] = [message for message in live.said if ": footage: " in message]
    assert message.startswith("full: footage: a file of it was not kept in ")
    assert message.endswith("see whether the disk is full")


def drag(page: Page, name: str, second: float) -> None:
    """Drag one end of the interval with the mouse."""
    slider = page.locator(f"input[name={name}]")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box is not None
    longest = float(slider.get_attribute("max") or 0)
    begin = box["x"] + box["width"] * float(slider.input_value()) / longest
    y = box["y"] + box["height"] / 2
    page.mouse.move(begin, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * second / longest, y, steps=5)
    page.mouse.up()


def test_a_missed_theft_is_dragged_on_kept_footage(live: Live, browser: Browser) -> None:
    page = log_in(browser, live.served, "gus")
    page.goto(f"{live.served.address}/missed")
    page.get_by_label("Camera").select_option("till")
    at = datetime.fromtimestamp(live.begun + 3, UTC)
    page.get_by_label("Time (UTC)").fill(f"{at:%Y-%m-%dT%H:%M:%S}")
    assert violations(page) == []
    page.get_by_role("button", name="Show the footage").click()
    wait_for_film(page)
    assert violations(page) == []
    keys_work(page)
    drag(page, "end_s", 3.4)
    drag(page, "start_s", 2.4)
    page.keyboard.press("t")
    expect(page.locator(".done")).to_contain_text("theft")
    [clip] = clips(live, "missed")
    with live.shop.desk.database.reading() as connection:
        said = connection.execute(select(VERDICTS).where(VERDICTS.c.clip == clip)).one()
    assert (said.verdict, said.who) == ("theft", "gus")
    assert (said.start_s, said.end_s) == (pytest.approx(2.4, abs=0.3), pytest.approx(3.4, abs=0.3))
    assert faults_of(page) == []
    page.context.close()


def test_the_audit_sample_is_judged_and_tells_recall_precision_and_alerts_an_hour(
    live: Live, browser: Browser
) -> None:
    wait_for(lambda: clips(live, "audit"), 60)
    page = log_in(browser, live.served, "gina")
    for number, key in enumerate("tn"):
        page.goto(f"{live.served.address}/?kind=audit&camera=till&only=none")
        # Who audits is not told what the model said.
        assert "score" not in page.locator("section.pane").inner_text()
        keys_work(page)
        page.keyboard.press(key)
        expect(page.locator(".done")).to_contain_text("theft" if number == 0 else "not theft")
    page.goto(f"{live.served.address}/?camera=door&only=none")
    keys_work(page)
    page.keyboard.press("t")
    expect(page.locator(".done")).to_contain_text("theft")
    page.goto(f"{live.served.address}/numbers")
    assert violations(page) == []
    said = page.locator("main").inner_text()
    assert re.search(r"Recall\s+\d+ % \(\d+ to \d+, at 95 %\)", said), said
    assert re.search(r"Alerts a camera-hour: [1-9]", said), said
    row = page.locator("tr", has_text="door").inner_text()
    assert re.search(r"1 of 1\s+100 % \(3 to 100\)", row), row
    assert float(row.split()[5]) > 1, row
    page.context.close()


def test_near_clips_are_a_queue_of_their_own_with_a_cap_a_camera_and_day(
    live: Live, browser: Browser
) -> None:
    wait_for(lambda: clips(live, "near"), 60)
    assert len(clips(live, "near")) == 1, "of the till alone: the door's clips reach the threshold"
    page = log_in(browser, live.served, "gus")
    page.goto(f"{live.served.address}/?kind=near")
    assert re.search(r"score 0\.\d\d of threshold 1\.00", page.locator("section.pane").inner_text())
    assert violations(page) == []
    page.context.close()


def test_what_a_hold_needs_is_told_to_the_watch(live: Live) -> None:
    desk = live.shop.desk
    assert spans_held(desk.live) == {}
    [clip] = clips(live, "near")
    with desk.database.changing() as connection:
        hold(connection, clip, "lea", "the police asks", True, desk.now())
    [(begin, end)] = spans_held(desk.live)["till"]
    assert any(begin < file.begin < end for file in files_kept(desk.live, "till"))
