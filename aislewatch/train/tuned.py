"""The settings that tuning may choose for a training, and how they are read back."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from aislewatch.config.learning import Learning
from aislewatch.errors import TrainingError
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


def read_tuned(best_file: Path) -> Tuned:
    """Read the settings in what the tune stage wrote.

    Raises:
        TrainingError: the file is missing or corrupt.
    """
    try:
        best = json.loads(best_file.read_text())

        def searched(name: str) -> float | None:
            return float(best[name]) if name in best else None

        return Tuned(
            lr=float(best["lr"]),
            beta1=float(best["beta1"]),
            beta2=float(best["beta2"]),
            eps=float(best["eps"]),
            weight_decay=searched("weight_decay"),
            batch_size=int(best["batch_size"]) if "batch_size" in best else None,
            dropout=searched("dropout"),
            focal_gamma=searched("focal_gamma"),
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"{best_file} is missing or corrupt ({error!r}); run the tune stage again, or set "
            "train.optimizer to paper"
        ) from None
