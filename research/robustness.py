"""How scores of unseen MNNIT clips hold when the picture gets worse, and on other footage.

python -m research.robustness FOLDER CORPUS [--names chosen start spoiled] [--picture FILE]

FOLDER is that of research/accuracy.py, whose trainings keep a network an outer fold; each is
scored on its own unseen clips, of the outer folds that all names have. Compression is done on the
videos by x264; the rest on stored frames. On two CPU cores without other work, some ten minutes.
"""

import argparse
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from imageio_ffmpeg import get_ffmpeg_exe
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from sklearn.metrics import roc_auc_score
from torch import nn

from research import footage, pack
from research.engine import score
from research.networks import build
from research.plan import CHOSEN, Benchmark
from research.recipe import Recipe
from research.select import FOLDS, job_name
from research.tables import Clips, windows

Frames = NDArray[np.uint8]
# Network and recipe by outer fold, by the trainings' name.
Networks = Mapping[str, Mapping[int, tuple[nn.Module, Recipe]]]
# One a name, told apart in grey.
STYLES = ("o-", "s--", "^:", "D-.")
LUMA_BLACK = 16  # limited-range luma of black


def darker(frames: Frames, factor: float) -> Frames:
    """Luma and colour scaled down in code values, as an underexposed camera gives them."""
    dark = frames.astype(np.float32)
    dark[:, : footage.SIZE] = (dark[:, : footage.SIZE] - LUMA_BLACK) * factor + LUMA_BLACK
    dark[:, footage.SIZE :] = (dark[:, footage.SIZE :] - 128) * factor + 128
    return np.round(dark).clip(0, 255).astype(np.uint8)


def blurred(frames: Frames, sigma: float) -> Frames:
    """Luma out of focus by ``sigma`` of the store's pixels."""
    out = frames.copy()
    out[:, : footage.SIZE] = gaussian_filter(frames[:, : footage.SIZE], (0, sigma, sigma))
    return out


def coarser(frames: Frames, side: int) -> Frames:
    """Luma of a camera with ``side`` pixels a side, scaled up to the store's size."""
    luma = torch.from_numpy(frames[:, : footage.SIZE])[:, None].float()
    small = torch.nn.functional.interpolate(luma, (side, side), mode="area")
    large = torch.nn.functional.interpolate(small, luma.shape[-2:], mode="bilinear")
    out = frames.copy()
    out[:, : footage.SIZE] = large[:, 0].round().byte().numpy()
    return out


