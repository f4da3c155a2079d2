"""Our pages in a real browser, and what they ask of the network."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright


@contextmanager
def visited(page: Path, chromium: str, width: int = 800) -> Iterator[tuple[Page, list[str]]]:
    """Open a page; yield it, and every address that it asks for, its own among them."""
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": width, "height": 900})
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(page.absolute().as_uri())
        yield tab, asked
        browser.close()


def widths_of_pictures(tab: Page, query: str = "img") -> list[int]:
    """Return how wide each picture is; 0 where it is not drawn."""
    widths: list[int] = tab.eval_on_selector_all(
        query, "images => images.map(i => i.complete ? i.naturalWidth : 0)"
    )
    return widths


def fits(tab: Page) -> bool:
    """Say whether nobody has to scroll sideways."""
    return bool(tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def from_outside(asked: list[str]) -> list[str]:
    """List what was asked of somebody else than the page's own files."""
    return [url for url in asked if not url.startswith(("file:", "data:"))]
