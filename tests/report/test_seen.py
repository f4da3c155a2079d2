"""The box of the person whom a score is of, in the films of the worst mistakes."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from aislewatch.report.mistakes import write_loop
from aislewatch.report.seen import LINE, SeenPeople

CATALOG = pd.DataFrame({"video": ["a"], "width": [200], "height": [100]})
# Seen in the frames 5 to 8, one pixel farther right each time.
TRACKS = pd.DataFrame(
    {
        "video": "a",
        "track": 1,
        "frame": range(5, 9),
        "left": [20.0, 21.0, 22.0, 23.0],
        "top": 50.0,
        "right": 120.0,
        "bottom": 100.0,
    }
)


def test_boxes_are_shares_of_the_picture_in_each_frame() -> None:
    people = SeenPeople(TRACKS, CATALOG)
    found = people.boxes("a", 1, np.array([3, 5, 7, 11]))
    expected = [[left / 200, 0.5, 0.6, 1.0] for left in (20, 20, 22, 23)]
    np.testing.assert_allclose(found, expected)
    assert people.boxes("a", -1, np.arange(4)).shape == (0, 4)


def test_a_film_shows_the_box_where_it_is(tmp_path: Path) -> None:
    frames = np.full((3, 96, 64), 128, np.uint8)
    frames[:, :64] += 10 * np.arange(3, dtype=np.uint8)[:, None, None]
    boxes = np.array([[0.25, 0.25, 0.75, 0.75]] * 3)
    write_loop(frames, 10.0, tmp_path / "with.webp", boxes)
    write_loop(frames, 10.0, tmp_path / "without.webp")
    with Image.open(tmp_path / "with.webp") as film:
        assert film.n_frames == 3
        shown = np.asarray(film.convert("RGB")).astype(int)
    with Image.open(tmp_path / "without.webp") as film:
        plain = np.asarray(film.convert("RGB")).astype(int)
    corner = round(0.25 * 63)
    # WebP halves the colours' resolution: a line of one pixel keeps its brightness, not its hue.
    assert shown[corner, 32].sum() > plain[corner, 32].sum() + 40
    assert abs(shown[32, 32] - plain[32, 32]).max() < 8, "inside it nothing is painted over"
    assert sum(LINE) > 3 * 128
