"""What ingest has to say of a video that it takes is said by check, by ingest and by validate."""

import logging
import re
from pathlib import Path

import pandas as pd
import pytest

from aislewatch.check.preview import check_source
from aislewatch.config.params import load_params
from aislewatch.frames.store import FrameStore
from aislewatch.ingest.folder import ingest
from aislewatch.ingest.outputs import catalog_of
from aislewatch.ingest.stage import report
from aislewatch.labels.problems import footage_notice
from tests.code_closure import ROOT
from tests.footage_samples import LIMITS, make_video, run_ffmpeg

TRACKS = "it has 2 video tracks: track 1 (h264, 96x64, the default) is taken, and not track 0"
RATE = "its pictures carry no times: they are taken for 25 a second, which the stream states"


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A source whose two videos are taken, each with something to know of it."""
    folder = tmp_path / "raw"
    make_video(folder / "shop/normal/raw.h264", "-r", "25")
    preview = ("-f", "lavfi", "-i", "testsrc2=size=48x32:rate=1:duration=2")
    film = ("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=10:duration=2")
    flags = ("-disposition:v:0", "0", "-disposition:v:1", "default", "-pix_fmt", "yuv420p")
    two = folder / "shop/normal/two.mkv"
    run_ffmpeg(*preview, *film, "-map", "0", "-map", "1", *flags, two)
    return folder


def test_check_says_it_before_anything_is_decoded(raw: Path) -> None:
    params = load_params(ROOT / "params.yaml")
    params = params.model_copy(update={"sources": {"shop": "folder"}})
    said = check_source(raw, "shop", params, lambda done, total: None).report
    assert f"warning data/raw/shop/normal/two.mkv: {TRACKS}" in said
    assert f"warning data/raw/shop/normal/raw.h264: {RATE}" in said
    assert "0 error(s), 2 warning(s)" in said


def test_check_says_how_much_a_cut_video_lacks(tmp_path: Path) -> None:
    video = make_video(tmp_path / "raw/shop/a.mp4", "-movflags", "faststart", "-bf", "0", seconds=4)
    video.write_bytes(video.read_bytes()[: video.stat().st_size * 3 // 4])

    def said(most_s: float) -> str:
        params = load_params(ROOT / "params.yaml")
        limits = params.ingest.model_copy(update={"max_loss_s": most_s})
        params = params.model_copy(update={"sources": {"shop": "folder"}, "ingest": limits})
        return check_source(tmp_path / "raw", "shop", params, lambda done, total: None).report

    assert re.search(
        r"a\.mp4: the index reaches .*: at least [01]\.\d s at its end are lost", said(3)
    )
    for strict in (0.0, 0.1):
        assert re.search(
            r"a\.mp4: truncated: the index reaches .*; ingest leaves it out", said(strict)
        )


def test_ingest_says_it_in_its_log_and_in_the_catalog(
    raw: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = FrameStore(tmp_path / "store", 10, 32)
    footage = ingest(raw, ["shop"], store, LIMITS, lambda done, total: None, 1)
    with caplog.at_level(logging.WARNING):
        report(footage)
    assert f"shop/normal/two.mkv: {TRACKS}" in caplog.text
    assert f"shop/normal/raw.h264: {RATE}" in caplog.text
    catalog: pd.DataFrame = catalog_of(footage.accepted, 10).set_index("video")
    for video, words in (("raw.h264", RATE), ("two.mkv", TRACKS)):
        [notice] = catalog.loc[f"shop/normal/{video}", "notices"].splitlines()
        problem = footage_notice(f"shop/normal/{video}", notice)
        assert problem.problem.startswith(words)
        assert "`ffmpeg " in problem.remedy
        assert problem.level == "warning"
