"""Trains one small network, and scores with it.

A step looks everything up in tables by a counter on the device, so that a CUDA graph can capture it
once and run it again for every step (``side_by_side`` does).
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aislewatch.models.input import ClipViews
from aislewatch.train.losses import focal_loss
from research import inputs
from research.networks import build
from research.recipe import Recipe
from research.tables import Clips, Tables, draw, windows

WINDOWS = 5  # windows of a clip whose logits are averaged, where there are so many
SCORED_AT_ONCE = 128


@dataclass(frozen=True)
class Job:
    """Names one training: what, on which clips, from which seed, and what to score afterwards."""

    name: str
    recipe: Recipe
    train: Clips
    test: Clips
    seed: int
    before: Clips | None = None  # clips of the pre-training, where the recipe has one
    keep_weights: bool = False


@dataclass
class Result:
    """Holds logits of the test clips: (2 weights, 2 mirrorings, N clips, V windows).

    Weights: as trained, averaged (EMA). Mirrorings: as filmed, mirrored.
    """

    job: Job
    logits: NDArray[np.float32]
    losses: NDArray[np.float32]
    weights: dict[str, Tensor] = field(default_factory=dict)


class Trainer:
    """Trains a network; its optimizer and its tables lie on the device."""

    def __init__(self, job: Job, frames_FKW: Tensor, fused: bool) -> None:
        self.job, self.frames = job, frames_FKW
        self.device = frames_FKW.device
        recipe = job.recipe
        phases = [(job.train, "label", recipe.epochs)]
        if recipe.before:
            task = "label" if recipe.before == "shop" else recipe.before
            source = job.before if job.before is not None else job.train
            phases.insert(0, (source, task, recipe.before_epochs))
        drawn = [draw(recipe, clips, task, n, job.seed) for clips, task, n in phases]
        self.fresh_head_at = len(drawn[0].lr) if recipe.before else -1
        self.tables = _on_device(drawn, self.device)
        self.steps = sum(len(tables.lr) for tables in drawn)
        self.network = build(recipe, job.seed).to(self.device)
        self.fused = fused
        if fused:
            self.network.fuse(torch.bfloat16)
        self.average = {k: v.clone() for k, v in self.network.state_dict().items()}
        self.at = torch.zeros(1, dtype=torch.long, device=self.device)
        self.losses = torch.zeros(self.steps, device=self.device)
        self.lr = torch.tensor(recipe.lr, device=self.device)
        cuda = self.device.type == "cuda"
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(),
            lr=self.lr if cuda else recipe.lr,
            eps=1e-7,
            weight_decay=recipe.weight_decay,
            fused=cuda,
            capturable=cuda,
        )

    def step(self) -> None:
        """Train one step; read and advance the counter on the device."""
        recipe = self.job.recipe
        now = {name: table.index_select(0, self.at)[0] for name, table in self.tables.items()}
        self.lr.copy_(now["lr"])
        if self.device.type == "cpu":
            self.optimizer.param_groups[0]["lr"] = float(self.lr)
        with torch.no_grad():
            x = self._input(now["frames"], now["views"], now["spoil"] if recipe.blur else None)
            if recipe.erase:
                x = inputs.erase(x, now["boxes"])
            if recipe.mixup:
                x = torch.lerp(x.roll(1, 0), x, now["mix"][:, None, None, None, None].to(x.dtype))
        with _autocast(self.device):
            logits_B = self.network(x).float()
        loss = _loss(logits_B, now["labels"], now["mix"], recipe)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=False)
        with torch.no_grad():
            self.losses.index_copy_(0, self.at, loss.detach()[None])
            own = [v for v in self.network.state_dict().values() if v.is_floating_point()]
            mean = [v for v in self.average.values() if v.is_floating_point()]
            torch._foreach_lerp_(mean, own, 1 - recipe.ema)
            self.at.add_(1)

    def fresh_head(self) -> None:
        """Forget the last layer, the optimizer's memory and the average after pre-training."""
        head = build(self.job.recipe, self.job.seed + 1000).dense.state_dict()
        self.network.dense.load_state_dict(head)
        for state in self.optimizer.state.values():
            for value in state.values():
                value.zero_()
        for name, value in self.network.state_dict().items():
            self.average[name].copy_(value)

    def copy(self, leader: "Trainer") -> None:
        """Take over the pre-trained network of another that learned from the same."""
        if leader is not self:
            self.network.load_state_dict(leader.network.state_dict())
        self.at.fill_(self.fresh_head_at)

    def result(self) -> Result:
        """Score the test clips with the trained and the averaged weights."""
        job = self.job
        frames_NVT = windows(job.recipe, job.test, WINDOWS)
        trained = {k: v.clone() for k, v in self.network.state_dict().items()}
        logits = []
        for weights in (trained, self.average if job.recipe.ema else trained):
            self.network.load_state_dict(weights)
            logits.append([self.score(frames_NVT, mirrored) for mirrored in (0.0, 1.0)])
        stacked = torch.stack([torch.stack(pair) for pair in logits]).cpu().numpy()
        chosen = self.average if job.recipe.ema else trained
        weights = {k: v.cpu() for k, v in chosen.items()} if job.keep_weights else {}
        return Result(job, stacked, self.losses.cpu().numpy(), weights)

    @torch.no_grad()
    def score(self, frames_NVT: NDArray[np.int64], mirrored: float) -> Tensor:
        """Compute logits (N, V)."""
        return score(self.network, self.job.recipe, self.frames, frames_NVT, mirrored, self.fused)

    def _input(self, frames_BT: Tensor, views_B5: Tensor, spoil_B3: Tensor | None) -> Tensor:
        return network_input(
            self.job.recipe, self.frames[frames_BT], views_B5, spoil_B3, self.fused
        )


