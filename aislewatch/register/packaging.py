"""Makes of a trained model's folder the bundle that is registered: an MLflow model with our files.

MLflow's ``onnx`` flavour, so that any MLflow user can load and serve it; ``aislewatch/`` inside it
holds what our own loader reads, and the manifest that proves all of it.
"""

import importlib.metadata
import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import mlflow.onnx
import numpy as np
import onnx
from mlflow.models import Model, ModelSignature
from mlflow.models.model import MLMODEL_FILE_NAME
from mlflow.types import Schema, TensorSpec
from numpy.typing import NDArray

from aislewatch.models.build import load_model
from aislewatch.models.facts import ModelFacts, model_facts
from aislewatch.people.features import feature_graph
from aislewatch.register.bundle import DETECTOR, GRAPH, OWN, write_manifest
from aislewatch.register.export import PROBABILITY, YUV, Examples, export_onnx

log = logging.getLogger(__name__)

# Of the made-up example: luma in the middle, which as chroma is no colour, and nearly white.
GREY, BRIGHT = 128, 220


@dataclass(frozen=True)
class Packed:
    """A bundle ready to be registered: its folder, its manifest's sha256, what was measured."""

    folder: Path
    manifest: str
    difference: float  # the largest of a probability between ONNX and torch
    facts: ModelFacts


@contextmanager
def pack(
    own: Path,
    examples: Examples,
    write_cards: Callable[[ModelFacts, float], Mapping[str, str]],
) -> Iterator[Packed]:
    """Make a bundle in a folder that is removed afterwards.

    Args:
        own: a model as ``save_model`` wrote it, and its ``operating.json``.
        examples: real clips to check parity on; they are not stored.
        write_cards: texts by file name, of what was measured.

    Raises:
        ModelError: the weights cannot be read, or ONNX and torch disagree.
    """
    with tempfile.TemporaryDirectory() as scratch:
        bundle = Path(scratch) / "model"
        difference = build_bundle(own, examples, bundle)
        log.info("ONNX agrees with torch to %.1e", difference)
        facts = model_facts(
            load_model(own), bundle / GRAPH, examples.taken_BTKW[0], examples.given_BTKW[0]
        )
        for name, text in write_cards(facts, difference).items():
            (bundle / OWN / name).write_text(text)
        yield Packed(bundle, write_manifest(bundle), difference, facts)


def made_up_clip(n_frames: int, rows: int, width: int) -> NDArray[np.uint8]:
    """Draw a clip that shows a user the input: a bright square crosses grey from left to right.

    A version goes to other places than the footage may, so it shows nobody's shop.

    Args:
        n_frames: frames of a clip (T).
        rows: of a frame in I420 (K): 3/2 of its height.
        width: of a frame (W), pixels; as high as wide.

    Returns:
        uint8 (T, K, W); black is 16 and white is 235, colour at 128 is none (ITU-R BT.601).
    """
    clip_TKW = np.full((n_frames, rows, width), GREY, np.uint8)
    side = width // 4
    top = (width - side) // 2
    for frame_KW, left in zip(clip_TKW, np.linspace(0, width - side, n_frames), strict=True):
        frame_KW[top : top + side, int(left) : int(left) + side] = BRIGHT
    return clip_TKW


def build_bundle(own: Path, examples: Examples, bundle: Path) -> float:
    """Write the bundle, all but its cards and manifest; ``bundle`` must not exist yet.

    Args:
        own: a model as ``save_model`` wrote it, and its ``operating.json``.
        examples: real clips to check parity on; they are not stored.
        bundle: where to write the MLflow model folder.

    Returns:
        The largest difference of a probability between ONNX and torch.

    Raises:
        ModelError: the weights cannot be read, or ONNX and torch disagree.
    """
    network = load_model(own)
    people, front = network.config.people, None
    if people is not None and network.config.model.encoder == "detector":
        front = feature_graph(own / DETECTOR, people.square, len(people.regions))
    scratch, given = bundle.with_suffix(".onnx"), examples.given_BTKW.shape[1:]
    difference = export_onnx(network, examples, scratch, front)
    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.uint8), (-1, *given), YUV)]),
        outputs=Schema([TensorSpec(np.dtype(np.float32), (-1,), PROBABILITY)]),
    )
    runtime = f"onnxruntime=={importlib.metadata.version('onnxruntime')}"
    with warnings.catch_warnings():
        # MLflow warns of its own deprecations while it writes the folder.
        warnings.simplefilter("ignore")
        mlflow.onnx.save_model(
            onnx.load(scratch),
            str(bundle),
            signature=signature,
            input_example={YUV: made_up_clip(*given)[None]},
            pip_requirements=[runtime],
            save_as_external_data=False,
        )
    scratch.unlink()
    _shorten_examples(bundle)
    shutil.copytree(own, bundle / OWN)
    return difference


def _shorten_examples(bundle: Path) -> None:
    """Write the example without spaces: MLflow's indentation is 14 of every 18 bytes.

    A clip of 16 frames of 128 × 128 pixels is 7 MB as MLflow writes it for serving, and 1.6 so.
    """
    for file in bundle.glob("*example.json"):
        file.write_text(json.dumps(json.loads(file.read_text()), separators=(",", ":")))
    metadata = Model.load(str(bundle))
    metadata.model_size_bytes = sum(f.stat().st_size for f in bundle.rglob("*") if f.is_file())
    metadata.save(str(bundle / MLMODEL_FILE_NAME))
