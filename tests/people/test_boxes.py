"""Boxes: decoded where the square is, one a person, overlaps as geometry has them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislewatch.people.boxes import SAME_PERSON, decode_boxes, overlaps, suppress
from aislewatch.people.graphs import detector_graph
from aislewatch.people.network import read_yolox
from tests.people.pictures import HEIGHT, WIDTH, Place, i420, picture
from tests.people.sessions import session_of
from tests.people.tiny_detector import BLOB, BOX, SIDE


@pytest.mark.parametrize(
    "places", [[], [(24, 16)], [(64, 8)], [(8, 16), (64, 32)]], ids=["none", "one", "edge", "two"]
)
def test_a_box_lies_round_each_bright_square(tiny: Path, places: list[Place]) -> None:
    session = session_of(detector_graph(read_yolox(tiny), WIDTH, HEIGHT))
    [output] = session.run(None, {"yuv": i420(picture(places))[None]})
    boxes, scores = decode_boxes(output[0], SIDE, 0.35)
    rim = (BOX - BLOB) / 2
    expected = sorted([x - rim, y - rim, x + BLOB + rim, y + BLOB + rim] for x, y in places)
    np.testing.assert_allclose(
        np.array(sorted(boxes.tolist())).reshape(-1, 4), np.array(expected).reshape(-1, 4), atol=0.1
    )
    assert (scores > 0.9).all()


@pytest.mark.parametrize("size", [(96, 54), (96, 58), (70, 96), (54, 54), (2, 96)])
def test_pictures_of_any_even_size_are_looked_at(tiny: Path, size: Place) -> None:
    """Rows of a colour's plane lie two in a row of the packed frame, so one may be half full."""
    session = session_of(detector_graph(read_yolox(tiny), *size))
    grey = picture([(16, 16)] if min(size) > 40 else [], *size)
    [output] = session.run(None, {"yuv": i420(grey)[None]})
    boxes, _ = decode_boxes(output[0], SIDE, 0.35)
    assert np.rint(boxes).tolist() == ([[8, 8, 48, 48]] if min(size) > 40 else [])


@pytest.mark.parametrize("share", [0.5, 0.25, 0.1])
def test_people_are_found_in_a_tenth_of_the_light(tiny: Path, share: float) -> None:
    session = session_of(detector_graph(read_yolox(tiny), WIDTH, HEIGHT))
    filmed = i420(picture([(8, 16), (64, 32)])).astype(np.float32)
    black = np.where(np.arange(len(filmed)) < HEIGHT, 16.0, 128.0)[:, None]
    dark = np.rint(black + (filmed - black) * share).astype(np.uint8)
    found = [
        decode_boxes(session.run(None, {"yuv": frame[None]})[0][0], SIDE, 0.35)[0]
        for frame in (filmed.astype(np.uint8), dark)
    ]
    assert len(found[0]) == 2
    np.testing.assert_allclose(found[1], found[0], atol=1.0)


@st.composite
def some_boxes(draw: st.DrawFn) -> list[list[float]]:
    corner, size = st.integers(0, 30), st.integers(1, 20)
    boxes = draw(st.lists(st.tuples(corner, corner, size, size), min_size=1, max_size=6))
    return [[float(x), float(y), float(x + w), float(y + h)] for x, y, w, h in boxes]


@given(some_boxes())
def test_overlaps_are_those_of_counted_pixels(boxes: list[list[float]]) -> None:
    masks = np.zeros((len(boxes), 60, 60), bool)
    for mask, (left, top, right, bottom) in zip(masks, boxes, strict=True):
        mask[int(top) : int(bottom), int(left) : int(right)] = True
    shared = (masks[:, None] & masks[None]).sum((2, 3)) / (masks[:, None] | masks[None]).sum((2, 3))
    np.testing.assert_allclose(overlaps(np.array(boxes), np.array(boxes)), shared, atol=1e-9)


@given(some_boxes(), st.randoms(use_true_random=False))
def test_of_boxes_of_one_person_the_surest_is_kept(boxes: list[list[float]], draws: object) -> None:
    all_boxes = np.array(boxes)
    scores = np.linspace(0.9, 0.2, len(boxes))
    kept = suppress(all_boxes, scores)
    assert kept[0] == 0
    shared = overlaps(all_boxes, all_boxes)
    for number in range(len(boxes)):
        surer = [other for other in kept if other < number]
        alone = all(shared[number, other] < SAME_PERSON for other in surer)
        assert (number in kept) == alone


@pytest.mark.parametrize(("kind", "found"), [(0, 1), (1, 0)])
def test_only_people_are_found(kind: int, found: int) -> None:
    """Anchor 5 of the finest level of a 32-pixel input: second row, second column."""
    output = np.zeros((21, 7), np.float32)
    output[5, [2, 3]] = np.log(2)
    output[5, [4, 5 + kind]] = 0.9
    boxes, scores = decode_boxes(output, 32, 0.15)
    assert len(boxes) == found
    if found:
        np.testing.assert_allclose(boxes, [[0, 0, 16, 16]], atol=1e-5)
        np.testing.assert_allclose(scores, [0.81], atol=1e-6)
