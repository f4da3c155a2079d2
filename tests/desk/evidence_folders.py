"""Makes evidence folders as the live detection writes them, with real small films."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np

# 2026-11-30T12:00:00Z
NOON = 1_796_040_000.0
FPS = 10


def write_film(path: Path, n_frames: int = 40, seed: int = 0, size: int = 64) -> None:
    """Write H.264 of a square that walks over a coarse background, both drawn from the seed."""
    rng = np.random.default_rng(seed)
    room = (
        rng.integers(40, 220, (8, 8, 3), dtype=np.uint8).repeat(size // 8, 0).repeat(size // 8, 1)
    )
    walk = np.cumsum(rng.normal(0, 2, (n_frames, 2)), axis=0) + size / 2
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast"})
        stream.width = stream.height = size
        stream.pix_fmt = "yuv420p"
        for y, x in np.clip(walk, 0, size - 17).astype(int):
            picture = room.copy()
            picture[y : y + 16, x : x + 8] = rng.integers(0, 255, 3)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def utc(at: float) -> str:
    """Write a time as alert.json has it."""
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def write_evidence(
    live: Path, camera: str = "till", at: float = NOON, seed: int = 0, shadow: bool = False
) -> str:
    """Write one alert of 2 s in a film of 4 s; return its id."""
    moment = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%S")
    short = hashlib.sha256(f"{camera} {at} {seed}".encode()).hexdigest()[:8]
    alert_id = f"{camera}-{moment}-{short}"
    folder = live / "evidence" / f".{alert_id}.tmp"
    write_film(folder / "original.mp4", seed=seed)
    write_film(folder / "clip.mp4", seed=seed + 1)
    (folder / "poster.jpg").write_bytes(b"\xff\xd8\xff\xd9")
    alert = {
        "id": alert_id,
        "camera": camera,
        "begin": utc(at),
        "end": utc(at + 2),
        "raised": utc(at + 3),
        "captured": utc(at + 2),
        "score": 0.9,
        "threshold": 0.8,
        "box": None,
        "track": None,
        "model": {"name": "aislewatch", "version": "1", "sha256": "0" * 64},
        "shadow": shadow,
        "source": "rtsp://till",
        "offset_s": None,
    }
    (folder / "alert.json").write_text(json.dumps(alert))
    (folder / "timeline.json").write_text(json.dumps({"film_begin": utc(at - 1)}))
    digests = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()
    }
    (folder / "manifest.json").write_text(json.dumps(digests))
    folder.rename(live / "evidence" / alert_id)
    return alert_id
