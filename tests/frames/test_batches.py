"""Batches of clips: exactly the frames asked for, in order, whatever the sizes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislewatch.errors import FootageError
from aislewatch.frames.batches import read_batches

SIZE, FRAMES, VIDEOS = 4, 30, 3
FRAME = SIZE * 3 // 2, SIZE


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    frames = np.random.default_rng(0).integers(
        0, 256, (VIDEOS, FRAMES, SIZE * 3 // 2, SIZE), np.uint8
    )
    for number, video in enumerate(frames):
        video.tofile(folder / f"{number}.yuv")
    return folder, frames


@given(
    batches=st.lists(
        st.lists(st.tuples(st.integers(0, VIDEOS - 1), st.integers(0, 20)), max_size=40), max_size=5
    ),
    step=st.integers(1, 3),
)
def test_every_batch_holds_its_clips(store, batches, step):
    folder, frames = store
    addresses = [[(f"{video}.yuv", start) for video, start in batch] for batch in batches]
    read = [batch.copy() for batch in read_batches(folder, addresses, 4, step, FRAME)]
    assert len(read) == len(batches)
    for batch, clips in zip(batches, read, strict=True):
        assert clips.shape == (len(batch), 4, SIZE * 3 // 2, SIZE)
        for (video, start), clip in zip(batch, clips, strict=True):
            np.testing.assert_array_equal(clip, frames[video, start : start + 4 * step : step])


@pytest.mark.parametrize(("file", "start"), [("gone.yuv", 0), ("0.yuv", FRAMES - 3)])
def test_a_clip_that_cannot_be_read_stops_its_batch(store, file, start):
    folder, _ = store
    batches = [[("1.yuv", 0)] * 6, [("1.yuv", 0)] * 5 + [(file, start)]]
    reading = read_batches(folder, batches, 4, 1, FRAME)
    assert len(next(reading)) == 6
    with pytest.raises(FootageError, match="run the ingest stage"):
        next(reading)
