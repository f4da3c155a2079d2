"""How scores of unseen MNNIT clips hold when the picture gets worse.

python -m research.robustness FOLDER CORPUS [--names chosen start] [--picture FILE]

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
import pandas as pd
import torch
from imageio_ffmpeg import get_ffmpeg_exe
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from sklearn.metrics import roc_auc_score

from aislewatch.models.build import Detector, load_model
from research import footage, pack
from research.footage import Folded
from research.plan import CHOSEN
from research.select import FOLDS, job_name
from research.trainings import Shelf, video_logits

Frames = NDArray[np.uint8]
# Network by outer fold, by the trainings' name.
Networks = Mapping[str, Mapping[int, Detector]]
# One a name, told apart in grey.
STYLES = ("o-", "s--", "^:", "D-.")
LUMA_BLACK = 16  # limited-range luma of black
CPU = torch.device("cpu")


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


def compressed(corpus: Path, crf: int, videos: pd.DataFrame) -> Frames:
    """Encode the videos once more by x264 at a constant rate factor, decode them by the product."""
    with tempfile.TemporaryDirectory() as folder:
        for path in videos["path"]:
            target = Path(folder) / "again" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            command = [get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-i", str(corpus / path)]
            command += ["-c:v", "libx264", "-crf", str(crf), "-threads", "1", str(target)]
            subprocess.run(command, check=True)
        decoded = pack.decoded(Path(folder) / "again", "mnnit", Path(folder) / "frames")
        again = videos[["path"]].merge(decoded, on="path", validate="one_to_one")
        return stacked(again, Path(folder) / "frames")


def stacked(videos: pd.DataFrame, frames_dir: Path) -> Frames:
    """Read the frames of all videos, one after another."""
    files = [np.fromfile(frames_dir / file, np.uint8) for file in videos["frames_file"]]
    return np.concatenate(files).reshape(-1, footage.SIZE * 3 // 2, footage.SIZE)


@dataclass(frozen=True)
class Axis:
    """One way to spoil a picture, from as filmed on."""

    title: str
    severities: tuple[float, ...]
    spoil: Callable[[Frames, float], Frames]


def axes(corpus: Path, videos: pd.DataFrame) -> tuple[Axis, ...]:
    """What is tried; the compressed clips come from the videos, not from the frames."""
    return (
        Axis("light, share of what it was", (0.5, 0.25, 0.1), darker),
        Axis("blur, σ in pixels of 128", (1, 2, 4), blurred),
        Axis(
            "camera, pixels a side", (64, 32, 16), lambda frames, side: coarser(frames, int(side))
        ),
        Axis(
            "x264, constant rate factor",
            (33, 41, 49),
            lambda _, crf: compressed(corpus, int(crf), videos),
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
    data, shelf = footage.read_folded(asked.folder), Shelf(asked.folder / "results")
    real = stacked(data.videos, data.frames_dir)
    networks = {name: stored_networks(shelf, name) for name in asked.names}
    folds = sorted(set.intersection(*(set(found) for found in networks.values())))
    print(f"outer folds {folds}, {np.isin(data.column('fold'), folds).sum()} videos")
    filmed = auc_of("as filmed", real, networks, folds, data)
    drawn = []
    for axis in axes(asked.corpus, data.videos):
        aucs = [filmed]
        for severity in axis.severities:
            spoiled = axis.spoil(real, severity)
            aucs.append(auc_of(f"{axis.title}: {severity:g}", spoiled, networks, folds, data))
        drawn.append((axis, aucs))
    if asked.picture:
        draw(drawn, asked.picture)


def auc_of(
    condition: str, frames: Frames, networks: Networks, folds: Sequence[int], data: Folded
) -> dict[str, float]:
    """AUC of each name's networks over the clips of the folds, which is printed too."""
    fold, label, aucs = data.column("fold"), data.column("label"), {}
    rows = np.flatnonzero(np.isin(fold, folds))
    with tempfile.TemporaryDirectory() as folder:
        ends = np.cumsum(data.column("n_frames"))[:-1]
        for file, video in zip(data.videos["frames_file"], np.split(frames, ends), strict=True):
            video.tofile(Path(folder) / file)
        for name, found in networks.items():
            logits = np.full(len(fold), np.nan)
            for outer in folds:
                own = np.flatnonzero(fold == outer)
                logits[own] = video_logits(found[outer], data, own, Path(folder), CPU)
            aucs[name] = report(f"{name}, {condition}", label[rows], logits[rows])
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


def stored_networks(shelf: Shelf, name: str) -> dict[int, Detector]:
    """The network of each outer fold that was kept."""
    folders = {
        outer: shelf.network_folder(job_name("convlstm", name, (outer,), 0))
        for outer in range(FOLDS)
    }
    return {outer: load_model(folder) for outer, folder in folders.items() if folder.exists()}


def report(name: str, label: NDArray[np.int64], logits: NDArray[np.float64]) -> float:
    """Print one line; the AUC."""
    accuracy, auc = ((logits > 0) == (label > 0.5)).mean(), float(roc_auc_score(label, logits))
    print(f"{name:48s} accuracy {accuracy:.3f}  AUC {auc:.3f}", flush=True)
    return auc


if __name__ == "__main__":
    main()
