"""Short films of a shop with someone who walks through it, encoded and decoded by real codecs."""

from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

HEIGHT, WIDTH = 96, 128
FPS = 2

Picture = npt.NDArray[np.uint8]
Spoil = Callable[[Picture, int], Picture]


def shop(seed: int = 0) -> Picture:
    """Draw shelves: uint8 grey (2 H, 2 W), more than the camera sees."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 200, (24, 32)).repeat(8, axis=0).repeat(8, axis=1)
    goods = rng.integers(-25, 26, (96, 128)).repeat(2, axis=0).repeat(2, axis=1)
    return (coarse + goods).astype(np.uint8)


def frames(seconds: float, spoil: Spoil, seed: int = 0) -> Iterator[Picture]:
    """Film the shop: noise, a walker, and what ``spoil`` does to a frame of the whole (2 H, 2 W).

    ``spoil`` returns what the camera sees, uint8 (H, W), of the room and the number of the frame.
    """
    rng = np.random.default_rng(seed)
    room = shop()
    for number in range(round(seconds * FPS)):
        picture = room.astype(np.int16)
        left = WIDTH // 2 + (number * 11) % WIDTH
        picture[60:130, left : left + 14] = 30
        picture += rng.integers(-3, 4, room.shape)
        yield spoil(picture.clip(0, 255).astype(np.uint8), number)


def seen(room: Picture, right: int = 0) -> Picture:
    """Return what a camera that is turned by ``right`` pixels sees of the room."""
    return room[48 : 48 + HEIGHT, 64 + right : 64 + right + WIDTH]


def blurred(picture: Picture, pixels: float) -> Picture:
    """Put a picture out of focus."""
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(pixels)))


def write(path: Path, pictures: Iterator[Picture]) -> Path:
    """Encode grey pictures as H.264."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", FPS, options={"preset": "ultrafast", "crf": "20"})
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "gray")))
        container.mux(stream.encode(None))
    return path


def read(path: Path) -> Iterator[tuple[Picture, float]]:
    """Decode a film: uint8 (H, W) and seconds of each picture."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="gray"), float(frame.time)
