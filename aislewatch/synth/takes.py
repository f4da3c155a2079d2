"""Plans the videos of the synthetic shop, and renders the bytes of each.

Nothing is random but what ``(seed, take)`` decides, and all of it is integer arithmetic, so the
same wheels give the same bytes on every x86 machine.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import av
import numpy as np
import numpy.typing as npt

from aislewatch.errors import FootageError
from aislewatch.synth.choreography import FPS
from aislewatch.synth.footage import ShopFootage, draw_footage, lights, long_recording, visit_of
from aislewatch.synth.scene import CAMERAS, HEIGHT, WIDTH, Shop, build_shop

# The fewest videos that hold both classes at both cameras and every planted trap.
FEWEST = 10

# One video in so many is a re-encoded copy, one in so many is there as two parts.
_COPY_EVERY = 40
_CUT_EVERY = 24

# x264's quantizers of originals and of re-encoded copies; the latter costs a third of the bytes.
_QP, _COPY_QP = 26, 36

# Percent of a truncated file's bytes that are there: the index at its end is lost.
_TRUNCATED = 60

# Constant quantizer, one thread and none of x264's decisions in floating point: gave the same bytes
# without SIMD, with SSE2 only and with AVX-512, and without glibc's FMA.
_X264 = "threads=1:lookahead-threads=1:cpu-independent=1:aq-mode=0:mbtree=0:weightp=0:bframes=0"

# Minutes of a long recording: recorders cut what they store.
RECORDING_MINUTES = 12.0
# Of the visits of a long recording with thefts, one in so many is of a thief.
_THIEF_EVERY = 2
# Their takes begin here, so that they share no random stream with a visit.
_FIRST_RECORDING = 1_000_000

# What a random generator is for: first number after the seed, so that no two share a stream.
_LOOK, _ACT, _NOISE, _SHOP = range(4)


@dataclass(frozen=True)
class PlannedVideo:
    """Describes one file of the set; those of the same take and part show the same footage.

    ``cut`` is a visit in two parts; ``minutes`` those of a long recording, 0 for a visit.
    """

    name: str
    take: int
    part: int = 0
    qp: int = _QP
    truncated: bool = False
    cut: bool = False
    minutes: float = 0.0

    @property
    def shoplifts(self) -> bool:
        """Tell whether there is a theft, which a folder's name says."""
        return "/shoplifting/" in self.name


def plan_shop(videos: int, recordings: int = 0) -> list[PlannedVideo]:
    """Plan the files of a set.

    Args:
        videos: playable files of one visit each, parts and copies included; a broken one is added.
        recordings: files of the two cameras that run on, by turns.

    Raises:
        FootageError: too few videos to hold every planted case, or a negative number.
    """
    if videos < FEWEST:
        raise FootageError(
            f"{videos} synthetic videos are too few for both classes, both cameras and the "
            f"planted copies; ask for at least {FEWEST}"
        )
    if recordings < 0:
        raise FootageError(f"{recordings} long recordings are asked for; give a number from 0 up")
    copies, cuts = max(1, videos // _COPY_EVERY), max(1, videos // _CUT_EVERY)
    takes = videos - 1 - copies - cuts
    plan = []
    for take in range(cuts):
        plan += [
            PlannedVideo(_name(take, f"take-{take:04d}_part{part + 1}"), take, part, cut=True)
            for part in (0, 1)
        ]
    plan += [PlannedVideo(_name(take, f"take-{take:04d}"), take) for take in range(cuts, takes)]
    for copy in range(copies):
        take = cuts + copy
        plan.append(PlannedVideo(_name(take, f"export-{takes + copy:04d}"), take, qp=_COPY_QP))
    twin, number = cuts + copies, takes + copies
    plan.append(PlannedVideo(_name(twin, f"backup-{number:04d}"), twin))
    normal = takes + takes % 2
    plan.append(PlannedVideo(_name(normal, f"broken-{number + 1:04d}"), normal, truncated=True))
    return plan + [_recording(number) for number in range(recordings)]


def _recording(number: int) -> PlannedVideo:
    """Plan a file of a camera that runs on: one of six shows no theft."""
    take = _FIRST_RECORDING + number
    camera = CAMERAS[number % len(CAMERAS)].name
    label = "normal" if number // len(CAMERAS) % 6 == 5 else "shoplifting"
    name = f"{camera}/{label}/running-{number:04d}.mp4"
    return PlannedVideo(name, take, minutes=RECORDING_MINUTES)


def _camera(take: int) -> int:
    """Choose the camera of a visit: the second sees one pair (one of each class) in three."""
    return int(take // 2 % 3 == 2)


def _name(take: int, stem: str) -> str:
    label = "shoplifting" if take % 2 else "normal"
    return f"{CAMERAS[_camera(take)].name}/{label}/{stem}.mp4"


def events_of(video: PlannedVideo, seed: int) -> list[tuple[float, float]]:
    """List start and end, in seconds, of each theft in a video; none in a normal one."""
    return _direct(video, seed).thefts()


def render_video(video: PlannedVideo, seed: int) -> bytes:
    """Render one file's bytes; they depend on nothing but the arguments."""
    rng = np.random.default_rng([seed, _NOISE, video.take, video.part])
    encoded = _encode(draw_footage(_direct(video, seed), rng), video.qp)
    return encoded[: len(encoded) * _TRUNCATED // 100] if video.truncated else encoded


def _direct(video: PlannedVideo, seed: int) -> ShopFootage:
    camera = next(i for i, own in enumerate(CAMERAS) if video.name.startswith(own.name + "/"))
    shop = _shop(camera, seed)
    look_rng = np.random.default_rng([seed, _LOOK, video.take])
    act_rng = np.random.default_rng([seed, _ACT, video.take, video.part])
    if video.minutes:
        frames = round(video.minutes * 60 * FPS)
        return long_recording(shop, act_rng, frames, _THIEF_EVERY if video.shoplifts else 0)
    one = visit_of(
        shop,
        look_rng,
        act_rng,
        video.shoplifts,
        enters=video.part == 0,
        leaves=not video.cut or video.part == 1,
    )
    return ShopFootage(shop, (one,), lights(act_rng, one.end, shop.camera.gain))


@lru_cache(maxsize=len(CAMERAS))
def _shop(camera: int, seed: int) -> Shop:
    return build_shop(np.random.default_rng([seed, _SHOP, camera]), CAMERAS[camera])


def _encode(frames: Iterable[npt.NDArray[np.uint8]], qp: int) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.thread_count = 1
        stream.options = {"preset": "ultrafast", "x264-params": f"{_X264}:qp={qp}"}
        for index, frame_KW in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(frame_KW, format="yuv420p")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return buffer.getvalue()
