"""Trains several small networks at once on one device.

A step of one network leaves a large GPU mostly idle, and its ~1,500 kernels cost more to launch
than to run. So a step is captured as a CUDA graph, and the graphs of several networks are replayed
side by side, each on its own stream. On a CPU the same steps run one after another.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from research.engine import Job, Result, Trainer
from research.recipe import Recipe


def run(jobs: Sequence[Job], frames_FKW: Tensor, at_once: int, fused: bool) -> Iterator[Result]:
    """Train the jobs, ``at_once`` side by side; ``fused``: by the product's GPU kernels."""
    for start in range(0, len(jobs), at_once):
        trainers = [Trainer(job, frames_FKW, fused) for job in jobs[start : start + at_once]]
        if frames_FKW.device.type == "cuda":
            _train_captured(trainers)
        else:
            for trainer in trainers:
                for at in range(trainer.steps):
                    if at == trainer.fresh_head_at:
                        trainer.fresh_head()
                    trainer.step()
        for trainer in trainers:
            yield trainer.result()


def _train_captured(trainers: Sequence[Trainer]) -> None:
    lanes = []
    for trainer in trainers:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            # The first step runs as it is: it makes the gradients and the optimizer's memory.
            trainer.step()
            torch.cuda.synchronize()
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, stream=stream):
                trainer.step()
        lanes.append(_Lane(trainer, stream, graph))
    # Pre-training on the shop is the same for all folds: one does it, the others copy.
    leaders: dict[tuple[Recipe, int], _Lane] = {}
    for lane in lanes:
        if lane.trainer.job.recipe.before == "shop":
            leaders.setdefault((lane.trainer.job.recipe, lane.trainer.job.seed), lane)
    for at in range(1, max((lane.trainer.fresh_head_at for lane in leaders.values()), default=0)):
        for lane in leaders.values():
            if at < lane.trainer.fresh_head_at:
                lane.replay()
    torch.cuda.synchronize()
    for lane in lanes:
        if lane.trainer.job.recipe.before == "shop":
            lane.trainer.copy(leaders[lane.trainer.job.recipe, lane.trainer.job.seed].trainer)
            lane.at = lane.trainer.fresh_head_at
    while any(lane.at < lane.trainer.steps for lane in lanes):
        for lane in lanes:
            if lane.at < lane.trainer.steps:
                lane.replay()
    torch.cuda.synchronize()


@dataclass
class _Lane:
    trainer: Trainer
    stream: torch.cuda.Stream
    graph: torch.cuda.CUDAGraph
    at: int = 1

    def replay(self) -> None:
        with torch.cuda.stream(self.stream):
            if self.at == self.trainer.fresh_head_at:
                self.trainer.fresh_head()
            self.graph.replay()
        self.at += 1
