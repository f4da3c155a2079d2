"""A damaged video is refused, or kept up to the damage where params.yaml says how much may go."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aislewatch.frames.store import FrameStore
from aislewatch.ingest.decode import FRAMES
from aislewatch.ingest.folder import ingest
from aislewatch.ingest.outputs import catalog_of
from tests.decoding import decode, refusal
from tests.footage_samples import LIMITS, make_video

pytestmark = pytest.mark.usefixtures("scratch")

SECONDS = 4
FRAME_BYTES = 32 * 32 * 3 // 2

Damage = Callable[[bytes], bytes]


def cut(content: bytes) -> bytes:
    """Leave three quarters."""
    return content[: len(content) * 3 // 4]


def blank(content: bytes) -> bytes:
    """Overwrite some of what lies three quarters in."""
    start = len(content) * 3 // 4
    garbage = np.random.default_rng(0).bytes(600)
    return content[:start] + garbage + content[start + 600 :]


FAST = ("-movflags", "faststart", "-bf", "0")
DAMAGED: dict[str, tuple[str, tuple[str, ...], Damage]] = {
    "mp4 that ends early": ("a.mp4", FAST, cut),
    "mp4 with a hole": ("a.mp4", FAST, blank),
    "mkv that ends early": ("a.mkv", ("-bf", "0"), cut),
    "avi with a hole": ("a.avi", ("-c:v", "mpeg4"), blank),
    "ts with a hole": ("a.ts", ("-c:v", "libx264"), blank),
}


@pytest.fixture(params=DAMAGED)
def damaged(request, tmp_path) -> tuple[Path, bytes]:
    """A damaged video, and the frames of the whole one."""
    name, options, damage = DAMAGED[request.param]
    video = make_video(tmp_path / name, "-g", "10", *options, seconds=SECONDS)
    decode(video)
    whole = Path(FRAMES).read_bytes()
    video.write_bytes(damage(video.read_bytes()))
    return video, whole


def test_a_damaged_video_is_refused_and_the_way_to_keep_it_is_named(damaged):
    refused = refusal(damaged[0])
    assert refused.reason in ("truncated", "undecodable")
    assert "raise ingest.max_loss_s in params.yaml to keep it up to the damage" in refused.remedy


def test_it_is_kept_up_to_the_damage_and_the_loss_is_told(damaged):
    video, whole = damaged
    facts = decode(video, max_loss_s=3.0)
    kept = Path(FRAMES).read_bytes()
    assert kept == whole[: len(kept)]
    assert SECONDS * 10 // 3 <= len(kept) // FRAME_BYTES < SECONDS * 10
    assert facts["duration_s"] == pytest.approx(len(kept) // FRAME_BYTES / 10)
    assert facts["lost_s"] == pytest.approx(SECONDS - facts["duration_s"], abs=0.5)
    assert (
        f": the last {facts['lost_s']:.1f} s are lost -> copy the file again"
        in (facts["notices"][-1])
    )


def test_what_lost_more_than_may_be_is_refused_in_the_same_words(damaged):
    video, _ = damaged
    lost_s = decode(video, max_loss_s=3.0)["lost_s"]
    assert str(refusal(video, max_loss_s=lost_s * 0.9)) == str(refusal(video))


def test_the_store_keeps_the_loss_and_no_stricter_run_takes_it(tmp_path):
    video = make_video(tmp_path / "raw/shop/a.mp4", *FAST, seconds=SECONDS)
    make_video(tmp_path / "raw/shop/whole.mp4")
    video.write_bytes(cut(video.read_bytes()))
    store = FrameStore(tmp_path / "store", 10, 32)

    def take_in(most_s: float):
        limits = LIMITS.model_copy(update={"max_loss_s": most_s})
        return ingest(tmp_path / "raw", ["shop"], store, limits, lambda done, total: None, 1)

    [strict] = take_in(0.0).refused
    footage = take_in(3.0)
    assert footage.refused == []
    row, whole = catalog_of(footage.accepted, store.fps).to_dict("records")
    assert 1.5 < row["lost_s"] < 2.5
    assert f"the last {row['lost_s']:.1f} s are lost" in row["notices"]
    assert (whole["lost_s"], whole["notices"]) == (0.0, "")
    assert take_in(3.0).decoded == 0
    assert take_in(0.0).refused == [strict]
