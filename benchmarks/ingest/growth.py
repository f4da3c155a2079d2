"""What one more video costs once there are many, and how often its bytes lie on the disk.

python -m benchmarks.ingest.growth [VIDEOS]     in the project's root; 1,000 small videos by default

The videos are decoded, hashed and cached by a real `dvc repro ingest` in a project of its own.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import av
import numpy as np
import pandas as pd

from aislewatch.config.params import load_params
from aislewatch.tables import places
from benchmarks.rounds import Cost, machine, measure, verdict, working_folder
from tests.projects import environment, make_project, set_params

VIDEOS = 1000
ROUNDS = 5

# Videos that arrive together: what one costs is less than the noise of a busy machine.
BATCH = 20

# Frames of a video, at 10 a second, and its pixels: a real clip's length at a fraction of the cost.
FRAMES, WIDTH, HEIGHT = 30, 64, 48

# What the issue asks for: the marginal cost over a thousandth of the whole.
MARGINAL = 2.0

# The part of the frames' bytes that links may add to the disk: folders, signatures, tables.
DISK = 1.1


def write_video(path: Path, seed: int) -> None:
    """A bright block on its own path over a still ground: no two videos are alike."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    ground = random.integers(40, 90, (HEIGHT, WIDTH, 3), np.uint8)
    xs = random.integers(0, WIDTH - 16) + np.cumsum(random.integers(-3, 4, FRAMES))
    with av.open(path, "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for x in xs:
            picture = ground.copy()
            picture[16:32, int(x) % (WIDTH - 16) :][:, :16] = 230
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())


class Growth:
    """A project of many videos, and what is done to it."""

    def __init__(self, folder: Path, videos: int) -> None:
        self.project = make_project(folder / "project", {"shop": "folder"})
        set_params(self.project, {"frames": load_params().frames.model_dump()})
        self.shop = self.project / places.RAW / "shop/normal"
        self.videos = 0
        self.add(videos)

    def repro(self, *options: str) -> Cost:
        """Run the stage as a user does, but for the recorder, which would work beside it."""
        execution = self.project / ".aislewatch/runs/benchmark"
        execution.mkdir(parents=True, exist_ok=True)
        command = ["dvc", "repro", *options, "ingest"]
        environ = environment(AISLEWATCH_EXECUTION=str(execution))
        return measure(
            lambda: subprocess.run(
                command, cwd=self.project, env=environ, check=True, capture_output=True
            )
        )

    def add(self, videos: int) -> None:
        """New footage arrives."""
        for _ in range(videos):
            self.videos += 1
            write_video(self.shop / f"{self.videos:05}.mp4", self.videos)

    def one_round(self) -> dict[str, Cost]:
        """Forced with nothing new, forced with one more, with BATCH more, and one more unforced.

        Unforced, DVC first looks what has changed, which a forced run does not.
        """
        same = self.repro("--force")
        self.add(1)
        more = self.repro("--force")
        self.add(BATCH)
        batch = self.repro("--force")
        self.add(1)
        return {"same": same, "one": more, "batch": batch, "unforced": self.repro()}

    def frames(self) -> int:
        """Frames of the videos, by the catalog."""
        return int(pd.read_parquet(self.project / places.CATALOG)["n_frames"].sum())

    def disk(self) -> tuple[int, int]:
        """Bytes on the disk of every place that holds frames together, and of the frames alone."""
        folders = [places.STORE, places.FRAMES, ".dvc/cache"]
        there = [place for place in folders if (self.project / place).exists()]
        command = ["du", "--summarize", "--total", "--block-size=1", *there]
        said = subprocess.run(
            command, cwd=self.project, check=True, capture_output=True, text=True
        ).stdout
        stored = sum(file.stat().st_size for file in (self.project / places.FRAMES).iterdir())
        return int(said.splitlines()[-1].split()[0]), stored


def marginal(rounds: Sequence[dict[str, Cost]], run: str, seconds: str) -> float:
    """Median of what a run cost beyond the forced one of its round, ``wall_s`` or ``cpu_s``."""
    return median(getattr(done[run], seconds) - getattr(done["same"], seconds) for done in rounds)


def main() -> None:
    """Print what it costs to begin and to add, and what the disk holds."""
    videos = int(sys.argv[1]) if len(sys.argv) > 1 else VIDEOS
    with working_folder() as folder:
        growth = Growth(folder, videos)
        scratch = growth.repro()
        print(f"{videos} videos from scratch: {scratch.wall_s:.1f} s, {scratch.cpu_s:.1f} s of CPU")
        held, stored = growth.disk()
        print(f"{growth.frames()} frames of {stored / growth.frames():.0f} bytes")
        print(verdict("disk over frames", held / stored, DISK, most=True))
        rounds = [growth.one_round() for _ in range(ROUNDS)]
        for seconds, whole in (("wall_s", scratch.wall_s), ("cpu_s", scratch.cpu_s)):
            forced = median(getattr(done["same"], seconds) for done in rounds)
            print(
                f"{seconds}: {whole / videos:.3f} a video from scratch; {forced:.2f} forced, same"
            )
            for run, added in (("one", 1), ("batch", BATCH), ("unforced", 1)):
                each = marginal(rounds, run, seconds) / added
                name = f"{run}: {each:+.3f} {seconds} a video over a thousandth of all"
                print(verdict(name, each / (whole / videos), MARGINAL, most=True))
        print(f"medians of {ROUNDS} interleaved rounds; {machine()}")


if __name__ == "__main__":
    main()