def network_input(
    recipe: Recipe, yuv_BTKW: Tensor, views_B5: Tensor, spoil_B3: Tensor | None, fused: bool
) -> Tensor:
    """Make the network's input, by the product's kernel where it has what is asked for."""
    if not fused or spoil_B3 is not None or recipe.zoom < 1 or recipe.input not in ("rgb", "diff"):
        return inputs.prepare(yuv_BTKW, views_B5, recipe.input, recipe.size, recipe.zoom, spoil_B3)
    from aislewatch.train.kernels.clip_input import clip_input

    views = ClipViews(*views_B5.unbind(1))
    return clip_input(yuv_BTKW, views, recipe.size, recipe.input == "diff", torch.bfloat16)


@torch.no_grad()
def score(
    network: nn.Module,
    recipe: Recipe,
    frames_FKW: Tensor,
    frames_NVT: NDArray[np.int64],
    mirrored: float,
    fused: bool = False,
) -> Tensor:
    """Compute logits (N, V) of windows of clips, on the device of the frames."""
    network.eval()
    flat = torch.from_numpy(frames_NVT.reshape(-1, frames_NVT.shape[-1])).to(frames_FKW.device)
    view = torch.tensor([[0.0, 0.0, 1.0, mirrored, 1.0]], device=frames_FKW.device)
    logits = []
    for some_BT in flat.split(SCORED_AT_ONCE):
        x = network_input(recipe, frames_FKW[some_BT], view.expand(len(some_BT), -1), None, fused)
        with _autocast(frames_FKW.device):
            logits.append(network(x).float())
    network.train()
    return torch.cat(logits).view(frames_NVT.shape[:2])


def _loss(logits_B: Tensor, labels_B: Tensor, mix_B: Tensor, recipe: Recipe) -> Tensor:
    if not recipe.mixup:
        return focal_loss(logits_B, labels_B, recipe.gamma)
    # Mixed with the clip before it in the batch; both labels count by their shares.
    both = [
        share * nn.functional.binary_cross_entropy_with_logits(logits_B, labels, reduction="none")
        for share, labels in ((mix_B, labels_B), (1 - mix_B, labels_B.roll(1, 0)))
    ]
    return (both[0] + both[1]).mean()


def _autocast(device: torch.device) -> contextlib.AbstractContextManager[object]:
    if device.type == "cpu":
        return contextlib.nullcontext()
    # The cache of cast weights would outlive a captured step.
    return torch.autocast("cuda", torch.bfloat16, cache_enabled=False)


def _on_device(drawn: Sequence[Tables], device: torch.device) -> dict[str, Tensor]:
    return {
        name: torch.from_numpy(np.concatenate([getattr(t, name) for t in drawn])).to(device)
        for name in Tables.__dataclass_fields__
    }
