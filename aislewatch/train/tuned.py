"""The settings that tuning may choose for a training, and how they are read back."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aislewatch.config.learning import Learning, Model
from aislewatch.config.params import Params
from aislewatch.errors import TrainingError
from aislewatch.files import write_json
from aislewatch.models.sizes import Network
from aislewatch.train.adam import PAPER_ADAM, Adam


@dataclass(frozen=True)
class Tuned:
    """Settings that a trial tried or a study found; None: not searched, as in params.yaml."""

    lr: float
    beta1: float
    beta2: float
    eps: float
    weight_decay: float | None = None  # params.yaml has none: not searched is none at all
    batch_size: int | None = None
    dropout: float | None = None
    focal_gamma: float | None = None

    def values(self) -> dict[str, float]:
        """Return what was searched, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def adam(self) -> Adam:
        """Return the optimizer's part."""
        return Adam(self.lr, self.beta1, self.beta2, self.eps, self.weight_decay or 0.0)

    def learning(self, learning: Learning) -> Learning:
        """Return ``learning`` with what was searched put into it."""
        searched = ("batch_size", "focal_gamma")
        return learning.model_copy(
            update={name: value for name, value in self.values().items() if name in searched}
        )

    def network(self, network: Network) -> Network:
        """Return ``network`` with what was searched put into it."""
        dropout = {} if self.dropout is None else {"dropout": self.dropout}
        return network.model_copy(update=dropout)


PAPER = Tuned(**asdict(PAPER_ADAM))


def write_settings(path: Path, params: Params, tuned: Tuned) -> None:
    """Write all that a network's training takes from tune: sections of params.yaml, and its result.

    ``dvc.lock`` has one line for every parameter of every stage; this file stands for 20 of them in
    each of the five trainings. Tune itself depends on every section in it, so none is stale.
    """
    shared = {name: getattr(params, name).model_dump() for name in ("model", "learning")}
    clip = {"n_frames": params.segment.n_frames, "step": params.segment.step}
    write_json(path, shared | {"seed": params.seed, "segment": clip, "tuned": tuned.values()})


def read_settings(path: Path, params: Params) -> tuple[Params, Tuned]:
    """Return ``params`` with the sections that the tune stage wrote, and its result.

    Raises:
        TrainingError: the file is missing or corrupt.
    """
    try:
        written = json.loads(path.read_text())
        sections = {
            "model": Model.model_validate(written["model"]),
            "learning": Learning.model_validate(written["learning"]),
            "seed": int(written["seed"]),
            "segment": params.segment.model_copy(
                update={name: int(written["segment"][name]) for name in ("n_frames", "step")}
            ),
        }
        return params.model_copy(update=sections), _tuned(written["tuned"])
    except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"{path} is missing or corrupt ({type(error).__name__}); run the tune stage "
            "again (dvc repro tune)"
        ) from None


def _tuned(written: dict[str, Any]) -> Tuned:
    numbers = {name: float(value) for name, value in written.items() if name != "batch_size"}
    batch_size = int(written["batch_size"]) if "batch_size" in written else None
    return Tuned(**numbers, batch_size=batch_size)
