"""Every stream is kept in whole files, bit for bit where MP4 holds its codec, and within bounds."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from imageio_ffmpeg import get_ffmpeg_exe

from aislewatch.alerts.clips import ScoredClip
from aislewatch.desk.footage import pieces
from aislewatch.errors import DeskError
from aislewatch.evidence.kept import Spans, delete_footage, files_kept, path_of
from aislewatch.watch.footage_file import FootageJob, write_footage
from aislewatch.watch.messages import KeptPacket, StoreFrame, StreamFacts
from aislewatch.watch.segments import WAITING, KeptSegment, SegmentCutter
from tests.code_closure import ROOT
from tests.waiting import wait_for
from tests.watch.test_follower import WATCHING, follow

# Of every kind of camera and file: name, ffmpeg's options; 25 pictures a second, 3 s.
KINDS = {
    "b-frames.ts": "-c:v libx264 -preset veryfast -bf 3 -g 25",
    "open-groups.ts": "-c:v libx264 -preset veryfast -bf 2 -g 25 -x264-params open-gop=1",
    "flv.flv": "-c:v libx264 -preset veryfast -bf 2 -g 25",
    "h265.mp4": "-c:v libx265 -preset ultrafast -x265-params keyint=25:open-gop=0:log-level=none",
    "divx.ts": "-c:v mpeg4 -g 25",
    "jpeg.avi": "-c:v mjpeg -pix_fmt yuvj420p",
    "vp8.webm": "-c:v libvpx -g 25 -cpu-used 8",
}
BEGIN = datetime(2026, 11, 30, 12, 0, 0, 250_000, UTC)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, list[Path]]]:
    """A film of each kind, followed at its own speed, and the files of a second that are kept."""
    folder = tmp_path_factory.mktemp("kept")
    followers = {}
    for name, options in KINDS.items():
        source = f"testsrc2=duration=3:size=64x64:rate=25 -pix_fmt yuv420p {options}"
        command = [get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", *source.split()]
        subprocess.run([*command, str(folder / name)], check=True, stdin=subprocess.DEVNULL)
        watching = WATCHING.model_copy(update={"segment_s": 1.0})
        followers[name] = one = follow(name, str(folder / name), watching=watching)
        one.start()
    wait_for(lambda: all(one.state == "ended" for one in followers.values()), 60)
    files: dict[str, tuple[Path, list[Path]]] = {}
    for name, one in followers.items():
        assert one.footage is not None
        one.join()
        first = None
        files[name] = folder / name, []
        while segment := one.footage.take():
            first = first or segment
            begin = BEGIN.timestamp() + segment.begin_s - first.begin_s
            job = job_of(folder / "live", name, segment, begin)
            files[name][1].append(write_footage(job))
        assert one.footage.dropped == 0
    return files


def job_of(live: Path, camera: str, segment: KeptSegment, begin: float) -> FootageJob:
    scores = (ScoredClip(0.0, 0.8, 0.25),)
    at = datetime.fromtimestamp(begin, UTC)
    return FootageJob(live, camera, at, segment.recording, 0.5, "aislewatch version 1", scores)


def decoded(path: Path) -> tuple[list[Any], list[float]]:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return [frame.to_ndarray(format="gray") for frame in frames], [
        float(frame.time or 0.0) for frame in frames
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_files_hold_every_picture_as_the_camera_sent_it(
    kept: dict[str, tuple[Path, list[Path]]], kind: str
) -> None:
    source, files = kept[kind]
    wanted, _ = decoded(source)
    assert len(files) >= 2, "it was cut at key frames"
    found = []
    for path in files:
        pictures, times = decoded(path)
        assert times[0] == 0.0, "the name says when the first picture was taken"
        # A stream without times of its own has those of its packets' arrival.
        assert np.diff(times) == pytest.approx(0.04, abs=0.003), kind
        found += pictures
    lost = len(wanted) - len(found)
    # What is shown before a key frame and refers to the pictures before it is left out.
    assert 0 <= lost <= (2 * len(files) if kind == "open-groups.ts" else 0)
    if not lost:
        apart = max(
            int(np.abs(a.astype(int) - b).mean()) for a, b in zip(wanted, found, strict=True)
        )
        assert apart <= (4 if kind == "vp8.webm" else 0), "copied, not encoded anew"


def packet(at: int, is_key: bool, ahead_s: float = 0.0) -> KeptPacket:
    """A packet of a stream of ten pictures a second, of 10 bytes."""
    return KeptPacket(at / 10, round((at / 10 + ahead_s) * 90_000), is_key, bytes(10))


FACTS = StreamFacts("h264", "", 64, 64, (1, 90_000))


@given(
    keys=st.lists(st.booleans(), min_size=1, max_size=80),
    breaks=st.sets(st.integers(1, 79), max_size=3),
    most=st.integers(30, 400),
)
def test_segments_begin_with_key_frames_and_lose_nothing_after_the_first(
    keys: list[bool], breaks: set[int], most: int
) -> None:
    cutter, done = SegmentCutter(1.0, most), []
    cutter.begin(FACTS)
    for at, is_key in enumerate(keys):
        if at in breaks:
            cutter.end()
            cutter.begin(FACTS)
        cutter.see(StoreFrame(at, 50.0 + at / 10, b""), 10)
        cutter.add(packet(at, is_key))
        done += iter(cutter.take, None)
    cutter.end()
    done += iter(cutter.take, None)
    held = [kept.at_s for one in done for kept in one.recording.packets]
    assert held == sorted(set(held))
    for one in done:
        assert one.recording.packets[0].is_key
        assert one.zero_s == pytest.approx(50.0)
        sizes = [len(kept.data) for kept in one.recording.packets]
        assert sum(sizes[:-1]) < 2 * most, "the last one may exceed it"
        edges = [at for at in breaks if one.begin_s < at / 10 <= one.recording.end_s]
        assert not edges, "a segment is of one connection"
    # Lost is only what comes before a key frame: of a connection, or of too long a group.
    for at in range(len(keys)):
        lost = at / 10 not in held
        assert not (lost and keys[at]), "a key frame is never lost"


def test_a_cameras_clock_that_is_set_begins_a_segment_of_its_own() -> None:
    cutter = SegmentCutter(60.0)
    cutter.begin(FACTS)
    cutter.see(StoreFrame(0, 0.0, b""), 10)
    for at in range(20):
        cutter.add(packet(at, at % 5 == 0, 3600.0 if at >= 10 else 0.0))
    cutter.end()
    assert [one.begin_s for one in iter(cutter.take, None)] == [0.0, 1.0]


def test_of_segments_that_nobody_takes_the_oldest_go_and_are_counted() -> None:
    cutter = SegmentCutter(0.05)
    cutter.begin(FACTS)
    cutter.see(StoreFrame(0, 0.0, b""), 10)
    for at in range(WAITING + 4):
        cutter.add(packet(at, is_key=True))
    cutter.end()
    left = [one.begin_s for one in iter(cutter.take, None)]
    assert len(left) == WAITING
    assert left[-1] == pytest.approx((WAITING + 3) / 10)
    assert cutter.dropped == 4


def keep(live: Path, camera: str, minute: int, written: float) -> Path:
    path = path_of(live, camera, BEGIN.replace(minute=minute))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(100))
    path.with_suffix(".json").write_bytes(bytes(20))
    os.utime(path, (written, written))
    return path


def test_the_oldest_footage_goes_first_and_never_what_a_hold_needs(tmp_path: Path) -> None:
    noon = BEGIN.timestamp()
    till = [keep(tmp_path, "till", at, noon + 60 * at + 60) for at in range(4)]
    door = [keep(tmp_path, "door", at, noon + 60 * at + 60) for at in range(4)]
    held: Spans = {"till": [(noon + 30, noon + 40)]}
    assert delete_footage(tmp_path, noon, 8 * 120, lambda: {}) == 0
    # Six files may stay: the first of the till is held, and the door's are as old.
    assert delete_footage(tmp_path, noon, 6 * 120, lambda: held) == 2
    assert [path.exists() for path in (*till[:2], *door[:2])] == [True, True, False, False]
    assert not door[0].with_suffix(".json").exists()
    # All are too old: what is held stays.
    assert delete_footage(tmp_path, noon + 3600, 1e9, lambda: held) == 5
    assert [file.path for file in files_kept(tmp_path, "till")] == [till[0]]
    assert files_kept(tmp_path, "door") == []

    def unknown() -> Spans:
        raise DeskError("its database does not answer")

    # Who does not know what is held deletes nothing.
    with pytest.raises(DeskError):
        delete_footage(tmp_path, noon + 3600, 0, unknown)
    assert till[0].exists()


def test_a_process_that_is_killed_leaves_whole_files(
    kept: dict[str, tuple[Path, list[Path]]], tmp_path: Path
) -> None:
    """Killed where it hurts most: the film is written, and not named yet."""
    _, files = kept["b-frames.ts"]
    code = (
        "import os, sys, pathlib, aislewatch.files as files\n"
        "pathlib.Path.replace = lambda *_: os.kill(os.getpid(), 9)\n"
        "with files.whole_file(pathlib.Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_bytes(bytes(1000))\n"
    )
    path = path_of(tmp_path, "till", BEGIN)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run([sys.executable, "-c", code, str(path)], env=environment, check=False)
    assert ended.returncode == -9
    assert len(list(path.parent.iterdir())) == 1
    assert files_kept(tmp_path, "till") == []
    assert pieces(tmp_path, "till", 0, 1e12) == []
    # The next file that is written removes what was left.
    with av.open(str(files[0])) as container:
        stream = container.streams.video[0]
        packets = [
            KeptPacket(float(one.pts * stream.time_base), one.pts, one.is_keyframe, bytes(one))
            for one in container.demux(stream)
            if one.size and one.pts is not None and stream.time_base
        ]
        context: Any = stream.codec_context
        base = stream.time_base
        assert base is not None
        facts = StreamFacts(
            "h264", context.extradata.hex(), 64, 64, (base.numerator, base.denominator)
        )
    cutter = SegmentCutter(60.0)
    cutter.begin(facts)
    cutter.see(StoreFrame(0, 0.0, b""), 10)
    for one in packets:
        cutter.add(one)
    cutter.end()
    segment = cutter.take()
    assert segment is not None
    job = job_of(tmp_path, "till", segment, BEGIN.timestamp())
    assert write_footage(job) == path
    assert sorted(file.suffix for file in path.parent.iterdir()) == [".json", ".mp4"]
    [piece] = pieces(tmp_path, "till", BEGIN.timestamp() + 0.5, BEGIN.timestamp() + 0.6)
    assert piece.begin == BEGIN.timestamp()
    assert piece.length_s == pytest.approx(decoded(path)[1][-1] + 0.04, abs=0.01)
