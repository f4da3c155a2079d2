"""Scores the clips of all cameras together, by a registered version."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from aislewatch.alerts.rule import AlertRule
from aislewatch.config.machine import Machine
from aislewatch.errors import ModelError
from aislewatch.files import sha256_file
from aislewatch.models.build import WEIGHTS_FILE, Detector, load_model
from aislewatch.models.scoring import logits_of, set_up_compute
from aislewatch.register.bundle import read_rule
from aislewatch.watch.windows import ClipWindow, LiveClip


@dataclass(frozen=True)
class LiveModel:
    """A registered version, ready to score.

    Args:
        name: of the registered model.
        version: its number.
        sha256: of the weights.
        rule: by which it raises alerts, as it was frozen.
        detector: the network.
        device: to compute on.
    """

    name: str
    version: str
    sha256: str
    rule: AlertRule
    detector: Detector
    device: torch.device

    def new_window(self) -> ClipWindow:
        """Return what cuts a stream into the clips that this version was trained on."""
        config = self.detector.config
        return ClipWindow(config.n_frames, config.step, config.fps, config.frame_size)

    def looks_like(self, other: "LiveModel") -> bool:
        """Say whether another version scores the same clips."""
        mine, theirs = self.detector.config, other.detector.config
        wanted = ("fps", "frame_size", "n_frames", "step")
        return all(getattr(mine, key) == getattr(theirs, key) for key in wanted)

    def score(self, clips: Sequence[LiveClip]) -> list[float]:
        """Return the probability of shoplifting in each clip, all computed in one call."""
        batch_BTKW = np.stack([clip.yuv_TKW for clip in clips])
        logits_B = logits_of(self.detector, [batch_BTKW], self.device)
        scores: list[float] = logits_B.double().sigmoid().tolist()
        return scores


def load_live(name: str, version: str, folder: Path, machine: Machine) -> LiveModel:
    """Load a registered version for live use.

    Args:
        name: of the registered model.
        version: its number.
        folder: its own files, checked.
        machine: of params.yaml.

    Raises:
        ModelError: a file is missing or corrupt, or it is shown people.
    """
    detector = load_model(folder)
    if detector.config.people is not None:
        raise ModelError(
            f"version {version} of {name} is shown the squares of single people, whom `aislewatch "
            "watch` cannot follow in live streams yet; promote a version trained with "
            "people.detector: none, or score recordings by `aislewatch detect`"
        )
    device = set_up_compute(machine)
    digest = sha256_file(folder / WEIGHTS_FILE)
    return LiveModel(name, version, digest, read_rule(folder), detector, device)
