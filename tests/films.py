"""Films of people who walk through a room, and their fingerprints, made in memory."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from aislewatch.frames.fingerprint import Fingerprint, fingerprint_of, signature_of_frames
from aislewatch.tables.ingest import PICTURE_TIMES
from tests.even_videos import even_videos

SIZE = 64
FPS = 10

Luma = npt.NDArray[np.float64]


def film(n_frames: int, walk: int, start: int = 0, room: int = 0) -> Luma:
    """Draw luma (T, 64, 64): a person in two colours, whose arm moves, on a walk of their own."""
    rng = np.random.default_rng(1000 + room)
    coarse = rng.integers(40, 220, (8, 8)).repeat(8, axis=0).repeat(8, axis=1)
    background = coarse + rng.integers(-12, 13, (SIZE, SIZE))
    rng = np.random.default_rng(walk)
    steps = rng.normal(0, 1, (start + n_frames + 10, 4))
    smooth = np.cumsum(np.apply_along_axis(np.convolve, 0, steps, np.ones(5) / 5, "same"), axis=0)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    frames = []
    for y, x, arm, bend in smooth[start : start + n_frames] * (1.5, 2.5, 0.8, 0.5):
        y, x = 34 + 14 * np.sin(y / 9 + walk), 32 + 24 * np.sin(x / 14 + walk)
        picture = background.copy().astype(np.float64)
        body = (((rows - y) / 13) ** 2 + ((columns - x) / (5 + np.sin(bend))) ** 2) < 1
        head = (rows - y + 15) ** 2 + (columns - x - 2 * np.sin(bend)) ** 2 < 16
        hand_y, hand_x = y - 4 + 9 * np.sin(arm), x + 10 * np.cos(arm)
        hand = (rows - hand_y) ** 2 + (columns - hand_x) ** 2 < 9
        picture[body], picture[head], picture[hand] = 25, 190, 240
        frames.append(picture)
    return np.array(frames)


def write_frames(path: Path, luma: Luma) -> None:
    """Write a store file of a grey film."""
    grey = np.full((len(luma), SIZE // 2, SIZE), 128, np.uint8)
    yuv = np.concatenate([np.clip(np.rint(luma), 0, 255).astype(np.uint8), grey], axis=1)
    yuv.tofile(path)


def fingerprint(folder: Path, luma: Luma) -> Fingerprint:
    """Compute a film's fingerprint, through a real store file."""
    path = folder / "film.yuv"
    write_frames(path, luma)
    return fingerprint_of(signature_of_frames(path, SIZE, FPS), len(luma), FPS)


def noisy(luma: Luma, seed: int = 0) -> Luma:
    """Change a film as another encoding does: noise, a little brighter."""
    noise: Luma = luma * 1.05 + np.random.default_rng(seed).normal(3, 1.5, luma.shape)
    return noise


def resized(luma: Luma, top: float, left: float, height: float, width: float) -> Luma:
    """Cut a part out of the picture and make it the whole; place and size are shares of a side."""
    frames = np.arange(SIZE) / SIZE
    rows = np.clip(np.rint((top + frames * height) * SIZE), 0, SIZE - 1).astype(int)
    columns = np.clip(np.rint((left + frames * width) * SIZE), 0, SIZE - 1).astype(int)
    return luma[:, rows][:, :, columns]


def framed(luma: Luma, share: float) -> Luma:
    """Shrink the picture inside a grey border that takes this share of every side's length."""
    whole = np.full(luma.shape, 128.0)
    edge = round(share * SIZE)
    inner = SIZE - 2 * edge
    places = np.arange(inner) * SIZE // inner
    whole[:, edge : edge + inner, edge : edge + inner] = luma[:, places][:, :, places]
    return whole


def faster(luma: Luma, speed: float) -> Luma:
    """Play a film at another speed, every frame the nearest one."""
    places = np.rint(np.arange(0, len(luma) - 1, speed)).astype(int)
    return luma[places]


def write_films(data: Path, catalog: pd.DataFrame, walks: Iterable[int]) -> None:
    """Write what ingest makes of a catalog: a film of its walk a video; equal walks are copies."""
    (data / "dataset/frames").mkdir(parents=True)
    (data / "fingerprints").mkdir()
    rows = []
    columns = (catalog[name].tolist() for name in ("video", "frames_file", "n_frames"))
    for video, name, n_frames, walk in zip(*columns, walks, strict=True):
        frames = data / "dataset/frames" / name
        write_frames(frames, noisy(film(n_frames, walk)))
        rows.append((video, signature_of_frames(frames, SIZE, FPS).tobytes(), n_frames, FPS))
    table = pd.DataFrame(rows, columns=["video", "signature", "n_frames", "fps"])
    table.to_parquet(data / "fingerprints/fingerprints.parquet", index=False)
    shown = even_videos(catalog).items()
    rows = [(name, video.times.bounds_ns.tobytes()) for name, video in shown]
    PICTURE_TIMES.at(data / "fingerprints/picture_times.parquet").write(PICTURE_TIMES.frame(rows))
