"""Boxes become ways: who begins one, who goes on, gaps, and what a way never crosses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aislewatch.config.people import Tracker
from aislewatch.frames.stretches import Stretch
from aislewatch.people.tracker import FEWEST_FRAMES, Following, OpenWay, Sightings, follow

SETTINGS = Tracker(begin_score=0.35, go_on_score=0.15, gap=8)
Found = tuple[float, float]
FOUND = st.tuples(st.integers(0, 60), st.floats(0.0, 1.0))


def look(frame: int, *found: Found) -> Sightings:
    """Boxes of 10 × 20 pixels by their left side and score."""
    boxes = np.array([[left, 0, left + 10, 20] for left, _ in found], float).reshape(-1, 4)
    scores = np.array([score for _, score in found], float)
    return Sightings(frame, boxes, scores, np.ones(len(found)))


def whole(n_frames: int) -> list[Stretch]:
    return [Stretch(0, n_frames, 0)]


def test_two_people_side_by_side_are_two_ways() -> None:
    looks = [look(frame, (frame * 2, 0.9), (100 - frame * 2, 0.8)) for frame in range(20)]
    ways = follow(looks, whole(20), SETTINGS, 1)
    assert [(way.first, way.end) for way in ways] == [(0, 20), (0, 20)]
    assert sorted((way.boxes[0, 0], way.boxes[-1, 0]) for way in ways) == [(0, 38), (100, 62)]


def test_a_weak_box_goes_on_but_does_not_begin() -> None:
    scores = [0.2] * 5 + [0.9] + [0.2] * 20 + [0.1] * 20
    looks = [look(frame, (0, score)) for frame, score in enumerate(scores)]
    [way] = follow(looks, whole(46), SETTINGS, 1)
    assert (way.first, way.end) == (5, 26)


@pytest.mark.parametrize(
    ("every", "missing", "ways"), [(1, 8, 1), (1, 9, 2), (3, 6, 1), (3, 9, 2), (12, 0, 1)]
)
def test_a_gap_is_filled_up_to_its_length(every: int, missing: int, ways: int) -> None:
    frames = [frame for frame in range(60) if not 24 <= frame < 24 + missing and not frame % every]
    found = follow([look(frame, (frame / 2, 0.9)) for frame in frames], whole(60), SETTINGS, every)
    assert len(found) == ways
    if ways == 1:
        [way] = found
        np.testing.assert_allclose(way.boxes[:, 0], np.arange(way.first, way.end) / 2)
        assert np.flatnonzero(~way.interpolated).tolist() == frames


def test_a_filled_box_has_the_nearer_ends_score() -> None:
    looks = [look(frame, (0, score)) for frame, score in [(0, 0.9), (4, 0.5), (8, 0.9)]]
    [way] = follow(looks, whole(9), SETTINGS, 4)
    assert way.scores.tolist() == [0.9, 0.9, 0.5, 0.5, 0.5, 0.5, 0.9, 0.9, 0.9]


def test_no_way_crosses_a_gap_of_the_video() -> None:
    looks = [look(frame, (0, 0.9)) for frame in range(40)]
    ways = follow(looks, [Stretch(0, 15, 0), Stretch(15, 40, 600)], SETTINGS, 1)
    assert [(way.first, way.end) for way in ways] == [(0, 15), (15, 40)]


def test_what_is_seen_for_a_moment_is_left_out() -> None:
    looks = [look(frame, (0, 0.9)) for frame in range(FEWEST_FRAMES)]
    assert len(follow(looks, whole(40), SETTINGS, 1)) == 1
    assert follow(looks[1:], whole(40), SETTINGS, 1) == []


def test_a_jump_is_another_person() -> None:
    looks = [look(frame, (0 if frame < 20 else 60, 0.9)) for frame in range(40)]
    assert [way.first for way in follow(looks, whole(40), SETTINGS, 1)] == [0, 20]


@given(
    st.lists(
        st.lists(FOUND, max_size=4),
        min_size=1,
        max_size=40,
    ),
    st.integers(1, 3),
    st.integers(1, 39),
)
@settings(max_examples=60)
def test_each_box_belongs_to_one_way_at_most(
    found: list[list[Found]], every: int, cut: int
) -> None:
    looks = [look(number * every, *boxes) for number, boxes in enumerate(found)]
    n_frames = len(found) * every
    cut = min(cut, n_frames - 1) or n_frames
    stretches = [Stretch(0, cut, 0)] + ([Stretch(cut, n_frames, 999)] if cut < n_frames else [])
    ways = follow(looks, stretches, SETTINGS, every)
    seen: set[tuple[int, float, float]] = set()
    for way in ways:
        assert any(s.first <= way.first and way.end <= s.end for s in stretches)
        assert way.end - way.first >= FEWEST_FRAMES
        assert not way.interpolated[[0, -1]].any()
        own = {
            (way.first + int(at), float(way.boxes[at, 0]), float(way.scores[at]))
            for at in np.flatnonzero(~way.interpolated)
        }
        assert len(own) == len(way.motion)
        for frame, left, score in own:
            assert (left, score) in found[frame // every]
        assert max(score for _, _, score in own) >= SETTINGS.begin_score
        twice = {one for one in own & seen if found[one[0] // every].count(one[1:]) < 2}
        assert not twice
        seen |= own


def test_who_comes_close_to_another_begins_a_way_of_its_own() -> None:
    """A box that went on with a way begins none: its double would take the newcomer for itself."""
    both = [look(frame, (0, 0.9), (5, 0.8)) for frame in range(10, 30)]
    ways = follow([*(look(frame, (0, 0.9)) for frame in range(10)), *both], whole(30), SETTINGS, 1)
    assert [(way.first, way.end) for way in ways] == [(0, 30), (10, 30)]


@given(st.lists(st.lists(FOUND, max_size=3), min_size=12, max_size=40), st.integers(1, 3))
@settings(max_examples=60)
def test_a_camera_has_the_ways_of_the_file_in_the_same_order(
    found: list[list[Found]], every: int
) -> None:
    looks = [look(number * every, *boxes) for number, boxes in enumerate(found)]
    ways = follow(looks, whole(len(looks) * every), SETTINGS, every)
    following, known = Following(SETTINGS, every), []
    boxes: dict[OpenWay, list[np.ndarray]] = {}
    for one in looks:
        following.take(one)
        for way in following.open_ways:
            so_far = boxes.setdefault(way, [])
            so_far.extend(way.boxes_from(way.frames[0] + len(so_far)))
        known += sorted(
            (way for way in following.open_ways if way.known_at == one.frame), key=OpenWay.order
        )
    assert [way.first for way in ways] == [way.frames[0] for way in known]
    for way, live in zip(ways, known, strict=True):
        np.testing.assert_array_equal(way.boxes, np.stack(boxes[live]))
