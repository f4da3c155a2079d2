"""Films whose pictures show their own number, so that a stored frame tells which picture it is.

A number is a grid of 4 × 4 bright and dark blocks: 16 bits, the lowest at the top left.
"""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

SIDE = 64
BLOCK = SIDE // 4
BITS = 16


def picture(number: int) -> npt.NDArray[np.uint8]:
    """Draw a number: uint8 (64, 64)."""
    bits = np.array([number >> bit & 1 for bit in range(BITS)], np.uint8).reshape(4, 4)
    return (bits * 200 + 30).repeat(BLOCK, axis=0).repeat(BLOCK, axis=1)


def read_numbers(frames: Path, size: int) -> list[int]:
    """Read the number of each frame in a file of packed I420 frames of ``size`` pixels a side."""
    y_TKW = np.fromfile(frames, np.uint8).reshape(-1, size * 3 // 2, size)[:, :size]
    means_TB = y_TKW.reshape(-1, 4, size // 4, 4, size // 4).mean(axis=(2, 4)).reshape(-1, BITS)
    return ((means_TB > 128) @ (1 << np.arange(BITS))).tolist()


def write_film(
    path: Path,
    times_ms: Sequence[int],
    *,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    first: int = 0,
    last_ms: int = 0,
    sound_ms: tuple[int, int] | None = None,
) -> Path:
    """Write a film.

    Args:
        path: its suffix says in which container.
        times_ms: when each picture is shown.
        codec: of the pictures.
        options: of the codec; by default fast, with a key picture every 10.
        first: number of the first picture.
        last_ms: how long the last picture is said to last; 0: nothing is said.
        sound_ms: from and until when there is sound, which is silence.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"preset": "ultrafast", "g": "10"} if options is None else options
    with av.open(str(path), "w") as film:
        track = film.add_stream(codec, rate=25, options=options)
        track.width = track.height = SIDE
        track.pix_fmt = "yuv420p"
        track.codec_context.time_base = Fraction(1, 1000)
        sound = film.add_stream("aac", rate=8000, layout="mono") if sound_ms else None
        packets = []
        for number, time in enumerate(times_ms, start=first):
            frame = av.VideoFrame.from_ndarray(picture(number), format="gray")
            frame = frame.reformat(format="yuv420p", dst_color_range="MPEG", src_color_range="MPEG")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            packets += track.encode(frame)
        packets += track.encode(None)
        if last_ms:
            max(packets, key=lambda packet: packet.pts).duration = last_ms
        if sound and sound_ms:
            packets += _silence(sound, *sound_ms)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            film.mux(packet)
    return path


def _silence(sound: av.AudioStream, start_ms: int, end_ms: int) -> list[av.Packet]:
    packets = []
    for start in range(start_ms * 8, end_ms * 8, 1024):
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate, frame.pts, frame.time_base = 8000, start, Fraction(1, 8000)
        packets += sound.encode(frame)
    return packets + sound.encode(None)
