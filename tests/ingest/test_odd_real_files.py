"""What each odd file of real data sets comes to: accepted, or refused with its reason."""

from pathlib import Path

import numpy as np
import pytest

from aislewatch.ingest.decode import FRAMES
from tests.decoding import SIZE, decode, verdict
from tests.footage_samples import luma, run_ffmpeg

# A reason; or displayed width and height in pixels, degrees that the picture is turned (counter-
# clockwise), and frames at 10 a second.
BROKEN = {
    "cvat__test_rotated_90_video.mp4": (100, 200, 90, 10),
    "datumaro__video.avi": (32, 32, 0, 80),
    "datumaro__video_1.avi": (4, 4, 0, 20),
    "derived__truncated_60pct_of_shop_lifter_n_4_converted.mp4": "truncated",
    "derived__zero_bytes.mp4": "empty",
    "dmlc__unordered.mov": (50, 50, 0, 2),
    "dmlc__video_180.mov": (568, 320, 180, 1),
    "dmlc__video_90.mov": (320, 568, 270, 1),
    "imageio__realshort.mp4": (320, 240, 0, 12),
    "mozilla__afconvert-aac-0.5s.mp4": "no-video-stream",
    "mozilla__bipbop_480wp_1001kbps-cenc-video-key1-init.mp4": "encrypted",
    "mozilla__hevc_white_frame.mp4": (640, 480, 0, 1),
    "mozilla__invalid_userdata.mp4": "truncated",
    "mozilla__minimal.mp4": (320, 240, 0, 1),
    "mozilla__video_rotation_90.mp4": (60, 100, 270, 1),
    "mozilla__zero_empty_stsc.mp4": "truncated",
    "opencv__tree.avi": (320, 240, 0, 297),
    "torchcodec__av1_video.mkv": (640, 360, 0, 50),
    "torchcodec__h264_10bits.mp4": (200, 200, 0, 10),
    "torchcodec__h265_video.mp4": (128, 128, 0, 10),
    "torchcodec__nasa_13013.mp4": (320, 180, 0, 130),
    "youssef-osama1__demo.mp4": "not-a-video",
}


def test_the_table_of_odd_real_files_is_whole():
    """The sibling without footage: every way to be odd is in the table."""
    assert len(BROKEN) == 22
    reasons = {found for found in BROKEN.values() if isinstance(found, str)}
    assert reasons == {"truncated", "empty", "no-video-stream", "encrypted", "not-a-video"}


@pytest.mark.corpus
@pytest.mark.parametrize("name", BROKEN)
def test_verdicts_on_odd_real_files(name, corpus, scratch):
    video = corpus / "broken" / name
    if isinstance(BROKEN[name], str):
        assert verdict(video) == BROKEN[name]
        return
    width, height, degrees, n_frames = BROKEN[name]
    facts = decode(video)
    assert (facts["width"], facts["height"], facts["n_frames"]) == (width, height, n_frames)
    upright = luma(Path(FRAMES), SIZE)[0].astype(int)
    scaled = f"scale={SIZE}:{SIZE}:out_color_matrix=bt601:out_range=tv,format=yuv420p"
    as_coded = ("-an", "-vf", scaled, "-frames:v", "1")
    run_ffmpeg("-noautorotate", "-i", video, *as_coded, "-f", "rawvideo", "coded.yuv")
    coded = luma(Path("coded.yuv"), SIZE)[0].astype(int)
    assert np.abs(np.rot90(coded, degrees // 90) - upright).mean() < 4


@pytest.mark.corpus
def test_no_odd_real_file_is_forgotten(corpus):
    assert {path.name for path in (corpus / "broken").iterdir()} == set(BROKEN)
