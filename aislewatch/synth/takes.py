"""Plans the videos of the synthetic shop, and renders the bytes of each.

Nothing is random but what ``(seed, take)`` decides, and all of it is integer arithmetic, so the
same wheels give the same bytes on every x86 machine.
"""

import io
from dataclasses import dataclass, replace
from functools import lru_cache

import av
import numpy as np
import numpy.typing as npt

from aislewatch.errors import FootageError
from aislewatch.synth.choreography import FPS, Act, perform
from aislewatch.synth.figure import Appearance, choose_look
from aislewatch.synth.scene import CAMERAS, HEIGHT, WIDTH, Good, Shop, build_shop, draw_frame

# The fewest videos that hold both classes at both cameras and every planted trap.
FEWEST = 10

# One video in so many is a re-encoded copy, one in so many is there as two parts.
_COPY_EVERY = 40
_CUT_EVERY = 24

# x264's quantizers of originals and of re-encoded copies; the latter costs a third of the bytes.
_QP, _COPY_QP = 26, 38

# Percent of a truncated file's bytes that are there: the index at its end is lost.
_TRUNCATED = 60

# Constant quantizer, one thread and none of x264's decisions in floating point: gave the same bytes
# without SIMD, with SSE2 only and with AVX-512, and without glibc's FMA.
_X264 = "threads=1:lookahead-threads=1:cpu-independent=1:aq-mode=0:mbtree=0:weightp=0:bframes=0"

# What a random generator is for: first number after the seed, so that no two share a stream.
_LOOK, _ACT, _NOISE, _SHOP = range(4)


@dataclass(frozen=True)
class PlannedVideo:
    """Describes one file of the set; those of the same take and part show the same footage."""

    name: str
    take: int
    part: int = 0
    qp: int = _QP
    truncated: bool = False

    @property
    def shoplifts(self) -> bool:
        """Tell whether there is a theft: in every other take, so that all else is shared evenly."""
        return self.take % 2 == 1


def plan_shop(videos: int) -> list[PlannedVideo]:
    """Plan the files of a set: ``videos`` playable ones, with parts and copies, and a broken one.

    Raises:
        FootageError: too few videos to hold every planted case.
    """
    if videos < FEWEST:
        raise FootageError(
            f"{videos} synthetic videos are too few for both classes, both cameras and the "
            f"planted copies; ask for at least {FEWEST}"
        )
    copies, cuts = max(1, videos // _COPY_EVERY), max(1, videos // _CUT_EVERY)
    takes = videos - 1 - copies - cuts
    plan = []
    for take in range(cuts):
        plan += [PlannedVideo(_name(take, f"take-{take:04d}_part{p + 1}"), take, p) for p in (0, 1)]
    plan += [PlannedVideo(_name(take, f"take-{take:04d}"), take) for take in range(cuts, takes)]
    for copy in range(copies):
        take = cuts + copy
        plan.append(PlannedVideo(_name(take, f"export-{takes + copy:04d}"), take, qp=_COPY_QP))
    twin, number = cuts + copies, takes + copies
    plan.append(PlannedVideo(_name(twin, f"backup-{number:04d}"), twin))
    normal = takes + takes % 2
    plan.append(PlannedVideo(_name(normal, f"broken-{number + 1:04d}"), normal, truncated=True))
    return plan


def _camera(take: int) -> int:
    """Choose the camera: the second one sees one pair of takes (one of each class) in three."""
    return int(take // 2 % 3 == 2)


def _name(take: int, stem: str) -> str:
    label = "shoplifting" if take % 2 else "normal"
    return f"{CAMERAS[_camera(take)].name}/{label}/{stem}.mp4"


def event_of(video: PlannedVideo, seed: int) -> tuple[float, float] | None:
    """Return start and end, in seconds, of a video's shoplifting; None in a normal one."""
    if not video.shoplifts:
        return None
    act = _direct(video, seed).act
    return act.start / FPS, act.end / FPS


def render_video(video: PlannedVideo, seed: int) -> bytes:
    """Render one file's bytes; they depend on nothing but the arguments."""
    scene = _direct(video, seed)
    rng = np.random.default_rng([seed, _NOISE, video.take, video.part])
    shelves = {True: scene.shop, False: scene.shop.without(scene.good)}
    frames = [
        draw_frame(rng, shelves[pose.item == "shelf"], scene.look, pose, scene.good.colour)
        for pose in scene.act.poses
    ]
    encoded = _encode(frames, video.qp)
    return encoded[: len(encoded) * _TRUNCATED // 100] if video.truncated else encoded


@dataclass(frozen=True)
class _Direction:
    shop: Shop
    look: Appearance
    act: Act
    good: Good


def _direct(video: PlannedVideo, seed: int) -> _Direction:
    camera = CAMERAS[_camera(video.take)]
    shop = _shop(_camera(video.take), seed)
    rng = np.random.default_rng([seed, _LOOK, video.take])
    look = choose_look(rng, camera.scale, camera.gain)
    goods = shop.within_reach(look.place, look.scale)
    earlier, good = (goods[int(v)] for v in rng.permutation(len(goods))[:2])
    if video.part == 0:
        good = earlier
    else:
        # A recording goes on where its first part ended: that item is off the shelf, and a paid-for
        # one is in the basket.
        shop = shop.without(earlier)
        if not video.shoplifts:
            look = replace(look, contents=(*look.contents, earlier.colour))
    act = perform(
        np.random.default_rng([seed, _ACT, video.take, video.part]),
        video.shoplifts,
        look.seen_from(good.x, good.bottom - good.height // 2),
        may_walk_in=video.part == 0,
    )
    return _Direction(shop, look, act, good)


@lru_cache(maxsize=len(CAMERAS))
def _shop(camera: int, seed: int) -> Shop:
    return build_shop(np.random.default_rng([seed, _SHOP, camera]), CAMERAS[camera])


def _encode(frames: list[npt.NDArray[np.uint8]], qp: int) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.thread_count = 1
        stream.options = {"preset": "veryfast", "x264-params": f"{_X264}:qp={qp}"}
        for index, frame_KW in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(frame_KW, format="yuv420p")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return buffer.getvalue()
