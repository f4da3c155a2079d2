"""Renders a small shop for the tests."""

from pathlib import Path

from aislewatch.synth.shop import render_shop

VIDEOS, SEED = 10, 3


def quiet(done: int, total: int) -> None:
    assert 0 <= done <= total


def render(folder: Path, videos: int = VIDEOS, seed: int = SEED) -> None:
    render_shop(folder, videos, seed, quiet, workers=2)
