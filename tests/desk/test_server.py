"""The served desk: in a real browser, by keyboard, on a phone, and killed while people judge."""

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from sqlalchemy import select

from aislewatch.cli.main import main
from aislewatch.desk import log
from aislewatch.desk.database import Database, address_of
from aislewatch.desk.schema import LOG, VERDICTS
from tests.code_closure import ROOT
from tests.desk.desks import PASSWORD, open_shop
from tests.desk.evidence_folders import NOON, write_evidence

# Seconds for a process to start on a machine that runs other tests.
START_S = 60.0


@dataclass
class Served:
    """A desk in a process of its own."""

    live: Path
    port: int
    process: subprocess.Popen[str]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def serve(live: Path) -> Served:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "aislewatch.cli.main", "desk", "--live", str(live)]
    process = subprocess.Popen([*command, "--port", str(port)], cwd=ROOT, text=True)
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return Served(live, port, process)
        time.sleep(0.1)
    raise AssertionError("the desk did not start")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A served desk with four people and one alert."""
    live = tmp_path_factory.mktemp("shop") / "live"
    open_shop(live).desk.database.close()
    write_evidence(live, "till", NOON)
    served = serve(live)
    yield served
    served.process.terminate()
    # An open page's stream does not keep it from ending.
    assert served.process.wait(20) in (0, -signal.SIGTERM)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


def log_in(browser: Browser, served: Served, name: str, **options: object) -> Page:
    """Log in as a person without a mouse does; any message of the console is a fault."""
    page = browser.new_context(**options).new_page()  # type: ignore[arg-type]
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    faults: list[str] = []
    page.faults = faults  # type: ignore[attr-defined]
    page.goto(served.address)
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Log in")
    page.wait_for_load_state()  # with its styles
    return page


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{fault['id']}: {json.dumps(fault['nodes'][0]['html'])}" for fault in found]


def verdicts(live: Path) -> list[tuple[str, str, str]]:
    database = Database(address_of(live))
    with database.reading() as connection:
        query = select(VERDICTS.c.clip, VERDICTS.c.verdict, VERDICTS.c.who)
        rows = [tuple(row) for row in connection.execute(query.where(~VERDICTS.c.undone))]
    database.close()
    return rows


def wait_for_film(page: Page) -> Locator:
    """Wait until the page's film plays; return it."""
    film = page.locator("#film")
    deadline = time.monotonic() + START_S
    while not film.evaluate("film => film.currentTime > 0") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert film.evaluate("film => film.currentTime > 0")
    return film


def keys_work(page: Page) -> None:
    """Wait for the script of a page that has just come: on a busy machine it comes last."""
    page.wait_for_load_state("domcontentloaded")


def test_a_guard_judges_by_keyboard_alone_and_new_alerts_appear(
    served: Served, browser: Browser
) -> None:
    page = log_in(browser, served, "gus")
    # The film plays at once, and is the blurred one.
    film = wait_for_film(page)
    assert str(film.get_attribute("src")).endswith("/film")
    assert violations(page) == []
    new = write_evidence(served.live, "door", NOON + 30, seed=5)
    expect(page.locator("#news")).to_contain_text("door", timeout=10_000)
    expect(page.locator("#clips a").first).to_have_attribute("href", f"/clips/{new}")
    page.keyboard.press("t")
    expect(page.locator(".done")).to_contain_text("theft")
    keys_work(page)
    assert [row[1:] for row in verdicts(served.live)] == [("theft", "gus")]
    page.keyboard.press("z")
    expect(page.get_by_text("Nobody has judged it")).to_be_visible()
    keys_work(page)
    assert verdicts(served.live) == []
    page.keyboard.press("c")
    page.keyboard.type("tall")  # keys inside a field are text, not verdicts
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".said")).to_contain_text("tall")
    keys_work(page)
    assert verdicts(served.live) == []
    # Keys that are in the way of a screen reader's own can be turned off.
    page.locator("#keys").press("Space")
    page.locator("body").press("t")
    assert verdicts(served.live) == []
    assert page.faults == []  # type: ignore[attr-defined]
    page.context.close()


def test_the_page_fits_a_phone(served: Served, browser: Browser) -> None:
    page = log_in(browser, served, "ada", viewport={"width": 360, "height": 740}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    small = page.locator("button").evaluate_all(
        "found => found.filter(b => b.getBoundingClientRect().height < 40).length"
    )
    assert small == 0
    assert violations(page) == []
    for path in (
        "/missed",
        "/numbers",
        "/acceptance",
        "/model",
        "/thresholds",
        "/log",
        "/clips/none",
        "/login",
    ):
        page.goto(f"{served.address}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
        assert violations(page) == [], path
    page.context.close()


def test_a_server_killed_mid_verdict_loses_none_it_answered(tmp_path: Path) -> None:
    live = tmp_path / "live"
    open_shop(live).desk.database.close()
    clip = write_evidence(live)
    served = serve(live)
    answered: list[int] = []

    def judge() -> None:
        with httpx.Client(base_url=served.address) as client:
            client.post("/login", data={"name": "gus", "password": PASSWORD})
            page = client.get("/").text
            csrf = re.findall('name="csrf" value="([^"]+)"', page)[0]
            for number in range(10_000):
                form = {"csrf": csrf, "verdict": "theft", "expected": number}
                try:
                    answer = client.post(f"/clips/{clip}/verdict", data=form)
                except httpx.HTTPError:
                    return
                assert answer.status_code == 303, answer.text
                answered.append(number)

    judging = threading.Thread(target=judge)
    judging.start()
    deadline = time.monotonic() + START_S
    while len(answered) < 20 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(served.process.pid, signal.SIGKILL)
    served.process.wait()
    judging.join()
    kept = verdicts(live)
    # The last one may have been kept without an answer.
    assert len(kept) - len(answered) in (0, 1)
    assert len(answered) >= 20
    database = Database(address_of(live))
    with database.reading() as connection:
        assert log.verify(connection) == ""
        query = select(LOG.c.number).where(LOG.c.action == "verdict")
        assert len(list(connection.execute(query))) == len(kept)
    database.close()


def test_the_commands_add_a_user_and_verify_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def desk(*words: str, said: str = "") -> str:
        monkeypatch.setattr(sys, "stdin", io.StringIO(said))
        main(["desk", "--live", str(tmp_path), *words])
        return capsys.readouterr().out

    with pytest.raises(SystemExit, match="the password is too short"):
        desk("user", "add", "gus", "--role", "guard", said="short\n")
    assert "as guard" in desk("user", "add", "gus", "--role", "guard", said=f"{PASSWORD}\n")
    digest = desk("verify").split()[-1]
    assert len(digest) == 64
    with pytest.raises(SystemExit, match="the log was tampered with"):
        desk("verify", "--noted", "f" * 64)
    assert digest in desk("verify", "--noted", digest)
    assert "no more" in desk("user", "remove", "gus")
    with pytest.raises(SystemExit, match="there is no user 'gus'"):
        desk("user", "remove", "gus")
