"""From a trained model's folder to the bundle that is registered: an MLflow model with our files.

MLflow's ``onnx`` flavour, so that any MLflow user can load and serve it; ``aislewatch/`` inside it
holds what our own loader reads, and the manifest that proves all of it.
"""

import importlib.metadata
import shutil
import warnings
from pathlib import Path

import mlflow.onnx
import numpy as np
import onnx
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec
from numpy.typing import NDArray

from aislewatch.models.build import CONFIG_FILE, WEIGHTS_FILE, load_model
from aislewatch.models.bundle import OWN, write_manifest
from aislewatch.models.export import export_onnx


def build_bundle(
    model_folder: Path, clips_BTKW: NDArray[np.uint8], bundle: Path
) -> tuple[str, float]:
    """Write the bundle; ``bundle`` must not exist yet.

    Args:
        model_folder: as ``save_model`` wrote it.
        clips_BTKW: at least two real clips, uint8: the example, and what parity is checked on.
        bundle: where to write the MLflow model folder.

    Returns:
        Sha256 of the manifest, and the largest difference between ONNX and torch.

    Raises:
        ModelError: the weights cannot be read, or ONNX and torch disagree.
    """
    network = load_model(model_folder)
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
    (bundle / OWN).mkdir()
    for name in (WEIGHTS_FILE, CONFIG_FILE):
        shutil.copy2(model_folder / name, bundle / OWN / name)
    return write_manifest(bundle), difference
