"""Copies are found by what moves in them; a shared room, or standing still, proves nothing."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aislewatch.config import load_params
from aislewatch.footage.fingerprint import find_duplicates, signature_of_frames
from tests.code_closure import ROOT

SIZE = 64
FPS = 10
THRESHOLD = load_params(ROOT / "params.yaml").validate_.duplicate_share


def film(n_frames: int, walk: int, start: int = 0) -> np.ndarray:
    """Luma (T, 64, 64) of a person-sized blob on a random walk through one cluttered room."""
    room = np.random.default_rng(0).integers(60, 200, (SIZE, SIZE))
    steps = np.random.default_rng(walk).normal(0, 2.5, (start + n_frames, 2)).cumsum(axis=0)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    frames = []
    for y, x in steps[start:]:
        y, x = 32 + 20 * np.sin(y / 20 + walk), 32 + 24 * np.sin(x / 24)
        person = (((rows - y) / 12) ** 2 + ((columns - x) / 6) ** 2) < 1
        frames.append(np.where(person, 30, room))
    return np.array(frames, np.float64)


def sign(tmp_path: Path, luma: np.ndarray) -> np.ndarray:
    """Signature of a film, through a real store file."""
    grey = np.full((len(luma), SIZE // 2, SIZE), 128, np.uint8)
    yuv = np.concatenate([np.clip(np.rint(luma), 0, 255).astype(np.uint8), grey], axis=1)
    path = tmp_path / "film.yuv"
    yuv.tofile(path)
    return signature_of_frames(path, SIZE, FPS)


def noisy(luma: np.ndarray, seed: int = 0) -> np.ndarray:
    """As after another encoding: noise of 3 grey levels, a little brighter."""
    return luma * 1.05 + np.random.default_rng(seed).normal(3, 3, luma.shape)


def test_a_signature_is_the_change_of_cell_means(tmp_path):
    luma = film(6, walk=1)
    cells = luma.reshape(6, 16, 4, 16, 4).mean(axis=(2, 4)).reshape(6, 256)
    expected = np.clip(np.rint(cells[2:] - cells[:-2]), -127, 127)
    np.testing.assert_array_equal(sign(tmp_path, luma), expected)


def test_a_long_film_is_signed_as_a_short_one(tmp_path):
    """Frames are read in blocks; nothing shows where one ends."""
    luma = film(300, walk=1)
    whole = sign(tmp_path, luma)
    np.testing.assert_array_equal(whole[250:], sign(tmp_path, luma[250:]))


def test_a_film_shorter_than_the_lag_has_no_signature(tmp_path):
    assert sign(tmp_path, film(2, walk=1)).shape == (0, 256)
    assert (
        find_duplicates(
            {"a": sign(tmp_path, film(2, walk=1))} | {"b": sign(tmp_path, film(1, 1))}, 0.3
        )
        == []
    )


COPIES = {
    "encoded again": lambda luma: noisy(luma),
    "a part": lambda luma: noisy(luma[11:31]),
    "watermarked": lambda luma: np.where(np.arange(SIZE)[:, None] < 8, 235, luma),
    "cropped": lambda luma: noisy(luma)[:, np.minimum(np.arange(SIZE) + 1, 63)],
}


@pytest.mark.parametrize("change", COPIES)
@pytest.mark.parametrize("walk", [1, 2, 3])
def test_a_copy_is_found(tmp_path, change, walk):
    luma = film(40, walk)
    signatures = {"b": sign(tmp_path, luma), "a": sign(tmp_path, COPIES[change](luma))}
    [(a, b, share)] = find_duplicates(signatures, THRESHOLD)
    assert (a, b) == ("a", "b")
    assert THRESHOLD <= share <= 1


def test_other_walks_through_the_same_room_are_no_copies(tmp_path):
    films = {f"{walk:02d}": sign(tmp_path, film(40, walk)) for walk in range(20)}
    assert find_duplicates(films, THRESHOLD) == []


def test_standing_still_proves_nothing(tmp_path):
    """Two hours of the same empty shop are the same camera, not the same recording."""
    room = film(1, walk=1).repeat(60, axis=0)
    films = {
        name: sign(tmp_path, room + np.random.default_rng(seed).normal(0, 2, room.shape))
        for name, seed in (("a", 1), ("b", 2))
    }
    assert find_duplicates(films, 0.0) == []


def test_a_burned_in_clock_proves_nothing(tmp_path):
    """Its digits change at the same pace in every recording of that recorder, all the time."""
    films = {}
    for name, grey in (("a", 90), ("b", 150)):
        luma = np.full((60, SIZE, SIZE), grey, np.float64)
        luma[:, 2:6, 40:44] += 6 * (np.arange(60) // 2 % 2)[:, None, None]
        films[name] = sign(tmp_path, luma)
        assert films[name].any()
    assert find_duplicates(films, 0.0) == []


def test_single_frames_that_match_are_chance():
    """A third of the frames are the same, never three in a row."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(-20, 21, (2, 60, 256)).astype(np.int8)
    b[::3] = a[::3]
    assert find_duplicates({"a": a, "b": b}, THRESHOLD) == []


def test_cuts_that_overlap_share_what_they_share(tmp_path):
    """30 frames each, 15 in common: 13 signatures of 28 match."""
    films = {"a": sign(tmp_path, film(30, 5)), "b": sign(tmp_path, film(30, 5, start=15))}
    [(_, _, share)] = find_duplicates(films, THRESHOLD)
    assert share == pytest.approx(13 / 28, abs=0.1)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(0, 30), st.integers(12, 40))
def test_a_part_is_found_wherever_it_lies(seed, start, length):
    rng = np.random.default_rng(seed)
    whole = rng.integers(-20, 21, (start + length + 10, 256)).astype(np.int8)
    part = whole[start : start + length]
    other = rng.integers(-20, 21, (50, 256)).astype(np.int8)
    assert find_duplicates({"whole": whole, "part": part, "other": other}, 0.3) == [
        ("part", "whole", 1.0)
    ]


def test_long_videos_are_compared_in_blocks(monkeypatch):
    """The same answer whatever the block, also for a run that crosses its edge."""
    rng = np.random.default_rng(0)
    whole = rng.integers(-20, 21, (100, 256)).astype(np.int8)
    videos = {"a": whole, "b": whole[37:90]}
    expected = find_duplicates(videos, 0.3)
    monkeypatch.setattr("aislewatch.footage.fingerprint.BLOCK", 7)
    assert find_duplicates(videos, 0.3) == expected == [("a", "b", 1.0)]
