"""States a recipe of the protocol, and what it asks of the product's training."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aislewatch.config.learning import Norm, Precision
from aislewatch.config.params import load_params
from aislewatch.frames.light import LEAST_LIGHT
from aislewatch.models.build import NETWORKS, ModelConfig
from aislewatch.models.sizes import Network
from aislewatch.train.adam import Adam
from aislewatch.train.loop import Recipe as Training
from research.footage import FPS, SIZE, Folded


@dataclass(frozen=True)
class Recipe:
    """One configuration of network, clips and training; the defaults are the search's start.

    Names are those of params.yaml; what is not here is as shipped there.
    """

    network: str = "convlstm"  # convlstm, cnn, lstm, cnn_lstm
    input: str = "diff"
    size: int = 64  # pixels a side of the network's input
    encoder: tuple[int, ...] = (16, 32, 64)
    hidden: int = 64
    norm: Norm = "batch"
    mirrors: bool = True
    dropout: float = 0.5
    frames: int = 15  # frames in a clip
    step: int = 2  # footage frames from one clip frame to the next
    epochs: int = 60
    lr: float = 1e-3
    weight_decay: float = 0.01
    batch: int = 32
    gamma: float = 0.0  # of the focal loss; 0 = cross-entropy
    crop: float = 0.8
    speed: float = 0.2
    mixup: float = 0.0
    schedule: str = "cosine"  # with 5 % of warm-up, or constant without
    average: float = 0.98

    def but(self, **changes: Any) -> "Recipe":
        """Return this recipe with some values changed."""
        return replace(self, **changes)

    @property
    def span(self) -> int:
        """Return the frames of footage from a clip's first frame to its last, both included."""
        return (self.frames - 1) * self.step + 1

    def config(self, data: Folded) -> ModelConfig:
        """Return the network's configuration on these frames or features."""
        sizes = {
            "input": self.input,
            "input_size": self.size,
            "encoder_channels": list(self.encoder),
            "hidden_channels": self.hidden,
            "kernel_size": 3,
            "dropout": self.dropout,
            "norm": self.norm,
            "mirrors": self.mirrors,
        }
        if data.people is not None:
            sizes["encoder"] = "detector"
        return ModelConfig(
            architecture=NETWORKS[self.network].architecture,
            model=Network.model_validate(sizes),
            frame_size=SIZE,
            n_frames=self.frames,
            step=self.step,
            fps=FPS,
            people=data.people,
            least_light=LEAST_LIGHT,
        )

    def training(self, data: Folded, seed: int, epochs: int, precision: Precision) -> Training:
        """Return what the product's training is asked for; it ends at the last epoch alone."""
        shipped = load_params(Path(__file__).parents[1] / "params.yaml").learning
        learning = shipped.model_validate(
            shipped.model_dump()
            | {
                "batch_size": self.batch,
                "focal_gamma": self.gamma,
                "crop": self.crop,
                "speed": self.speed,
                "mixup": self.mixup,
                "schedule": self.schedule,
                "warmup": 0.05 if self.schedule == "cosine" else 0.0,
                "average": self.average,
                "flip": 0.5,
                "brightness": 0.2,
                "oversample": True,
                "epoch_clips": None,
            }
        )
        adam = Adam(self.lr, beta1=0.9, beta2=0.999, eps=1e-7, weight_decay=self.weight_decay)
        return Training(
            self.config(data),
            learning,
            adam,
            epochs,
            patience=epochs,
            seed=seed,
            precision=precision,
        )


# What the notes of the first runs advise.
MIXED = Recipe(mixup=0.4, epochs=120)
# The paper's sections 3 and 4 where they say it; the rest as in params.yaml before the search.
PAPER = Recipe(
    input="rgb",
    size=128,
    frames=16,
    step=1,
    norm="none",
    mirrors=False,
    lr=3e-4,
    schedule="constant",
    weight_decay=0.0,
    gamma=2.0,
    crop=0.875,
    speed=0.0,
    average=0.0,
    dropout=0.3,
)

# The product's training as it was before it had the protocol's keys, on the protocol's clips.
PLAIN = Recipe(norm="none", mirrors=False, schedule="constant", speed=0.0, average=0.0)
