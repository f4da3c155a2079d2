"""Copies of a video as people make them, planted with the real ffmpeg.

Each kind changes one thing by an amount drawn from a stated range; ``mixed`` changes three at once.
"""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe

ENCODER = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "26", "-pix_fmt", "yuv420p", "-an")
EVEN = "scale=trunc(iw/2)*2:trunc(ih/2)*2"


@dataclass(frozen=True)
class Source:
    """A video to copy: its length in seconds, and its frames a second."""

    path: Path
    duration_s: float
    fps: float


@dataclass(frozen=True)
class Recipe:
    """How a copy is made: a chain of filters, the seconds kept (start, length), the encoder."""

    filters: str = "null"
    start_s: float = 0.0
    length_s: float | None = None
    encoder: tuple[str, ...] = ENCODER
    # Other footage before and after, a flag each: the copy is then a part of a longer whole.
    before: bool = False
    after: bool = False


Draw = Callable[[np.random.Generator, Source], Recipe]


def _crop(keep: float) -> Draw:
    def draw(rng: np.random.Generator, _: Source) -> Recipe:
        x, y = rng.uniform(0, 1 - keep, 2)
        return Recipe(f"crop=iw*{keep}:ih*{keep}:iw*{x:.3f}:ih*{y:.3f}")

    return draw


def _border(rng: np.random.Generator, _: Source) -> Recipe:
    left, right, top, bottom = rng.uniform(0.02, 0.12, 4)
    size = f"iw*{1 + left + right:.3f}:ih*{1 + top + bottom:.3f}"
    return Recipe(f"pad={size}:iw*{left:.3f}:ih*{top:.3f}:gray")


def _letterbox(rng: np.random.Generator, _: Source) -> Recipe:
    bars = rng.uniform(0.15, 0.33)
    wide = rng.random() < 0.5
    shape = f"iw*{1 + bars:.3f}:ih" if wide else f"iw:ih*{1 + bars:.3f}"
    return Recipe(f"pad={shape}:(ow-iw)/2:(oh-ih)/2")


def _logo(rng: np.random.Generator, _: Source) -> Recipe:
    """An opaque box in a corner, and a clock's flicker in another."""
    x, y = rng.choice([0.03, 0.8]), rng.choice([0.03, 0.84])
    logo = f"drawbox=iw*{x}:ih*{y}:iw*0.17:ih*0.13:white:fill"
    clock = f"drawbox=iw*{0.83 - x}:ih*{y}:iw*0.12:ih*0.05:black:fill:enable='lt(mod(t,1),0.5)'"
    return Recipe(f"{logo},{clock}")


def _speed(rng: np.random.Generator, source: Source) -> Recipe:
    return Recipe(f"setpts=PTS/{rng.choice([0.9, 0.95, 1.05, 1.1])},fps={source.fps:.3f}")


def _tone(rng: np.random.Generator, _: Source) -> Recipe:
    brightness, contrast = rng.uniform(-0.12, 0.12), rng.uniform(0.7, 1.3)
    return Recipe(f"eq=brightness={brightness:.3f}:contrast={contrast:.3f}")


def _part(rng: np.random.Generator, source: Source) -> Recipe:
    length = rng.uniform(0.5, 0.75) * source.duration_s
    return Recipe("null", rng.uniform(0, source.duration_s - length), length)


def _overlap(rng: np.random.Generator, source: Source) -> Recipe:
    """60–75 % of the copy is of the source, the rest other footage: half is shared either way."""
    length = rng.uniform(0.6, 0.75) * source.duration_s
    if rng.random() < 0.5:
        return Recipe("null", 0.0, length, before=True)
    return Recipe("null", source.duration_s - length, length, after=True)


def _mixed(rng: np.random.Generator, source: Source) -> Recipe:
    one = rng.choice(["hflip", "eq=contrast=0.8", "setpts=PTS/1.08", "setpts=PTS/0.93"])
    two = [_crop(0.9), _border, _letterbox, _logo][rng.integers(4)](rng, source).filters
    size = f"scale={rng.choice([240, 400, 640])}:{rng.choice([180, 240, 360])}"
    return Recipe(f"{one},{two},{size},fps={rng.choice([12, 20, 25])}")


KINDS: dict[str, Draw] = {
    "encoded": lambda rng, _: Recipe(encoder=(*ENCODER, "-crf", str(rng.integers(30, 38)))),
    "mpeg4": lambda rng, _: Recipe(
        encoder=("-c:v", "mpeg4", "-q:v", str(rng.integers(6, 16)), "-an")
    ),
    "frame rate": lambda rng, _: Recipe(f"fps={rng.choice([12, 15, 24, 25, 30])}"),
    "resolution": lambda rng, _: Recipe(
        f"scale={rng.integers(80, 400) * 2}:{rng.integers(60, 300) * 2}"
    ),
    "crop 10 %": _crop(0.9),
    "crop 20 %": _crop(0.8),
    "border": _border,
    "letterbox": _letterbox,
    "logo": _logo,
    "mirror": lambda *_: Recipe("hflip"),
    "speed": _speed,
    "tone": _tone,
    "part": _part,
    "inside": lambda *_: Recipe(before=True, after=True),
    "overlap": _overlap,
    "mixed": _mixed,
}


def plant(source: Source, other: Source, recipe: Recipe, path: Path) -> Path:
    """Write the copy to ``path``; ``other`` is the footage around it where the recipe has some."""
    length = source.duration_s if recipe.length_s is None else recipe.length_s
    rest = max(0.5, length * (1.0 if recipe.before and recipe.after else 0.45))
    pieces = [(other, 0.0, rest)] * recipe.before
    pieces += [(source, recipe.start_s, length)]
    pieces += [(other, 0.0, rest)] * recipe.after
    inputs = [
        option
        for video, start, seconds in pieces
        for option in ("-ss", f"{start:.3f}", "-t", f"{seconds:.3f}", "-i", str(video.path))
    ]
    same = f"scale=320:240,setsar=1,fps={source.fps:.3f}" if len(pieces) > 1 else "null"
    chains = [f"[{i}:v]{same}[p{i}]" for i in range(len(pieces))]
    joined = "".join(f"[p{i}]" for i in range(len(pieces)))
    graph = ";".join([*chains, f"{joined}concat=n={len(pieces)},{recipe.filters},{EVEN}[out]"])
    command = [get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-y", *inputs]
    command += ["-filter_complex", graph, "-map", "[out]", *recipe.encoder, str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path
