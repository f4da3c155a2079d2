"""Scores the clips of all cameras together, by a registered version."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from aislewatch.alerts.clips import Box
from aislewatch.alerts.rule import AlertRule
from aislewatch.config.machine import Machine
from aislewatch.errors import ModelError
from aislewatch.files import sha256_file, whole_file
from aislewatch.frames.sources import NO_TRACK
from aislewatch.models.build import WEIGHTS_FILE, Detector, load_model
from aislewatch.models.scoring import logits_of, set_up_compute
from aislewatch.register.bundle import DETECTOR, read_rule
from aislewatch.watch.people import PeopleRequest
from aislewatch.watch.windows import ClipWindow, LiveClip


@dataclass(frozen=True)
class LiveScore:
    """A clip's score, 0 to 1, and the person it is of: the one whose score is the highest.

    ``track`` is ``NO_TRACK`` and ``box`` None where a clip shows the whole picture, or nobody.
    """

    score: float
    track: int
    box: Box | None


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
        weights: of the detector, where the network is shown people; else None.
    """

    name: str
    version: str
    sha256: str
    rule: AlertRule
    detector: Detector
    device: torch.device
    weights: Path | None = None

    def new_window(self) -> ClipWindow:
        """Return what cuts a stream into the clips that this version was trained on."""
        config = self.detector.config
        sizes = config.n_frames, config.step, config.fps, config.frame_shape
        return ClipWindow(*sizes, of_people=config.people is not None)

    def people(self) -> PeopleRequest | None:
        """Return how a camera looks for the people that the network is shown, if it is."""
        form = self.detector.config.people
        if form is None or self.weights is None:
            return None
        features = self.detector.config.model.encoder == "detector"
        return PeopleRequest(
            self.weights, form.square, form.every, form.track, features, form.regions
        )

    def looks_like(self, other: "LiveModel") -> bool:
        """Say whether another version scores the same clips."""
        mine, theirs = self.detector.config, other.detector.config
        wanted = ("fps", "frame_size", "frame_shape", "n_frames", "step", "people")
        return all(getattr(mine, key) == getattr(theirs, key) for key in wanted)

    def score(self, clips: Sequence[LiveClip]) -> list[LiveScore]:
        """Return the highest probability of shoplifting in each clip's views, from one call.

        A clip in which there is nobody is normal without a network: its score is 0.
        """
        views = [(number, view) for number, clip in enumerate(clips) for view in clip.views]
        found = [LiveScore(0.0, NO_TRACK, None)] * len(clips)
        if not views:
            return found
        batch_BTKW = np.stack([view.frames_TKW for _, view in views])
        scores = logits_of(self.detector, [batch_BTKW], self.device).double().sigmoid().tolist()
        for (number, view), score in zip(views, scores, strict=True):
            # Of two alike the later, as where a file is scored.
            if score >= found[number].score:
                found[number] = LiveScore(score, view.track, view.box)
        return found


def load_live(name: str, version: str, folder: Path, machine: Machine, scratch: Path) -> LiveModel:
    """Load a registered version for live use.

    Args:
        name: of the registered model.
        version: its number.
        folder: its own files, checked.
        machine: of params.yaml.
        scratch: folder that outlives the version's; gets its detector's weights, which each
            camera's process reads.

    Raises:
        ModelError: a file is missing or corrupt, or the detector is another one.
    """
    detector = load_model(folder)
    form, weights = detector.config.people, None
    if form is not None:
        if not (folder / DETECTOR).is_file() or sha256_file(folder / DETECTOR) != form.detector:
            raise ModelError(
                f"{folder / DETECTOR} is missing, or not the detector that version {version} of "
                f"{name} was trained behind; register the model again"
            )
        weights = scratch.absolute() / f"{form.detector}.onnx"
        weights.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(weights) as temporary:
            temporary.write_bytes((folder / DETECTOR).read_bytes())
    device = set_up_compute(machine)
    digest = sha256_file(folder / WEIGHTS_FILE)
    return LiveModel(name, version, digest, read_rule(folder), detector, device, weights)
