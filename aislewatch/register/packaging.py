"""From a trained model's folder to the bundle that is registered: an MLflow model with our files.

MLflow's ``onnx`` flavour, so that any MLflow user can load and serve it; ``aislewatch/`` inside it
holds what our own loader reads, and the manifest that proves all of it.
"""

import importlib.metadata
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
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec
from numpy.typing import NDArray

from aislewatch.models.build import load_model
from aislewatch.models.facts import ModelFacts, model_facts
from aislewatch.register.bundle import GRAPH, OWN, write_manifest
from aislewatch.register.export import export_onnx

log = logging.getLogger(__name__)


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
    clips_BTKW: NDArray[np.uint8],
    write_cards: Callable[[ModelFacts, float], Mapping[str, str]],
) -> Iterator[Packed]:
    """Make a bundle in a folder that is gone afterwards.

    Args:
        own: a model as ``save_model`` wrote it, and its ``operating.json``.
        clips_BTKW: at least two real clips, uint8: the example, and what parity is checked on.
        write_cards: texts by file name, of what was measured.

    Raises:
        ModelError: the weights cannot be read, or ONNX and torch disagree.
    """
    with tempfile.TemporaryDirectory() as scratch:
        bundle = Path(scratch) / "model"
        difference = build_bundle(own, clips_BTKW, bundle)
        log.info("ONNX agrees with torch to %.1e", difference)
        facts = model_facts(load_model(own), bundle / GRAPH, clips_BTKW[0])
        for name, text in write_cards(facts, difference).items():
            (bundle / OWN / name).write_text(text)
        yield Packed(bundle, write_manifest(bundle), difference, facts)


def build_bundle(own: Path, clips_BTKW: NDArray[np.uint8], bundle: Path) -> float:
    """Write the bundle, all but its cards and manifest; ``bundle`` must not exist yet.

    Args:
        own: a model as ``save_model`` wrote it, and its ``operating.json``.
        clips_BTKW: at least two real clips, uint8: the example, and what parity is checked on.
        bundle: where to write the MLflow model folder.

    Returns:
        The largest difference of a probability between ONNX and torch.

    Raises:
        ModelError: the weights cannot be read, or ONNX and torch disagree.
    """
    network = load_model(own)
    scratch = bundle.with_suffix(".onnx")
    difference = export_onnx(network, clips_BTKW, scratch)
    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.uint8), (-1, *clips_BTKW.shape[1:]), "yuv")]),
        outputs=Schema([TensorSpec(np.dtype(np.float32), (-1,), "probability")]),
    )
    runtime = f"onnxruntime=={importlib.metadata.version('onnxruntime')}"
    with warnings.catch_warnings():
        # MLflow warns of its own deprecations while it writes the folder.
        warnings.simplefilter("ignore")
        mlflow.onnx.save_model(
            onnx.load(scratch),
            str(bundle),
            signature=signature,
            input_example={"yuv": clips_BTKW[:2]},
            pip_requirements=[runtime],
            save_as_external_data=False,
        )
    scratch.unlink()
    shutil.copytree(own, bundle / OWN)
    return difference
