"""One scene gives the same frames however a camera codes its pictures."""

from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from aislewatch.errors import QuarantinedError
from aislewatch.ingest.colours import to_store_colours
from aislewatch.ingest.decode import FRAMES
from aislewatch.ingest.picture import HD_MATRIX, STORE_MATRIX, Look
from tests import decoding
from tests.footage_samples import make_video, run_ffmpeg

SIZE = 64
# Red and blue weights of luma (ITU-R BT.601, BT.709, BT.2020).
WEIGHTS = {"smpte170m": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020nc": (0.2627, 0.0593)}
COLOURS = {"red": (255, 0, 0), "jacket": (180, 60, 40), "shelf": (40, 90, 200), "grey": (128,) * 3}


pytestmark = pytest.mark.usefixtures("scratch")


def decode(video: Path) -> dict:
    return decoding.decode(video, size=SIZE)


def planes() -> list[npt.NDArray[np.uint8]]:
    """Y, U and V of the first stored frame, each of uint8."""
    frame = np.fromfile(FRAMES, np.uint8)[: SIZE * SIZE * 3 // 2]
    return np.split(frame, [SIZE * SIZE, SIZE * SIZE * 5 // 4])


def in_yuv(rgb: tuple[int, ...], matrix: str, *, full: bool) -> list[int]:
    """A colour by the definition, rounded once."""
    kr, kb = WEIGHTS[matrix]
    r, g, b = (part / 255 for part in rgb)
    y = kr * r + (1 - kr - kb) * g + kb * b
    u, v = (b - y) / (2 - 2 * kb), (r - y) / (2 - 2 * kr)
    scale, black, chroma = (255, 0, 255) if full else (219, 16, 224)
    exact = black + scale * y, 128 + chroma * u, 128 + chroma * v
    return [min(255, round(value)) for value in exact]


def coded(path: Path, yuv: list[int], matrix: str, tags: str, size: str = "64x64") -> Path:
    """Two pictures of one colour without loss, tagged by the filter ``setparams``."""
    y, u, v = yuv
    run_ffmpeg(
        *("-f", "lavfi", "-i", f"color=size={size}:rate=10:duration=0.2,format=yuv420p"),
        # `geq` knows nothing of ranges; `lutyuv` would convert.
        *("-vf", f"geq=lum={y}:cb={u}:cr={v},setparams={tags}"),
        *("-c:v", "libx264", "-qp", "0", "-preset", "ultrafast", path),
    )
    return path


@pytest.mark.parametrize("colour", COLOURS)
def test_one_colour_is_the_same_bytes_in_every_matrix_and_range(colour, tmp_path):
    """To 1 of 255: so its own numbers were rounded. The wrong matrix is off by 18 for red."""
    rgb = COLOURS[colour]
    expected = in_yuv(rgb, "smpte170m", full=False)
    for matrix in WEIGHTS:
        for full in (False, True):
            tags = f"colorspace={matrix}:range={'pc' if full else 'tv'}"
            video = tmp_path / f"{matrix}{full}.mp4"
            facts = decode(coded(video, in_yuv(rgb, matrix, full=full), matrix, tags))
            assert (facts["matrix"], facts["full_range"]) == (matrix, full)
            for plane, value in zip(planes(), expected, strict=True):
                assert plane.min() == plane.max()
                assert abs(int(plane[0]) - value) <= 1, (matrix, full)


@pytest.mark.parametrize("rgb", list(product((0, 255), repeat=3)), ids=str)
def test_pure_colours_and_black_and_white_are_the_same_bytes_whatever_their_coding(rgb):
    """Rounding to 8 bits in one matrix is absorbed: red was 82 of BT.709, 81 of all others."""
    expected = in_yuv(rgb, "smpte170m", full=False)
    for matrix in WEIGHTS:
        for full in (False, True):
            yuv = in_yuv(rgb, matrix, full=full)
            half = SIZE // 2
            values = np.repeat(yuv, [SIZE * SIZE, half * half, half * half]).astype(np.uint8)
            look = Look(SIZE, SIZE, matrix, full, interlaced=False)
            stored = to_store_colours(values.reshape(-1, SIZE), look)
            assert np.unique(stored[:SIZE]).tolist() == [expected[0]], (matrix, full)
            colours = stored[SIZE:].reshape(2, -1)
            assert [np.unique(plane).tolist() for plane in colours] == [[at] for at in expected[1:]]


def test_one_red_is_the_same_bytes_as_ffmpeg_codes_it(tmp_path):
    """With losses, by x264, in both matrices and ranges, and in RGB."""
    stored = {}
    red = ("-f", "lavfi", "-i", "color=red:size=320x240:rate=10:duration=0.3,format=gbrp")
    for matrix in ("bt709", "smpte170m"):
        for full in ("pc", "tv"):
            made = f"scale=out_color_matrix={matrix}:out_range={full},format=yuv420p"
            tags = f"setparams=colorspace={matrix}:range={full}"
            video = tmp_path / f"{matrix}_{full}.mp4"
            run_ffmpeg(*red, "-vf", f"{made},{tags}", "-c:v", "libx264", video)
            assert decode(video)["matrix"] == matrix
            stored[video.name] = Path(FRAMES).read_bytes()
    run_ffmpeg(*red, "-c:v", "libx264rgb", tmp_path / "rgb.mkv")
    decode(tmp_path / "rgb.mkv")
    assert set(stored.values()) == {Path(FRAMES).read_bytes()}
    assert [np.unique(plane).tolist() for plane in planes()] == [[81], [90], [240]]


@pytest.mark.parametrize("name", ["rgb.mkv", "hd.mkv"])
def test_converted_colours_do_not_depend_on_the_processor(name, tmp_path):
    codec = ["libx264rgb"] if name == "rgb.mkv" else ["libx264", "-colorspace", "bt709"]
    video = tmp_path / name
    make_video(video, "-c:v", *codec, "-pix_fmt", "gbrp" if name == "rgb.mkv" else "yuvj420p")
    decode(video)
    with_simd = Path(FRAMES).read_bytes()
    with decoding.without_simd():
        decode(video)
    assert Path(FRAMES).read_bytes() == with_simd


@pytest.mark.parametrize("colour", COLOURS)
def test_pictures_in_rgb_and_jpeg_are_the_same_colours(colour, tmp_path):
    red, green, blue = COLOURS[colour]
    expected = in_yuv(COLOURS[colour], "smpte170m", full=False)
    source = f"color=c=0x{red:02x}{green:02x}{blue:02x}:size=64x64:rate=10:duration=0.2"
    for name, *options in (
        ("gbrp.mkv", "-c:v", "libx264rgb", "-qp", "0"),
        ("bgr.avi", "-c:v", "rawvideo", "-pix_fmt", "bgr24"),
        ("jpeg.avi", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "1"),
    ):
        run_ffmpeg("-f", "lavfi", "-i", source, "-vf", "format=gbrp", *options, tmp_path / name)
        decode(tmp_path / name)
        for plane, value in zip(planes(), expected, strict=True):
            assert np.abs(plane.astype(int) - value).max() <= 2, name


@pytest.mark.parametrize(
    ("size", "matrix"), [("720x576", "smpte170m"), ("1280x720", "bt709"), ("640x640", "bt709")]
)
def test_pictures_without_a_tag_are_taken_as_players_take_them(size, matrix, tmp_path):
    yuv = in_yuv(COLOURS["red"], matrix, full=False)
    video = coded(tmp_path / "untagged.mp4", yuv, matrix, "colorspace=unknown", size)
    assert decode(video)["matrix"] == matrix
    assert abs(int(planes()[0][0]) - in_yuv(COLOURS["red"], "smpte170m", full=False)[0]) <= 1


def test_whiter_than_white_is_kept(tmp_path):
    """Cameras that lie about their range lose nothing."""
    decode(coded(tmp_path / "bright.mp4", [250, 128, 128], "bt709", "colorspace=bt709:range=tv"))
    assert planes()[0].max() == 250


def test_colours_that_are_not_converted_are_refused(tmp_path):
    video = coded(tmp_path / "a.mp4", [90, 90, 90], "smpte170m", "colorspace=ictcp:range=tv")
    with pytest.raises(QuarantinedError, match="matrix 14") as error:
        decode(video)
    assert error.value.reason == "unsupported-colour"


@pytest.mark.parametrize(
    ("pixel", "degrees", "size"),
    [
        ("1/1", 0, (96, 64)),
        ("5/11", 0, (44, 64)),
        ("2/1", 0, (192, 64)),
        ("2/1", 90, (64, 192)),
        ("1/100", 0, (96, 64)),
        ("0/1", 0, (96, 64)),
    ],
)
def test_width_and_height_are_as_displayed(pixel, degrees, size, tmp_path):
    plain, turned = tmp_path / "plain.mp4", tmp_path / "turned.mp4"
    make_video(plain, "-vf", f"setsar={pixel}", seconds=0.3)
    run_ffmpeg("-display_rotation", str(degrees), "-i", plain, "-c", "copy", turned)
    facts = decode(turned)
    assert (facts["width"], facts["height"]) == size


def interlaced(path: Path, pictures: int) -> Path:
    """A bar that moves 4 pixels a field; two fields make a picture, 10 pictures a second."""
    codec = ["-c:v", "libx264" if path.stem == "h264" else "mpeg2video", "-qscale:v", "2"]
    bar = "if(between(mod(X-80*T,64),8,30),220,30)"
    run_ffmpeg(
        *("-f", "lavfi", "-i", f"color=size=64x64:rate=20:duration={pictures / 10}"),
        *("-vf", f"geq=lum='{bar}':cb=128:cr=128,tinterlace=interleave_top,setfield=tff"),
        *(*codec, "-flags", "+ildct+ilme", "-pix_fmt", "yuv420p", path),
    )
    return path


def combs() -> float:
    """How much the lines of the stored frames differ from those above and below them."""
    y_THW = np.fromfile(FRAMES, np.uint8).reshape(-1, SIZE * 3 // 2, SIZE)[:, :SIZE].astype(int)
    return float(np.abs(2 * y_THW[:, 1:-1] - y_THW[:, :-2] - y_THW[:, 2:]).mean())


@pytest.mark.parametrize("name", ["h264.mkv", "mpeg2.mkv"])
def test_interlaced_pictures_are_made_whole_and_none_is_lost(name, tmp_path):
    for pictures in (1, 2, 10):
        facts = decode(interlaced(tmp_path / name, pictures))
        assert facts["interlaced"]
        assert facts["n_frames"] == pictures
    assert combs() < 5
    run_ffmpeg("-i", tmp_path / name, "-f", "rawvideo", FRAMES)
    assert combs() > 20
    decode(tmp_path / name)
    with_simd = Path(FRAMES).read_bytes()
    with decoding.without_simd():
        decode(tmp_path / name)
    assert Path(FRAMES).read_bytes() == with_simd


def test_a_film_that_becomes_interlaced_is_made_whole_from_there_on(tmp_path):
    whole = tmp_path / "whole.ts"
    still = ("-f", "lavfi", "-i", "color=gray:size=64x64:rate=10:duration=1")
    run_ffmpeg(*still, "-c:v", "libx264", "-pix_fmt", "yuv420p", whole)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(whole.read_bytes() + interlaced(tmp_path / "h264.ts", 10).read_bytes())
    assert decode(joined)["n_frames"] == 20
    assert combs() < 5


@pytest.mark.parametrize("matrix", [HD_MATRIX, "bt2020nc", STORE_MATRIX])
def test_a_pictures_colours_do_not_depend_on_its_shape(matrix: str) -> None:
    """People are cut from pictures that are not square: of two alike, side by side or stacked."""
    draws = np.random.default_rng(3)
    y, u, v = (draws.integers(16, 236, (n, n), dtype=np.uint8) for n in (8, 4, 4))
    look = Look(8, 8, matrix, full_range=True, interlaced=False)

    def stored(repeats: tuple[int, int]) -> list[npt.NDArray[np.uint8]]:
        planes = [np.tile(plane, repeats) for plane in (y, u, v)]
        height, width = planes[0].shape
        packed = np.concatenate([plane.ravel() for plane in planes]).reshape(-1, width)
        flat = to_store_colours(packed, look).ravel()
        parts = np.split(flat, [height * width, height * width * 5 // 4])
        return [part.reshape(plane.shape) for part, plane in zip(parts, planes, strict=True)]

    alone = stored((1, 1))
    for repeats in ((1, 2), (3, 1)):
        for plane, expected in zip(stored(repeats), alone, strict=True):
            np.testing.assert_array_equal(plane, np.tile(expected, repeats))
