"""Squares: steady where someone stays, gliding where someone walks, always round the person."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from aislewatch.config.people import Region
from aislewatch.frames.stretches import Stretch
from aislewatch.people.squares import AHEAD_S, BEYOND, SquareLine, prominence, squares_of
from aislewatch.people.tracker import Way

FPS, WIDTH, HEIGHT = 10, 640, 480
REGIONS: list[Region] = ["person", "upper", "scene"]


def way(centres: np.ndarray, first: int = 20, width: float = 60, height: float = 150) -> Way:
    half = np.array([width, height]) / 2
    boxes = np.concatenate([centres - half, centres + half], axis=1)
    n = len(boxes)
    return Way(first, boxes, np.full(n, 0.8), np.zeros(n, bool), np.full(n, 3.0))


def line(start: tuple[float, float], end: tuple[float, float], n: int) -> np.ndarray:
    return np.linspace(start, end, n)


def test_who_stays_has_one_steady_square() -> None:
    draws = np.random.default_rng(0)
    stays = way(np.array([300.0, 240.0]) + draws.normal(0, 5, (50, 2)))
    first, squares = squares_of(stays, Stretch(0, 100, 0), WIDTH, HEIGHT, FPS, ["person"])
    squares = squares[:, 0]
    assert np.ptp(squares, axis=0).max() < 15, "the box's own trembling is 30"
    assert np.abs(np.diff(squares, axis=0)).max() <= 2
    assert (first, len(squares)) == (20 - BEYOND, 50 + 2 * BEYOND)
    left, top, side = squares[len(squares) // 2]
    assert left < stays.boxes[:, 0].min() < stays.boxes[:, 2].max() < left + side
    assert top < stays.boxes[:, 1].min() < stays.boxes[:, 3].max() < top + side
    assert side < 1.35 * 180


def test_who_walks_has_a_square_that_glides() -> None:
    draws = np.random.default_rng(0)
    steady = line((100, 240), (540, 240), 60)
    walks = way(steady + draws.normal(0, 8, (60, 2)))
    _, squares = squares_of(walks, Stretch(20, 80, 0), WIDTH, HEIGHT, FPS, ["person"])
    squares = squares[:, 0]
    assert len(squares) == 60, "it ends with the stretch"
    middle = squares[:, 0] + squares[:, 2] / 2
    steps = np.diff(middle[10:-10])
    assert np.abs(middle[20:-20] - steady[20:-20, 0]).max() < 15
    assert steps.std() < 3, "the box's own trembling is 11"
    inside = (walks.boxes[:, 0] >= squares[:, 0]) & (walks.boxes[:, 2] <= squares[:, :3:2].sum(1))
    assert inside[15:-15].all()


def test_regions_of_somebody_lie_where_their_names_say() -> None:
    stays = way(line((300, 240), (300, 240), 40))
    _, squares = squares_of(stays, Stretch(0, 100, 0), WIDTH, HEIGHT, FPS, REGIONS)
    person, upper, scene = squares[20]
    assert scene.tolist() == [0, (HEIGHT - WIDTH) / 2, WIDTH]
    top, bottom = 240 - 75, 240 + 75
    assert upper[1] < top < upper[1] + upper[2] < bottom < person[1] + person[2]
    assert person[0] <= upper[0] < 270 < 330 < upper[0] + upper[2]
    assert upper[2] < 0.7 * person[2], "hands are shown larger"


def test_no_square_jumps_where_somebody_who_stood_walks_away() -> None:
    goes = way(np.concatenate([np.tile([100.0, 240.0], (40, 1)), line((100, 240), (540, 240), 60)]))
    _, squares = squares_of(goes, Stretch(20, 120, 0), WIDTH, HEIGHT, FPS, ["person"])
    squares = squares[:, 0]
    assert np.abs(np.diff(squares, axis=0)).max() <= 20
    assert (
        (goes.boxes[:, 0] >= squares[:, 0]) & (goes.boxes[:, 2] <= squares[:, :3:2].sum(1))
    ).all()


@given(
    st.lists(st.tuples(st.floats(0, 600), st.floats(0, 400)), min_size=9, max_size=60), st.data()
)
@settings(max_examples=60)
def test_a_camera_chooses_the_squares_of_the_file(
    centres: list[tuple[float, float]], data: st.DataObject
) -> None:
    """However the boxes come, and no later than the seconds ahead: what is to come changes none."""
    whole = way(np.array(centres))
    _, squares = squares_of(whole, Stretch(20, 20 + len(centres), 0), WIDTH, HEIGHT, FPS, REGIONS)
    live, said, at = SquareLine(WIDTH, HEIGHT, FPS, REGIONS), [], 0
    while at < len(centres):
        n = data.draw(st.integers(1, 20))
        said += live.add(whole.boxes[at : at + n])
        at = min(at + n, len(centres))
        assert len(said) == max(0, at - round(AHEAD_S * FPS))
    said += live.end()
    np.testing.assert_array_equal(np.stack(said), squares)


@given(
    st.floats(0, WIDTH), st.floats(0, HEIGHT), st.floats(0, WIDTH), st.floats(0, HEIGHT),
    st.integers(8, 60), st.floats(5, 700), st.integers(0, 10), st.integers(0, 10),
)  # fmt: skip
@settings(max_examples=80)
def test_squares_stay_in_the_picture_and_the_file_in_its_stretch(
    x0: float, y0: float, x1: float, y1: float, n: int, size: float, before: int, after: int
) -> None:
    goes = way(line((x0, y0), (x1, y1), n), 50, size / 2, size)
    stretch = Stretch(50 - before, 50 + n + after, 0)
    first, squares = squares_of(goes, stretch, WIDTH, HEIGHT, FPS, REGIONS)
    assert first == 50 - min(before, BEYOND)
    assert len(squares) == n + min(before, BEYOND) + min(after, BEYOND)
    left, top, side = squares.reshape(-1, 3).T
    for start, whole in ((left, WIDTH), (top, HEIGHT)):
        fits = side <= whole
        assert (start[fits] >= 0).all()
        assert ((start + side)[fits] <= whole + 1).all()
        assert (np.abs((start + side / 2)[~fits] - whole / 2) <= 1).all()
    assert (side >= 1).all()


def test_the_larger_surer_and_livelier_is_the_main_one() -> None:
    plain = way(line((300, 240), (320, 240), 20))
    main = prominence(plain, WIDTH, HEIGHT)
    assert main == np.prod([60, 150]) / (WIDTH * HEIGHT) * 0.8 * 3.0
    n = len(plain.boxes)
    smaller = way(line((300, 240), (320, 240), 20), width=50)
    unsure = Way(20, plain.boxes, np.full(n, 0.5), plain.interpolated, plain.motion)
    still = Way(20, plain.boxes, plain.scores, plain.interpolated, np.full(n, 1.0))
    assert all(prominence(other, WIDTH, HEIGHT) < main for other in (smaller, unsure, still))
