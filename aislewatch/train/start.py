"""Starts a training from the weights of a network that was trained on other footage."""

from pathlib import Path

import torch

from aislewatch.errors import ModelError
from aislewatch.models.build import WEIGHTS_FILE, Detector, load_model
from aislewatch.tables import places

# The last layer weighs features for the footage they were learned on; its weights and the
# temperature fitted to them are not taken over.
NOT_LOADED = ("network.dense.", "temperature")


def load_pretrained(model: Detector, folder: Path) -> None:
    """Take over the weights of all layers but the last.

    On 274 real clips of one room, folds by recording, learning the synthetic shop first raised the
    ConvLSTM's inner AUC from 83.7 to 86.2 (docs/benchmarks.md).

    Args:
        model: with fresh weights; changed in place.
        folder: as ``save_model`` wrote it.

    Raises:
        ModelError: it is missing, corrupt, or of other sizes.
    """
    if not (folder / WEIGHTS_FILE).is_file():
        raise ModelError(
            f"{folder} holds no trained network; put one there (see "
            f"{places.PRETRAINED / 'README.md'}) or set train.start_from to none"
        )
    earlier = load_model(folder)
    here, there = _kind(model), _kind(earlier)
    different = [
        f"{name} {there[name]} there, {here[name]} here"
        for name in here
        if there[name] != here[name]
    ]
    if different:
        raise ModelError(
            f"{folder} is another network ({'; '.join(different)}); train it again with the sizes "
            "of params.yaml, or set train.start_from to none"
        )
    own = dict(model.named_parameters()) | dict(model.named_buffers())
    with torch.no_grad():
        for name, value in earlier.state_dict().items():
            if not name.startswith(NOT_LOADED):
                own[name].copy_(value)


def _kind(model: Detector) -> dict[str, object]:
    """Return what two networks must have in common for one to start from the other's weights."""
    sizes = model.config.model.model_dump(exclude={"dropout", "mirrors"})
    return {"architecture": model.config.architecture, **sizes}
