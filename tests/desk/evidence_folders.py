"""Makes alerts' evidence by the writer that live detection uses, of films drawn from a seed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from aislewatch.evidence import folder
from aislewatch.evidence.alert import AlertModel, LiveAlert
from aislewatch.evidence.folder import AlertFilm, Picture

# 2026-11-30T12:00:00Z
NOON = 1_796_040_000.0
FPS = 10


def pictures(n_frames: int, seed: int, size: int = 64) -> Iterator[npt.NDArray[np.uint8]]:
    """Draw a square that walks over a coarse background."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 220, (8, 8, 3), dtype=np.uint8)
    room = coarse.repeat(size // 8, 0).repeat(size // 8, 1)
    walk = np.cumsum(rng.normal(0, 2, (n_frames, 2)), axis=0) + size / 2
    for y, x in np.clip(walk, 0, size - 17).astype(int):
        drawn = room.copy()
        drawn[y : y + 16, x : x + 8] = rng.integers(0, 255, 3)
        yield drawn


def write_film(path: Path, n_frames: int = 40, seed: int = 0) -> None:
    """Write H.264 of such pictures."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast"})
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for picture in pictures(n_frames, seed):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def write_evidence(
    live: Path, camera: str = "till", at: float = NOON, seed: int = 0, shadow: bool = False
) -> str:
    """Write one alert of 2 s in a film of 4 s that begins a second before it; return its id."""
    begin = datetime.fromtimestamp(at, UTC)
    alert = LiveAlert(
        camera=camera,
        begin=begin,
        end=begin + timedelta(seconds=2),
        raised=begin + timedelta(seconds=3),
        captured=begin + timedelta(seconds=2),
        score=0.9,
        threshold=0.8,
        box=None,
        track=None,
        model=AlertModel("aislewatch", "1", "0" * 64),
        shadow=shadow,
        source="rtsp://till",
        offset_s=None,
    )
    drawn = [Picture(number / FPS, rgb) for number, rgb in enumerate(pictures(40, seed))]
    film = AlertFilm(begin - timedelta(seconds=1), drawn)
    return folder.write_evidence(live, alert, film).name
