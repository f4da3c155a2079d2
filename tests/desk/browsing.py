"""Serves desks in processes, and looks at them in a real browser."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from tests.code_closure import ROOT
from tests.desk.desks import PASSWORD
from tests.loopback import free_port, is_open

# Seconds for a process to start on a machine that runs other tests.
START_S = 60.0


@dataclass
class Served:
    """A desk that answers: in a process of its own, or in the test's (None)."""

    live: Path
    port: int
    process: subprocess.Popen[str] | None = None

    @property
    def address(self) -> str:
        """Return where it answers."""
        return f"http://127.0.0.1:{self.port}"


def serve(live: Path, port: int = 0) -> Served:
    """Serve a desk; return when it answers."""
    port = port or free_port()
    command = [sys.executable, "-m", "aislewatch.cli.main", "desk", "--live", str(live)]
    process = subprocess.Popen([*command, "--port", str(port)], cwd=ROOT, text=True)
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        if is_open(port):
            return Served(live, port, process)
        time.sleep(0.1)
    raise AssertionError("the desk did not start")


# What each page's console said that is a fault.
_FAULTS: WeakKeyDictionary[Page, list[str]] = WeakKeyDictionary()


def log_in(
    browser: Browser,
    served: Served,
    name: str,
    viewport: ViewportSize | None = None,
    has_touch: bool = False,
) -> Page:
    """Log in as a person without a mouse does."""
    page = browser.new_context(viewport=viewport, has_touch=has_touch).new_page()
    faults = _FAULTS[page] = []
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.goto(served.address)
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Log in")
    page.wait_for_load_state()  # with its styles
    return page


def faults_of(page: Page) -> list[str]:
    """Return what the page's console said that is a fault."""
    return _FAULTS[page]


def violations(page: Page) -> list[str]:
    """Return what axe finds on a page."""
    found = Axe().run(page).response["violations"]
    return [f"{fault['id']}: {json.dumps(fault['nodes'][0]['html'])}" for fault in found]


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
