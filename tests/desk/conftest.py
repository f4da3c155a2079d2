"""Fixtures of the desk's tests."""

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher
from playwright.sync_api import Browser, sync_playwright

from aislewatch.desk import people


@pytest.fixture(autouse=True, scope="session")
def cheap_passwords() -> None:
    """Hash passwords at the least cost: dozens are made, and 64 MiB each would take minutes."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    people._HASHER, people._NOBODY = cheap, cheap.hash("nobody")


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A real browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()
