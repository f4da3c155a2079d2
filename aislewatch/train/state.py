"""The state of a training, and how it goes into a checkpoint and back."""

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from aislewatch.models.build import Detector
from aislewatch.train.averaging import Average
from aislewatch.train.step import Stepper
from aislewatch.train.validation import EpochRow


@dataclass
class State:
    """Network, optimizer, the curve, and where in the epoch under way the training is."""

    model: Detector
    optimizer: torch.optim.Optimizer
    stepper: Stepper
    average: Average | None = None  # of the weights, where they are averaged
    rows: list[EpochRow] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)  # of the steps of the epoch under way
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    def judged(self) -> Detector:
        """Return the network that is validated and kept: the averaged one where there is one."""
        return self.model if self.average is None else self.average.model

    def best(self) -> EpochRow:
        """Return the epoch of least validation loss; there must be one."""
        return min(self.rows, key=lambda row: row.val_loss)

    def finished(self, epochs: int, patience: int) -> bool:
        """Return whether there were ``epochs``, or ``patience`` of them since the best."""
        if not self.rows:
            return False
        waited = len(self.rows) - self.best().epoch
        return len(self.rows) >= epochs or waited >= patience

    def end_epoch(self, row: EpochRow) -> None:
        """Add a finished epoch; keep its weights if it is the best."""
        self.rows.append(row)
        self.losses = []
        if self.best() is row:
            weights = self.judged().state_dict()
            self.best_weights = {name: tensor.clone() for name, tensor in weights.items()}

    def packed(self) -> dict[str, Any]:
        """Return everything that a checkpoint keeps."""
        average = {} if self.average is None else {"average": self.average.model.state_dict()}
        return average | {
            "weights": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "at_once": self.stepper.at_once,
            "rows": [asdict(row) for row in self.rows],
            "losses": self.losses,
            "best_weights": self.best_weights,
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Take over what ``packed`` returned."""
        self.model.load_state_dict(saved["weights"])
        if self.average is not None:
            self.average.model.load_state_dict(saved["average"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.stepper.at_once = saved["at_once"]
        self.rows = [EpochRow(**row) for row in saved["rows"]]
        self.losses = saved["losses"]
        self.best_weights = saved["best_weights"]
