"""Networks and clips small enough for a test, with nothing but torch and our own packages."""

from typing import Any

import torch

from aislewatch.config.params import parse_params
from aislewatch.models.build import Detector, ModelConfig, build
from aislewatch.models.sizes import network_of
from tests.tiny_clips import N_FRAMES, SIZE, tiny_params


def make_model(architecture: Any, **changes: Any) -> Detector:
    params = parse_params(tiny_params(model=changes), "test")
    torch.manual_seed(0)
    return build(
        ModelConfig(
            architecture=architecture,
            model=network_of(params.model),
            frame_size=SIZE,
            n_frames=N_FRAMES,
            step=1,
            fps=10,
        )
    )


def random_clips(batch: int, size: int = SIZE, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (batch, N_FRAMES, size * 3 // 2, size)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
