"""The served desk: in a real browser, by keyboard, on a phone, and killed while people judge."""

import io
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from aislewatch.cli.main import main
from aislewatch.desk import log
from aislewatch.desk.database import Database, address_of
from aislewatch.desk.schema import LOG, VERDICTS
from aislewatch.desk.server import PAGES
from tests.desk.browsing import (
    START_S,
    Served,
    faults_of,
    keys_work,
    log_in,
    serve,
    violations,
    wait_for_film,
)
from tests.desk.desks import PASSWORD, open_shop
from tests.desk.evidence_folders import NOON, write_evidence


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A served desk with four people and one alert."""
    live = tmp_path_factory.mktemp("shop") / "live"
    open_shop(live).desk.database.close()
    write_evidence(live, "till", NOON)
    served = serve(live)
    yield served
    assert served.process is not None
    served.process.terminate()
    # An open page's stream does not keep it from ending.
    assert served.process.wait(20) in (0, -signal.SIGTERM)


def verdicts(live: Path) -> list[tuple[str, str, str]]:
    database = Database(address_of(live))
    with database.reading() as connection:
        query = select(VERDICTS.c.clip, VERDICTS.c.verdict, VERDICTS.c.who)
        rows = [tuple(row) for row in connection.execute(query.where(~VERDICTS.c.undone))]
    database.close()
    return rows


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
    assert faults_of(page) == []
    page.context.close()


# The focused element is marked; returned are the fields and buttons that were not reached yet.
NOT_REACHED = """() => {
    document.activeElement.dataset.reached = "yes";
    const all = "a[href], button, input:not([type=hidden]), select, textarea, video";
    return [...document.querySelectorAll(all)]
        .filter((one) => one.checkVisibility() && !one.dataset.reached)
        .map((one) => one.outerHTML.slice(0, 80));
}"""

# Stops of the longest page: of a date and of a film each part is one.
MOST_STOPS = 150


def pages_of(clip: str) -> list[str]:
    """List every page that the desk has, as it states them itself; no film and no stream."""
    shown = [page.path for page in PAGES if page.method == "GET"]
    others = ("/film", "/poster", "/original", "/events")
    return [path.replace("{clip}", clip) for path in shown if not path.endswith(others)]


def test_every_page_fits_a_phone_and_is_reached_without_a_mouse(
    served: Served, browser: Browser
) -> None:
    clip = write_evidence(served.live, "aisle", NOON + 90, seed=7)
    page = log_in(browser, served, "ada", viewport={"width": 360, "height": 740}, has_touch=True)
    expect(page.locator(f"#clips a[href^='/clips/{clip}']")).to_be_visible()
    paths = pages_of(clip)
    assert len(paths) >= 9
    for path in [*paths, "/clips/none"]:
        page.goto(f"{served.address}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
        small = page.locator("button").evaluate_all(
            "found => found.filter(b => b.getBoundingClientRect().height < 40).length"
        )
        assert small == 0, path
        assert violations(page) == [], path
        for _ in range(MOST_STOPS):
            left = page.evaluate(NOT_REACHED)
            if not left:
                break
            page.keyboard.press("Tab")
        assert left == [], path
    page.context.close()


def judged_by(page: Page) -> str:
    """Wait for what became of a key that was pressed; return it."""
    told = page.locator(".done, [role=alert]")
    expect(told).to_be_visible()
    return told.inner_text()


def test_two_reviewers_in_two_browsers_judge_at_the_same_moment(
    served: Served, browser: Browser, chromium: str
) -> None:
    clip = write_evidence(served.live, "gate", NOON + 60, seed=9)
    launch = browser.browser_type.launch
    with launch(executable_path=chromium, args=["--no-sandbox"]) as other:
        pages = [log_in(browser, served, "gus"), log_in(other, served, "gina")]
        for page in pages:
            expect(page.locator(f"#clips a[href^='/clips/{clip}']")).to_be_visible()
            page.goto(f"{served.address}/clips/{clip}")
            keys_work(page)
        for page, key in zip(pages, "tn", strict=True):
            page.keyboard.press(key)
        told = [judged_by(page) for page in pages]
        [first] = [row for row in verdicts(served.live) if row[0] == clip]
        late = 1 if first[2] == "gus" else 0
        assert first[1] in told[1 - late]
        assert f"somebody was faster: {first[2]} said {first[1]}" in told[late]
        # Who was late goes back, sees the verdict, and may overrule it.
        page = pages[late]
        page.goto(f"{served.address}/clips/{clip}")
        expect(page.get_by_text(f"{first[2]} said {first[1]}")).to_be_visible()
        keys_work(page)
        page.keyboard.press("u")
        assert "unsure" in judged_by(page)
        pages[0].context.close()


def test_a_server_killed_mid_verdict_loses_none_it_answered_and_who_watches_is_told(
    tmp_path: Path, browser: Browser
) -> None:
    live = tmp_path / "live"
    open_shop(live).desk.database.close()
    clip = write_evidence(live)
    served = serve(live)
    page = log_in(browser, served, "gina")
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
    assert served.process is not None
    os.kill(served.process.pid, signal.SIGKILL)
    served.process.wait()
    judging.join()
    expect(page.locator("#news")).to_contain_text("new alerts do not appear here")
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
    again = serve(live, served.port)
    expect(page.locator("#news")).to_contain_text("Connected again", timeout=20_000)
    new = write_evidence(live, "door", NOON + 30, seed=5)
    expect(page.locator("#clips a").first).to_have_attribute("href", f"/clips/{new}")
    expect(page).to_have_title(re.compile(r"^\(1\) "))
    page.context.close()
    assert again.process is not None
    again.process.terminate()
    again.process.wait(20)


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