def compressed(corpus: Path, crf: int) -> Frames:
    """The clips encoded once more by x264 at a constant rate factor, and decoded by the product."""
    with tempfile.TemporaryDirectory() as folder:
        for video in sorted(corpus.glob("mnnit/*/*.mp4")):
            target = Path(folder) / video.relative_to(corpus)
            target.parent.mkdir(parents=True, exist_ok=True)
            command = [get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-i", str(video)]
            command += ["-c:v", "libx264", "-crf", str(crf), "-threads", "1", str(target)]
            subprocess.run(command, check=True)
        return pack.decoded(Path(folder), "mnnit").frames


@dataclass(frozen=True)
class Axis:
    """One way to spoil a picture, from as filmed on."""

    title: str
    severities: tuple[float, ...]
    spoil: Callable[[Frames, float], Frames]


def axes(corpus: Path) -> tuple[Axis, ...]:
    """What is tried; the compressed clips come from the videos, not from the frames."""
    return (
        Axis("light, share of what it was", (0.5, 0.25, 0.1), darker),
        Axis("blur, σ in pixels of 128", (1, 2, 4), blurred),
        Axis(
            "camera, pixels a side", (64, 32, 16), lambda frames, side: coarser(frames, int(side))
        ),
        Axis(
            "x264, constant rate factor", (33, 41, 49), lambda _, crf: compressed(corpus, int(crf))
        ),
    )


def main() -> None:
    """Print a line a condition and name as it is measured, then draw the curves."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--names", nargs="+", default=[CHOSEN], help="of the trainings")
    parser.add_argument("--picture", type=Path)
    asked = parser.parse_args()
    benchmark = Benchmark(asked.folder)
    frames = np.load(benchmark.frames_file, mmap_mode="r")
    real = np.array(frames[: benchmark.data.clips.length.sum()])
    networks = {
        name: stored_networks(asked.folder / "results", name, benchmark) for name in asked.names
    }
    folds = sorted(set.intersection(*(set(found) for found in networks.values())))
    print(f"outer folds {folds}, {np.isin(benchmark.data.fold, folds).sum()} clips")
    filmed = auc_of("as filmed", real, networks, folds, benchmark)
    drawn = []
    for axis in axes(asked.corpus):
        aucs = [filmed]
        for severity in axis.severities:
            spoiled = axis.spoil(real, severity)
            aucs.append(auc_of(f"{axis.title}: {severity:g}", spoiled, networks, folds, benchmark))
        drawn.append((axis, aucs))
    if asked.picture:
        draw(drawn, asked.picture)
    everything = torch.from_numpy(np.array(frames))
    for name, found in networks.items():
        for outer, (network, recipe) in found.items():
            for place, clips in (("synthetic shop", benchmark.shop), ("cctv", benchmark.cctv)):
                logits = clip_scores(network, recipe, everything, clips)
                report(f"{name}, network {outer}, {place}", clips.label, logits)


def auc_of(
    condition: str, frames: Frames, networks: Networks, folds: Sequence[int], benchmark: Benchmark
) -> dict[str, float]:
    """AUC of each name's networks over the clips of the folds, which is printed too."""
    data, aucs = benchmark.data, {}
    rows = np.flatnonzero(np.isin(data.fold, folds))
    on_cpu = torch.from_numpy(frames)
    for name, found in networks.items():
        logits = np.full(len(data.fold), np.nan)
        for outer in folds:
            own = np.flatnonzero(data.fold == outer)
            logits[own] = clip_scores(*found[outer], on_cpu, data.clips.of(own))
        aucs[name] = report(f"{name}, {condition}", data.clips.label[rows], logits[rows])
    return aucs


def draw(measured: Sequence[tuple[Axis, list[dict[str, float]]]], picture: Path) -> None:
    """AUC over severity, a panel a way to spoil; lines differ by dash and marker, not by colour."""
    figure = Figure(figsize=(11, 3.2), layout="constrained")
    panels = figure.subplots(1, len(measured), sharey=True)
    for panel, (axis, aucs) in zip(panels, measured, strict=True):
        for name, style in zip(aucs[0], STYLES, strict=False):
            panel.plot([100 * auc[name] for auc in aucs], style, color="black", label=name)
        panel.set_xticks(range(len(aucs)), ["as filmed", *(f"{s:g}" for s in axis.severities)])
        panel.set_xlabel(axis.title)
        panel.axhline(50, color="0.6", linewidth=0.8)
        panel.grid(axis="y", color="0.9")
    panels[0].set_ylabel("ROC-AUC on unseen clips, %")
    panels[0].legend(frameon=False)
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, dpi=110)


def stored_networks(
    folder: Path, name: str, benchmark: Benchmark
) -> dict[int, tuple[nn.Module, Recipe]]:
    """Network and recipe of each outer fold whose weights were kept."""
    states: dict[int, dict[str, torch.Tensor]] = {}
    prefixes = {outer: job_name("convlstm", name, (outer,), 0) + "/" for outer in range(FOLDS)}
    for file in sorted(folder.glob("weights*.npz")):
        with np.load(file) as stored:
            for outer, prefix in prefixes.items():
                keys = [key for key in stored.files if key.startswith(prefix)]
                if keys:
                    states[outer] = {
                        key.removeprefix(prefix): torch.from_numpy(stored[key]) for key in keys
                    }
    chosen = benchmark.chosen("convlstm") if name == CHOSEN else {}
    found = {}
    for outer, state in states.items():
        recipe = chosen[outer][1] if chosen else Recipe()
        network = build(recipe, 0)
        network.load_state_dict(state)
        found[outer] = network, recipe
    return found


def clip_scores(
    network: nn.Module, recipe: Recipe, frames: torch.Tensor, clips: Clips
) -> NDArray[np.float64]:
    """Mean logit of a clip's windows as filmed."""
    at = windows(recipe, clips, 2)
    return score(network, recipe, frames, at, 0.0).mean(dim=1).double().numpy()


def report(name: str, label: NDArray[np.float32], logits: NDArray[np.float64]) -> float:
    """Print one line; the AUC."""
    accuracy, auc = ((logits > 0) == (label > 0.5)).mean(), float(roc_auc_score(label, logits))
    print(f"{name:48s} accuracy {accuracy:.3f}  AUC {auc:.3f}", flush=True)
    return auc


if __name__ == "__main__":
    main()
