"""The frame store: what is stored is whole, and a clip is exactly the frames asked for."""

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislewatch.errors import FootageError
from aislewatch.files import sha256_file, sha256_tree
from aislewatch.frames.clip_frames import read_clip
from aislewatch.frames.fingerprint import ROW_BYTES
from aislewatch.frames.store import FrameStore, StoredVideo, read_facts
from aislewatch.frames.timing import PictureTimes

SIZE = 32
ROWS = SIZE * 3 // 2


def random_frames(n_frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n_frames, ROWS, SIZE), np.uint8)


def add_video(store: FrameStore, name: str, n_frames: int = 4, seed: int = 0) -> StoredVideo:
    store.folder.mkdir(exist_ok=True)
    frames, times, signature = (store.folder / name for name in ("frames", "times", "signature"))
    random_frames(n_frames, seed).tofile(frames)
    shown = PictureTimes.even(n_frames / 10, fps=25.0)
    for path, array in ((times, shown.bounds_ns), (signature, np.full((2, 256), seed, np.int8))):
        with path.open("wb") as file:
            np.save(file, array)
    video = StoredVideo(
        key=store.key(name, "ffmpeg1.0"),
        codec="h264",
        width=640,
        height=480,
        pictures=len(shown),
        fps=25.0,
        duration_s=n_frames / 10,
        end_s=n_frames / 10,
        n_frames=n_frames,
        stretches="0@0",
        lost_s=0.0,
        notices=["seen -> do"],
    )
    store.add(video, frames, times, signature)
    return video


@pytest.fixture
def store(tmp_path):
    return FrameStore(tmp_path / "store", 10, SIZE)


@given(
    n_frames=st.integers(1, 40),
    start=st.integers(0, 30),
    length=st.integers(1, 8),
    step=st.integers(1, 4),
)
def test_a_clip_is_the_frames_asked_for(tmp_path_factory, n_frames, start, length, step):
    folder = tmp_path_factory.mktemp("frames")
    frames = random_frames(n_frames)
    frames.tofile(folder / "a.yuv")
    out = np.full((length, ROWS, SIZE), 7, np.uint8)
    if start + (length - 1) * step < n_frames:
        read_clip(folder, "a.yuv", start, length, step, out)
        np.testing.assert_array_equal(out, frames[start : start + length * step : step])
    else:
        with pytest.raises(FootageError, match="run the ingest stage"):
            read_clip(folder, "a.yuv", start, length, step, out)


def test_a_clip_may_be_read_into_a_part_of_a_batch(tmp_path):
    frames = random_frames(6)
    frames.tofile(tmp_path / "a.yuv")
    batch = np.zeros((3, 4, ROWS, SIZE), np.uint8)
    read_clip(tmp_path, "a.yuv", 1, 4, 1, batch[1])
    np.testing.assert_array_equal(batch[1], frames[1:5])
    assert not batch[[0, 2]].any()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FootageError, match=r"gone\.yuv is missing"):
        read_clip(tmp_path, "gone.yuv", 0, 1, 1, np.zeros((1, ROWS, SIZE), np.uint8))


def test_the_key_is_content_format_and_decoder(store):
    other_fps = FrameStore(store.folder, 5, SIZE)
    other_size = FrameStore(store.folder, 10, 64)
    keys = {
        one.key(digest, decoder)
        for one in (store, other_fps, other_size)
        for digest in ("a", "b")
        for decoder in ("ffmpeg8.1", "ffmpeg9.0")
    }
    assert len(keys) == 12


def test_a_stored_video_is_found_with_its_facts(store):
    video = add_video(store, "a", seed=3)
    assert store.find(video.key) == video
    assert (store.signature(video.key) == 3).all()
    assert store.times(video.key).bounds_ns[0].tolist() == [0, 40_000_000]
    assert store.find(store.key("b", "ffmpeg1.0")) is None


@pytest.mark.parametrize("suffix", ["yuv", "json", "times.npy"])
@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: os.truncate(path, 9)])
def test_a_damaged_video_counts_as_missing(store, suffix, damage):
    video = add_video(store, "a")
    damage(store.folder / f"{video.key}.{suffix}")
    assert store.find(video.key) is None


def test_facts_are_believed_only_byte_for_byte(store):
    video = add_video(store, "a")
    path = store.folder / f"{video.key}.json"
    written = path.read_bytes()
    for position in range(len(written)):
        path.write_bytes(
            written[:position] + bytes([written[position] ^ 1]) + written[position + 1 :]
        )
        assert store.find(video.key) is None, f"byte {position}"
    path.write_bytes(written)
    assert store.find(video.key) == video


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: os.truncate(path, 9)])
def test_a_lost_signature_is_made_again(store, damage):
    video = add_video(store, "a", n_frames=12)
    [path] = store.folder.glob("*.s?.npy")
    damage(path)
    first = store.signature(video.key)
    # Two stills of 256 cells, then 12 frames less 2 of lag.
    assert first.shape == (2 * 256 + 10 * ROW_BYTES,)
    np.testing.assert_array_equal(np.load(path), first)
    recorded = read_facts(store.folder / f"{video.key}.json")["sha256"]
    assert recorded[path.name.removeprefix(f"{video.key}.")] == sha256_file(path)


def test_the_published_folder_holds_the_current_set_and_shares_its_bytes(store, tmp_path):
    a, b = add_video(store, "a"), add_video(store, "b", seed=1)
    frames = tmp_path / "frames"
    store.publish([a, b, a], frames)
    assert sorted(path.name for path in frames.iterdir()) == [a.frames_file, b.frames_file]
    assert (frames / a.frames_file).samefile(store.folder / a.frames_file)
    store.publish([b], frames)
    assert [path.name for path in frames.iterdir()] == [b.frames_file]


def test_frames_are_copied_where_they_cannot_be_linked(store, tmp_path):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        if Path(other).stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("no second file system here")
        video = add_video(store, "a")
        store.publish([video], Path(other) / "frames")
        copy = Path(other) / "frames" / video.frames_file
        assert copy.read_bytes() == (store.folder / video.frames_file).read_bytes()


def test_adding_again_replaces_and_never_writes_into_a_file(store, tmp_path):
    """DVC shares the inode and makes it read-only: the old bytes must stay what they were."""
    video = add_video(store, "a", seed=1)
    store.publish([video], tmp_path / "frames")
    published = tmp_path / "frames" / video.frames_file
    published.chmod(0o444)
    before = published.read_bytes()
    add_video(store, "a", seed=2)
    assert published.read_bytes() == before
    assert (store.folder / video.frames_file).read_bytes() != before


def test_the_set_of_frames_has_its_digest_without_a_frame_being_read(store, tmp_path):
    videos = [add_video(store, name, seed=seed) for seed, name in enumerate(("b", "a", "a-b"))]
    store.publish(videos, tmp_path / "published")
    expected = sha256_tree(tmp_path / "published")
    store.publish(videos[:2], tmp_path / "published")
    fewer = sha256_tree(tmp_path / "published")
    for video in videos:
        (store.folder / video.frames_file).unlink()
    assert store.digest(reversed(videos)) == store.digest([*videos, videos[0]]) == expected
    assert store.digest(videos[:2]) == fewer != expected
