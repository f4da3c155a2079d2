"""A small shop of films that differ in colour."""

from pathlib import Path

from tests.footage_samples import (
    make_video,
)


def make_shop(raw: Path, videos: int = 3) -> None:
    """A source ``shop`` with two cameras."""
    for number in range(videos):
        label = "shoplifting" if number % 2 else "normal"
        name = raw / "shop" / f"cam{number % 3}" / label / f"{number}.mp4"
        make_video(name, hue=10 * number)
