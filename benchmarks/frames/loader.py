"""Training's clips a second, against a bare preadv loop and torch's DataLoader on one store.

python -m benchmarks.frames.loader          in the project's root; about a minute, 740 MB of disk
"""

import os
from collections import deque
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, Dataset

from aislewatch.config.params import load_params
from aislewatch.models.build import ModelConfig, model_config
from aislewatch.models.sizes import network_of
from aislewatch.train.data import TrainingData, training_batches
from benchmarks.rounds import machine, medians, verdict, working_folder

ROUNDS = 9

# A store of 100 half-minute videos, 740 MB: far more than the CPU's cache, less than the memory.
VIDEOS, FRAMES = 100, 300
CLIPS = 4096
BATCH = 32

# What the issue asks for.
OF_PREADV = 0.8
OF_DATALOADER = 5.0


def write_store(folder: Path, frame_bytes: int) -> None:
    """Files of random bytes: reading does not look at them."""
    random = np.random.default_rng(0)
    block = random.integers(0, 256, FRAMES * frame_bytes, np.uint8)
    for video in range(VIDEOS):
        np.roll(block, video).tofile(folder / f"{video}.yuv")


def draw_clips(config: ModelConfig) -> pd.DataFrame:
    """Clips anywhere in the store, in random order."""
    random = np.random.default_rng(1)
    videos = random.integers(0, VIDEOS, CLIPS)
    starts = random.integers(0, FRAMES - config.n_frames, CLIPS)
    files = [f"{video}.yuv" for video in videos]
    return pd.DataFrame({"frames_file": files, "start": starts, "label": videos % 2})


class Clips(Dataset[torch.Tensor]):
    """The same clips, read as a Dataset would be written by hand."""

    def __init__(self, clips: pd.DataFrame, folder: Path, shape: tuple[int, int, int]) -> None:
        self.addresses = list(zip(clips["frames_file"], clips["start"], strict=True))
        self.folder, self.shape = folder, shape

    def __len__(self) -> int:
        return len(self.addresses)

    def __getitem__(self, row: int) -> torch.Tensor:
        file, start = self.addresses[row]
        out_TKW = np.empty(self.shape, np.uint8)
        with (self.folder / file).open("rb", buffering=0) as frames:
            os.preadv(frames.fileno(), [out_TKW.reshape(-1)], start * out_TKW[0].nbytes)
        return torch.from_numpy(out_TKW)


def preadv_loop(clips: pd.DataFrame, folder: Path, clip_bytes: int, frame_bytes: int) -> None:
    """The least a loader can do: files open already, one buffer, one thread."""
    files = {path.name: os.open(path, os.O_RDONLY) for path in folder.iterdir()}
    buffers = np.empty((BATCH, clip_bytes), np.uint8)
    addresses = zip(clips["frames_file"].tolist(), clips["start"].tolist(), strict=True)
    for number, (file, start) in enumerate(addresses):
        os.preadv(files[file], [buffers[number % BATCH]], start * frame_bytes)
    for descriptor in files.values():
        os.close(descriptor)


def main() -> None:
    """Print clips a second and the two ratios."""
    params = load_params()
    config = model_config("convlstm", network_of(params.model), params)
    shape = (config.n_frames, config.frame_size * 3 // 2, config.frame_size)
    frame_bytes = shape[1] * shape[2]
    clips = draw_clips(config)
    order = np.arange(CLIPS)
    batches = np.split(order, CLIPS // BATCH)
    with working_folder() as folder:
        write_store(folder, frame_bytes)
        data = TrainingData(clips, clips, folder)
        dataset = Clips(clips, folder, shape)
        jobs = {
            "preadv loop": lambda: preadv_loop(
                clips, folder, config.n_frames * frame_bytes, frame_bytes
            ),
            "aislewatch": lambda: deque(training_batches(data, config, order, batches), maxlen=0),
            "DataLoader": lambda: deque(
                DataLoader(dataset, batch_size=BATCH, num_workers=2), maxlen=0
            ),
        }
        costs = medians(jobs, ROUNDS)
    for job, cost in costs.items():
        print(f"{job}: {CLIPS / cost.wall_s:,.0f} clips/s, {CLIPS / cost.cpu_s:,.0f} a CPU second")
    ours = costs["aislewatch"].wall_s
    print(verdict("of a bare preadv loop", costs["preadv loop"].wall_s / ours, OF_PREADV))
    print(verdict("times DataLoader, 2 workers", costs["DataLoader"].wall_s / ours, OF_DATALOADER))
    print(f"medians of {ROUNDS} interleaved rounds, batches of {BATCH}; {machine()}")


if __name__ == "__main__":
    main()
