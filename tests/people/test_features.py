"""Features: the pyramid's own numbers in bytes, the same however many frames are asked at once."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from aislewatch.frames.feature_bytes import HIGHEST, LOWEST, STEP
from aislewatch.people.features import (
    LOOKED_AT,
    FeatureFormat,
    feature_format,
    feature_graph,
)
from aislewatch.people.graphs import pyramid_graph
from aislewatch.people.network import read_yolox
from tests.people.sessions import session_of
from tests.people.tiny_detector import CHANNELS

SQUARE = 64


def some_squares(n: int, square: int = SQUARE) -> NDArray[np.uint8]:
    """Smooth random pictures, packed I420."""
    draws = np.random.default_rng(5)
    small = draws.integers(0, 256, (n, 3, 8, 8), dtype=np.uint8)
    frames = []
    for y, u, v in small:
        planes = [
            np.asarray(Image.fromarray(plane).resize((size, size), Image.Resampling.BICUBIC))
            for plane, size in ((y, square), (u, square // 2), (v, square // 2))
        ]
        frames.append(np.concatenate([plane.ravel() for plane in planes]).reshape(-1, square))
    return np.stack(frames)


def bgr(frame: NDArray[np.uint8], square: int, side: int) -> NDArray[np.float32]:
    """Colour a frame by the textbook, and scale it by Pillow."""
    y, u, v = np.split(frame.ravel(), [square * square, square * square * 5 // 4])
    planes = [
        Image.fromarray(plane.reshape(size, size)).convert("F")
        for plane, size in ((y, square), (u, square // 2), (v, square // 2))
    ]
    y, u, v = (
        np.asarray(plane.resize((side, side), Image.Resampling.BILINEAR)) for plane in planes
    )
    y, u, v = 255 / 219 * (y - 16), 255 / 224 * (u - 128), 255 / 224 * (v - 128)
    colours = [y + 1.772 * u, y - 0.344136 * u - 0.714136 * v, y + 1.402 * v]
    return np.clip(np.stack(colours), 0, 255).astype(np.float32)


def to_floats(features: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.expm1(features * STEP) + LOWEST


def expected(weights: Path, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the file itself computes of the coloured pictures and of their mirror images."""
    yolox = read_yolox(weights)
    names = [level.tensor for level in yolox.levels[1:]]
    model = onnx.shape_inference.infer_shapes(yolox.model)
    part = onnx.utils.Extractor(model).extract_model([yolox.input], names)
    del part.graph.value_info[:]
    for value in [*part.graph.input, *part.graph.output]:
        for size in value.type.tensor_type.shape.dim:
            size.Clear()
    session = session_of(part)
    rows = []
    for frame in frames:
        image = bgr(frame, frame.shape[1], LOOKED_AT)[None]
        for seen in (image, np.ascontiguousarray(image[..., ::-1])):
            fine, coarse = session.run(None, {yolox.input: seen})
            fine = fine[0].reshape(len(fine[0]), 8, 2, 8, 2).max((2, 4))
            rows.append(np.concatenate([fine, coarse[0]]))
    return np.stack(rows).reshape(len(frames), 2, *rows[0].shape)


@pytest.mark.parametrize("weights", ["tiny", "nano"])
def test_bytes_tell_what_the_detectors_own_pyramid_says(
    weights: str, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(weights)
    frames, form = some_squares(3), feature_format(path)
    session = session_of(feature_graph(path, SQUARE))
    [got] = session.run(None, {"yuv": frames})
    assert got.shape == (3, form.frame_bytes)
    want = expected(path, frames)
    step = STEP * (want - LOWEST + 1)  # of the rule, at that value
    assert (np.abs(to_floats(got).reshape(want.shape) - want) <= 0.75 * step + 2e-3).all()
    assert len(np.unique(got)) > 20


@pytest.mark.parametrize("weights", ["tiny", "nano"])
def test_a_frames_features_do_not_depend_on_the_others(
    weights: str, request: pytest.FixtureRequest
) -> None:
    session = session_of(feature_graph(request.getfixturevalue(weights), SQUARE))
    frames = some_squares(5)
    [together] = session.run(None, {"yuv": frames})
    alone = [session.run(None, {"yuv": frame[None]})[0][0] for frame in frames]
    np.testing.assert_array_equal(together, alone)


def test_a_frame_of_two_regions_has_the_features_of_each(tiny: Path) -> None:
    """All as filmed first, then all mirrored: a network takes the one half or the other."""
    frames, form = some_squares(6), feature_format(tiny, regions=2)
    pairs = frames.reshape(3, -1, SQUARE)
    [together] = session_of(feature_graph(tiny, SQUARE, regions=2)).run(None, {"yuv": pairs})
    [alone] = session_of(feature_graph(tiny, SQUARE)).run(None, {"yuv": frames})
    by_region = together.reshape(3, 2, 2, -1)
    np.testing.assert_array_equal(by_region.swapaxes(1, 2).reshape(6, -1), alone)
    assert together.shape[1] == form.frame_bytes


def test_other_members_have_other_channels(tiny: Path, nano: Path) -> None:
    assert feature_format(tiny) == FeatureFormat(CHANNELS[1] + CHANNELS[2])
    assert feature_format(nano).frame_bytes == 2 * 24_576


def test_the_graph_is_valid_and_the_same_each_time(tiny: Path) -> None:
    graph = feature_graph(tiny, SQUARE)
    onnx.checker.check_model(graph, full_check=True)
    assert graph.SerializeToString() == feature_graph(tiny, SQUARE).SerializeToString()
    [opset] = graph.opset_import
    assert opset.version == 18


def test_the_pyramid_can_be_had_alone(tiny: Path) -> None:
    graph, names = pyramid_graph(read_yolox(tiny), SQUARE, LOOKED_AT, 1)
    fine, coarse = session_of(graph).run(names, {"yuv": some_squares(2)})
    assert fine.shape == (4, CHANNELS[1], 16, 16)
    assert coarse.shape == (4, CHANNELS[2], 8, 8)


@given(st.floats(LOWEST, HIGHEST))
def test_a_feature_comes_back_within_half_a_step(value: float) -> None:
    byte = np.round(np.log1p(value - LOWEST) / STEP).astype(np.uint8)
    back = float(to_floats(np.array([byte]))[0])
    assert abs(back - value) <= 0.51 * STEP * (value - LOWEST + 1) + 1e-5
