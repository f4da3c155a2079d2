"""A bundle carries a model and a made-up example, and nothing of anybody's footage."""

import json
from pathlib import Path

import mlflow
import numpy as np
import pytest

from aislewatch.models.build import save_model
from aislewatch.register.export import Examples
from aislewatch.register.packaging import build_bundle, made_up_clip
from tests.tiny_models import make_model, random_clips


@pytest.fixture(scope="module")
def footage() -> np.ndarray:
    """Clips as the register stage takes them from the test split; no byte run of it comes twice."""
    return random_clips(4).numpy()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, footage: np.ndarray) -> Path:
    folder = tmp_path_factory.mktemp("bundles")
    save_model(folder / "own", make_model("cnn"))
    build_bundle(folder / "own", Examples(footage), folder / "bundle")
    return folder / "bundle"


def test_no_row_of_the_footage_is_in_it(bundle: Path, footage: np.ndarray) -> None:
    row = footage[0, 0, 0]
    for file in filter(Path.is_file, bundle.rglob("*")):
        content = file.read_bytes()
        spaceless = b"".join(content.split())
        assert row.tobytes() not in content
        assert ",".join(map(str, row)).encode() not in spaceless


def test_the_example_is_made_up_and_a_model_takes_it(bundle: Path, footage: np.ndarray) -> None:
    served = mlflow.pyfunc.load_model(str(bundle))
    example = served.input_example
    assert example is not None
    made_up = made_up_clip(*footage.shape[1:])
    np.testing.assert_array_equal(example["yuv"], made_up[None])
    assert served.predict(example)["probability"].shape == (1,)
    sent = json.loads((bundle / "serving_input_example.json").read_text())
    np.testing.assert_array_equal(sent["inputs"]["yuv"], made_up[None])


def test_the_example_is_no_burden(bundle: Path, footage: np.ndarray) -> None:
    # At most three digits and a comma a number, once for MLflow and once for who serves it.
    most = 2 * (4 * footage[0].size + 2_000)
    examples = sum(file.stat().st_size for file in bundle.glob("*example.json"))
    assert examples < most
    metadata = mlflow.models.Model.load(str(bundle))
    files = [file for file in bundle.glob("*") if file.is_file() and file.name != "MLmodel"]
    assert metadata.model_size_bytes == pytest.approx(
        sum(f.stat().st_size for f in files), abs=2000
    )


def test_the_square_moves_and_stays_inside() -> None:
    clip_TKW = made_up_clip(16, 48, 32)
    assert clip_TKW.dtype == np.uint8
    lit = clip_TKW != clip_TKW[0, 0, 0]
    assert (lit.sum(axis=(1, 2)) == 64).all()
    assert not lit[:, 32:].any(), "colour is none"
    lefts = [int(np.argmax(frame.any(axis=0))) for frame in lit]
    assert lefts == sorted(lefts)
    assert (lefts[0], lefts[-1]) == (0, 24)
