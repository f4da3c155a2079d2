"""What live cameras are measured with: a network, a film, a shop of cameras on loopback."""

import subprocess
import threading
import time
from pathlib import Path

import torch
from imageio_ffmpeg import get_ffmpeg_exe

from aislewatch.alerts.rule import rule_at
from aislewatch.config.params import load_params
from aislewatch.files import write_json
from aislewatch.models.build import ModelConfig, build, save_model
from aislewatch.models.sizes import network_of
from aislewatch.register.bundle import OPERATING
from aislewatch.watch.live_alerts import LiveChange
from aislewatch.watch.loopback import LoopbackCamera
from aislewatch.watch.scorer import LiveModel, load_live
from aislewatch.watch.watched import Watched
from aislewatch.watch.watcher import CameraWatch

# Seconds of a film on loopback, and pictures a second of all films.
FILM_S, RATE = 40, 25
# The sizes of cameras, and seconds of film: long enough that a connection's beginning, which costs
# 0.05 CPU s once in hours, weighs little. 1080p costs as much in 40 s.
SIZES = {"320x240": ("320:240", 240), "1080p": ("1920:1080", FILM_S)}


class Silent:
    """Is told of alerts, and does nothing: what is measured ends with the score."""

    def tell(self, one: Watched, model: LiveModel, happened: LiveChange) -> None:
        """Nothing."""

    def follow(self, one: Watched) -> None:
        """Nothing is kept."""

    def look(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


def make_model(folder: Path) -> LiveModel:
    """Make the demo's ConvLSTM, untrained: it costs what a trained one does."""
    params = load_params()
    torch.manual_seed(0)
    config = ModelConfig(
        architecture="convlstm",
        model=network_of(params.model),
        frame_size=params.frames.size,
        n_frames=params.segment.n_frames,
        step=params.segment.step,
        fps=params.frames.fps,
    )
    save_model(folder, build(config))
    write_json(folder / OPERATING, {"rule": rule_at(params.alerts, 0.8).model_dump()})
    # Several would wait for each other, spinning, where others compute beside them.
    machine_of_one = params.machine.model_copy(update={"threads": 1})
    return load_live("aislewatch", "0", folder, machine_of_one, folder)


def make_film(path: Path, size: str, film: Path | None, seconds: int = FILM_S) -> Path:
    """Render a film of this size: a real one scaled, or a test picture under a sensor's noise."""
    noisy = f"testsrc2=rate={RATE}:size=640x360,noise=alls=6:allf=t"
    source = ["-stream_loop", "-1", "-i", str(film)] if film else ["-f", "lavfi", "-i", noisy]
    command = [get_ffmpeg_exe(), "-v", "error", "-y", *source, "-t", str(seconds)]
    command += ["-vf", f"scale={size},fps={RATE},format=yuv420p", "-c:v", "libx264"]
    command += ["-preset", "veryfast", "-bf", "0", "-g", str(2 * RATE), str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


def open_shop(
    folder: Path,
    model: LiveModel,
    cameras: int,
    film: Path | None,
) -> tuple[list[LoopbackCamera], CameraWatch]:
    """Watch cameras on loopback, in a thread; return when all of them run."""
    source = make_film(folder / "loopback.mp4", SIZES["320x240"][0], film)
    shop = [LoopbackCamera(source) for _ in range(cameras)]
    file = folder / "cameras.yaml"
    lines = ["watching: {metrics_port: 0}", "cameras:"]
    lines += [
        f"- {{name: camera-{number}, address: '{camera.address}', role: aisle}}"
        for number, camera in enumerate(shop)
    ]
    file.write_text("\n".join(lines))
    watch = CameraWatch(file, [model], folder / "live", Silent())
    threading.Thread(target=watch.run, daemon=True).start()
    while len(watch.watched) < cameras or any(
        one.follower.state != "running" for one in list(watch.watched.values())
    ):
        time.sleep(0.1)
    return shop, watch
