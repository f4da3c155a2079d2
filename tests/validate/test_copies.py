"""Copies of every kind are found by what moves; other people in the same room are no copies."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aislewatch.config.params import load_params
from aislewatch.frames.fingerprint import Fingerprint
from aislewatch.validate.copies import find
from aislewatch.validate.copies.find import Copy, find_copies
from aislewatch.validate.copies.index import NEAREST, WindowIndex
from aislewatch.validate.copies.pose import PROMISING, UPRIGHT, find_pose
from aislewatch.validate.copies.unmoved import plain_likeness
from tests.code_closure import ROOT
from tests.films import SIZE, faster, film, fingerprint, framed, noisy, resized

SHARE = load_params(ROOT / "params.yaml").validate_.duplicate_share


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Fingerprint]:
    """Sixteen walks through one room: what a copy must be told from."""
    folder = tmp_path_factory.mktemp("strangers")
    return {f"{walk:02d}": fingerprint(folder, film(40, walk)) for walk in range(100, 116)}


COPIES = {
    "encoded again": noisy,
    "a part": lambda luma: noisy(luma[11:31]),
    "logo": lambda luma: np.where(
        (np.arange(SIZE)[:, None] < 8) & (np.arange(SIZE) < 12), 235, luma
    ),
    "crop": lambda luma: noisy(resized(luma, 0.05, 0.1, 0.9, 0.88)),
    "border": lambda luma: noisy(framed(luma, 0.08)),
    "mirror": lambda luma: noisy(luma[:, :, ::-1]),
    "faster": lambda luma: noisy(faster(luma, 1.1)),
    "slower": lambda luma: noisy(faster(luma, 0.9)),
    "brighter": lambda luma: 0.8 * luma + 30,
    "mirrored crop": lambda luma: noisy(resized(luma, 0.1, 0.0, 0.9, 0.95)[:, :, ::-1]),
}


@pytest.mark.parametrize("change", COPIES)
@pytest.mark.parametrize("walk", [1, 2])
def test_a_copy_is_found_among_strangers(
    tmp_path: Path, strangers: dict[str, Fingerprint], change: str, walk: int
) -> None:
    luma = film(50, walk)
    pair = {"b": fingerprint(tmp_path, luma), "a": fingerprint(tmp_path, COPIES[change](luma))}
    [found] = [copy for copy in find_copies(pair | strangers) if copy.share >= SHARE]
    assert (found.a, found.b) == ("a", "b")
    assert found.mirrored == change.startswith("mirror")
    speed = {"faster": 1.1, "slower": 0.9}.get(change, 1.0)
    assert found.speed == pytest.approx(speed, abs=0.05)
    if change == "a part":
        assert found.start_b_s == pytest.approx(1.1, abs=0.2)
        assert found.end_b_s == pytest.approx(3.1, abs=0.3)


def test_walks_through_one_room_are_no_copies(strangers: dict[str, Fingerprint]) -> None:
    assert [copy for copy in find_copies(strangers) if copy.share >= SHARE] == []


def test_a_mirrored_walk_through_a_room_that_is_not_is_no_copy(tmp_path: Path) -> None:
    """Only the room tells them apart: the same walk, mirrored, before the same background."""
    walk, empty = film(40, 5), film(1, 5)[0]
    person = np.abs(walk - empty) > 20
    other = np.where(person[:, :, ::-1], walk[:, :, ::-1], film(40, 6)[:1])
    pair = {"a": fingerprint(tmp_path, walk), "b": fingerprint(tmp_path, other)}
    assert [copy for copy in find_copies(pair) if copy.share >= SHARE] == []


def test_standing_still_proves_nothing(tmp_path: Path) -> None:
    """Two hours of the same empty shop are the same camera, not the same recording."""
    room = film(1, walk=1).repeat(60, axis=0)
    noise = [np.random.default_rng(seed).normal(0, 2, room.shape) for seed in (1, 2)]
    films = {name: fingerprint(tmp_path, room + noise[name == "b"]) for name in ("a", "b")}
    assert find_copies(films) == []


def test_a_burned_in_clock_proves_nothing(tmp_path: Path) -> None:
    """Its digits change at the same pace in every recording of that recorder, all the time."""
    films = {}
    for name, room in (("a", 1), ("b", 2)):
        luma = film(1, walk=1, room=room).repeat(60, axis=0)
        luma[:, 2:6, 40:44] = (60 + 90 * (np.arange(60) // 5 % 2))[:, None, None]
        films[name] = fingerprint(tmp_path, luma)
        assert films[name].n_moving
    assert find_copies(films) == []


def test_films_shorter_than_a_window_have_no_copies(tmp_path: Path) -> None:
    for n_frames in (1, 2, 3, 11):
        short = fingerprint(tmp_path, film(n_frames, walk=1))
        assert find_copies({"a": short, "b": short}) == []
    assert find_copies({}) == []


def test_cuts_that_overlap_share_what_they_share(tmp_path: Path) -> None:
    """40 frames each, 20 in common."""
    first, second = film(40, 5), film(40, 5, start=20)
    pair = {"a": fingerprint(tmp_path, first), "b": fingerprint(tmp_path, second)}
    [found] = find_copies(pair)
    assert found.share == pytest.approx(18 / 38, abs=0.08)
    assert (found.start_a_s, found.start_b_s) == pytest.approx((2.0, 0.0), abs=0.2)
    assert (found.end_a_s, found.end_b_s) == pytest.approx((4.0, 2.0), abs=0.2)


def test_a_part_inside_a_whole_is_found_where_it_is(tmp_path: Path) -> None:
    part = film(30, 7)
    whole = np.concatenate([film(45, 8, room=1), noisy(part), film(60, 9, room=2)])
    pair = {"part": fingerprint(tmp_path, part), "whole": fingerprint(tmp_path, whole)}
    [found] = find_copies(pair)
    assert found.share > 0.8
    assert (found.start_a_s, found.end_a_s) == pytest.approx((0.0, 3.0), abs=0.2)
    assert (found.start_b_s, found.end_b_s) == pytest.approx((4.5, 7.5), abs=0.2)


def test_a_long_copy_at_another_speed_is_followed_to_its_end(tmp_path: Path) -> None:
    luma = film(900, 11)
    pair = {"a": fingerprint(tmp_path, luma), "b": fingerprint(tmp_path, faster(luma, 1.07))}
    [found] = find_copies(pair)
    assert found.share > 0.85
    assert found.speed == pytest.approx(1 / 1.07, abs=0.01)
    assert found.end_a_s == pytest.approx(90.0, abs=1.0)


@settings(max_examples=12)
@given(walk=st.integers(0, 10**6), turned=st.booleans(), part=st.integers(0, 20))
def test_a_video_is_a_copy_of_itself_and_names_and_order_do_not_matter(
    tmp_path_factory: pytest.TempPathFactory, walk: int, turned: bool, part: int
) -> None:
    folder = tmp_path_factory.getbasetemp()
    luma = film(45, walk)
    one = fingerprint(folder, luma)
    other = fingerprint(folder, luma[part:, :, ::-1] if turned else luma[part:])
    third = fingerprint(folder, film(45, walk + 1))
    found = find_copies({"x": one, "y": other, "z": third, "self": one})
    swapped = find_copies({"self": one, "z": third, "x": other, "y": one})
    itself = [copy for copy in found if (copy.a, copy.b) == ("self", "x")]
    assert [(copy.speed, copy.mirrored) for copy in itself] == [(1.0, False)]
    assert itself[0].share >= 0.9  # a frame that moves alone between still ones does not count
    assert {_as_set(copy) for copy in found} == {
        _as_set(copy, {"x": "y", "y": "x"}) for copy in swapped
    }


def _as_set(copy: Copy, names: dict[str, str] | None = None) -> frozenset[object]:
    """A pair whatever the order of its videos."""
    a, b = ((names or {}).get(name, name) for name in (copy.a, copy.b))
    part_a, part_b = (copy.start_a_s, copy.end_a_s), (copy.start_b_s, copy.end_b_s)
    return frozenset({(a, part_a), (b, part_b), copy.share, copy.mirrored})


def test_several_processes_find_what_one_finds(
    tmp_path: Path, strangers: dict[str, Fingerprint], monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = film(50, 3)
    films = {"a": fingerprint(tmp_path, walk), "b": fingerprint(tmp_path, noisy(walk)), **strangers}
    alone = find_copies(films)
    monkeypatch.setattr(find, "WORTH_A_PROCESS", 1)
    assert find_copies(films, workers=2) == alone
    assert alone


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(1, 700))
def test_the_index_finds_what_all_pairs_find_while_it_is_small(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(count, 80))
    numbers[count // 2 :] = (
        numbers[: count - count // 2] + rng.normal(0, 0.4, numbers.shape)[count // 2 :]
    )
    numbers *= 127 / np.linalg.norm(numbers, axis=1, keepdims=True)
    whole = np.rint(numbers).astype(np.int8)
    video = np.arange(count) // 3
    found: dict[int, list[float]] = {n: [] for n in range(count)}
    for match in WindowIndex(whole, video).matches(whole, video):
        assert (video[match.queries_M] != video[match.stored_M]).all()
        for query, product in zip(match.queries_M, match.products_M, strict=True):
            found[int(query)].append(float(product))
    products = whole.astype(int) @ whole.astype(int).T
    products[video[:, None] == video] = 0
    for query, row in enumerate(products):
        nearest = sorted(row[row >= 0.6 * 127**2], reverse=True)[:NEAREST]
        assert sorted(found[query], reverse=True)[:NEAREST] == nearest


def test_a_pose_is_found_from_the_stills() -> None:
    luma = film(1, walk=1)
    cells = [_cells(picture) for picture in (luma, resized(luma, 0.1, 0.05, 0.8, 0.85))]
    alike, pose = find_pose([cells], False)
    assert alike > 0.95 > plain_likeness(*(one[None] for one in cells), False)
    # b shows 0.8 of a's height from 0.1 on: its cells are 1 / 0.8 as large.
    assert pose.y.scale == pytest.approx(1 / 0.8, abs=0.06)
    assert pose.x.scale == pytest.approx(1 / 0.85, abs=0.06)
    assert plain_likeness(cells[0][None], cells[0][None, :, ::-1], True) == pytest.approx(1)


@given(st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=20)
def test_the_likeness_of_a_pose_is_that_of_the_drawn_picture(seed: int, mirrored: bool) -> None:
    """The search draws no picture; a crop with noise, so that some pose is worth finding."""
    random = np.random.default_rng(seed)
    whole = random.uniform(0, 255, (24, 24)).cumsum(axis=1) % 256
    a = np.rint(whole[4:20, 4:20])
    b = np.rint(whole[3:19, 5:21] + random.normal(0, 5, (16, 16)))
    alike, pose = find_pose([(a, b[:, ::-1] if mirrored else b)], mirrored)
    if pose is UPRIGHT:
        assert alike < PROMISING
        return
    inside = pose.inside() > 0
    drawn = pose.draw(b[:, ::-1] if mirrored else b)[inside]
    assert alike == pytest.approx(np.corrcoef(a[inside], drawn)[0, 1])


def _cells(luma: np.ndarray) -> np.ndarray:
    return np.rint(luma[0].reshape(16, 4, 16, 4).mean(axis=(1, 3)))


def test_stills_and_changes_are_read_back(tmp_path: Path) -> None:
    """A change up to 32 is kept to a 15th of the frame's largest root; stills are exact."""
    luma = np.rint(film(30, walk=1))
    cells = luma.reshape(30, 16, 4, 16, 4).mean(axis=(2, 4))
    one = fingerprint(tmp_path, luma)
    np.testing.assert_array_equal(one.stills_SYX, np.rint(cells[::10]))
    change = np.clip(cells[2:] - cells[:-2], -32, 32)
    read = one.changes(0, 28) / 8
    root, expected = (np.sign(x) * np.sqrt(np.abs(x)) for x in (read, change))
    step = np.abs(expected).max(axis=(1, 2), keepdims=True) / 7
    assert (np.abs(root - expected) <= step / 2 + 0.1)[one.moving].all()
    assert replace(one).digest == one.digest


def test_a_long_film_is_signed_as_a_short_one(tmp_path: Path) -> None:
    """Frames are read in blocks; nothing shows where one ends."""
    luma = film(300, walk=1)
    whole, part = fingerprint(tmp_path, luma), fingerprint(tmp_path, luma[250:])
    np.testing.assert_array_equal(whole.rows_TR[250:], part.rows_TR)
    np.testing.assert_array_equal(whole.stills_SYX[25:], part.stills_SYX)
