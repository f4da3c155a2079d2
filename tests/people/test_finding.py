"""What lies between the two passes: sizes, and what each pass reads of the other."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislewatch.people.cutting import BLACK, Cutter, scaled
from aislewatch.people.finding import fitted, read_sightings
from aislewatch.people.graphs import YUV


@given(st.integers(16, 5000), st.integers(16, 5000), st.integers(64, 960))
def test_a_picture_is_fitted_at_an_even_size(width: int, height: int, longest: int) -> None:
    wide, high = fitted(width, height, longest)
    assert not wide % 2
    assert not high % 2
    assert max(wide, high) in (longest, longest - 1)
    scale = longest / max(width, height)
    assert abs(min(wide, high) - min(width, height) * scale) <= 2


def test_the_shop_cameras_sizes() -> None:
    assert fitted(1920, 1080, 416) == (416, 234)
    assert fitted(640, 480, 416) == (416, 312)
    assert fitted(640, 480, 640) == (640, 480)


def test_sightings_are_read_frame_by_frame(tmp_path: Path) -> None:
    rows = [[0, 1, 2, 3, 4, 0.9, 5], [0, 2, 3, 4, 5, 0.8, 6], [4, 1, 1, 2, 2, 0.5, 0]]
    np.save(tmp_path / "some.npy", np.array(rows, float))
    first, second = read_sightings(tmp_path / "some.npy")
    assert (first.frame, second.frame) == (0, 4)
    assert first.boxes.tolist() == [[1, 2, 3, 4], [2, 3, 4, 5]]
    assert (second.scores.tolist(), second.motion.tolist()) == ([0.5], [0.0])
    np.save(tmp_path / "none.npy", np.zeros((0, 7)))
    assert read_sightings(tmp_path / "none.npy") == []


def test_beside_a_small_picture_there_is_black() -> None:
    plane = np.full((20, 40), 200, np.uint8)
    got = scaled(plane, (0.0, -10.0, 40.0, 30.0), 80, BLACK[0])
    assert np.unique(got[:20]).tolist() == [16]
    assert np.unique(got[60:]).tolist() == [16]
    assert np.unique(got[20:60]).tolist() == [200]


class Session:
    """Stands for ONNX Runtime: a frame's feature is how many were asked at once."""

    def run(self, names: None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        frames = inputs[YUV]
        return [np.full((len(frames), 1), len(frames), np.uint8)]


def test_memory_does_not_grow_with_the_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three people, one after the other and two at once; never more than 16 frames of one held."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("aislewatch.people.cutting.open_session", lambda graph: Session())
    ways = [(0, 0, 40), (1, 30, 95), (2, 60, 100)]
    rows = sorted((f, way, 0, 0, 8) for way, first, end in ways for f in range(first, end))
    request = {"size": (16, 16), "n_frames": 100, "width": 16, "height": 16, "graph": "none"}
    cutter = Cutter(request | {"square": 8}, np.array(rows))
    for frame in range(100):
        cutter.write(np.full((24, 16), frame, np.uint8).tobytes())
        assert all(len(held) < 16 for held in cutter._held.values())
        assert all(first <= frame < end for way, first, end in ways if way in cutter._held)
    assert not cutter._held
    for way, first, end in ways:
        kept = np.fromfile(f"{way:06d}.squares", np.uint8).reshape(-1, 12, 8)
        assert kept[:, 0, 0].tolist() == list(range(first, end))
        assert Path(f"{way:06d}.features").stat().st_size == end - first
