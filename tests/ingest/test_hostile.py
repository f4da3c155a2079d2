"""Broken and hostile files through ingest; the whole fuzz is ``tests/fuzz/fuzz_footage.py``."""

import os
import queue
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from aislewatch.files import sha256_tree
from aislewatch.frames.store import FrameStore
from aislewatch.ingest.candidates import list_candidates
from aislewatch.ingest.decoder import video_limits
from aislewatch.ingest.folder import ingest
from aislewatch.ingest.intake import Intake, Refused
from tests.code_closure import ROOT
from tests.footage_samples import LIMITS, make_project, make_video, run_stage
from tests.fuzz.cases import Case, all_cases
from tests.fuzz.claims import CLAIMS
from tests.fuzz.mutants import MUTATIONS
from tests.fuzz.scripts import write_script
from tests.fuzz.seeds import SEEDS, make_seeds
from tests.fuzz.traps import set_traps
from tests.fuzz.trial import open_trial
from tests.waiting import wait_for

SAMPLE = 240

MUTANTS = {mutation.__name__.replace("_", " ") for mutation in MUTATIONS}

# Builds of ffmpeg differ in what a playlist may name by itself.
ANY_PROTOCOL = ("-protocol_whitelist", "file,http,tcp")


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    return make_seeds(tmp_path_factory.mktemp("seeds"))


@pytest.fixture(scope="module")
def sample(seeds):
    """Every script, name, oddity and claim; the rest are mutants, in all combinations."""
    cases = list(all_cases(SAMPLE, seeds))[:SAMPLE]
    mutants = sum(case.number.startswith("mutant") for case in cases)
    assert mutants >= len(SEEDS) * len(MUTATIONS), "every mutation of every seed"
    return cases


def verdicts(cases: list[Case], seeds: dict[str, bytes], folder: Path) -> dict[str, tuple]:
    with open_trial(folder) as trial:
        outcomes = trial.judge(cases, seeds)
    assert [(o.case.number, o.violations) for o in outcomes if o.violations] == []
    return {o.case.number: (o.reason, o.detail) for o in outcomes}


def test_every_file_gets_a_verdict_and_the_same_one_again(sample, seeds, tmp_path):
    """The quarantine table is hashed: its words may not differ from run to run, or by folder."""
    first = verdicts(sample, seeds, tmp_path / "first")
    assert len(first) == SAMPLE
    assert {"accepted", "truncated", "undecodable", "not-a-video"} <= {r for r, _ in first.values()}
    again = [
        case for case in sample if case.kind in MUTANTS and first[case.number][0] != "accepted"
    ]
    second = verdicts(again, seeds, tmp_path / "second" / "deeper")
    assert second == {number: first[number] for number in second}


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("concat of a file", ("-f", "concat", "-safe", "0")),
        ("concat of an address", (*ANY_PROTOCOL, "-f", "concat", "-safe", "0")),
        ("hls of an address", (*ANY_PROTOCOL, "-f", "hls", "-extension_picky", "0")),
        ("pictures in a file elsewhere", ("-enable_drefs", "1", "-use_absolute_path", "1")),
        ("pictures in a file next door", ("-enable_drefs", "1")),
    ],
)
def test_the_traps_would_notice(kind, options, tmp_path):
    """What an unguarded ffmpeg does with these files, so that the test above means something."""
    source = tmp_path / "raw/fuzz/0000"
    source.mkdir(parents=True)
    with set_traps(tmp_path / "outside") as traps:
        if kind in CLAIMS:
            hostile = source / "a.mov"
            hostile.write_bytes(CLAIMS[kind][1](source, traps))
        else:
            hostile = write_script(kind, source, traps)
        assert traps.sprung() == []
        command = [get_ffmpeg_exe(), "-nostdin", *options, "-i", hostile, "-f", "null", "-"]
        touched: list[str] = []
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as ffmpeg:
            # Some wait for ever on what they were led to.
            wait_for(lambda: touched.extend(traps.sprung()) or touched or ffmpeg.poll() is not None)
            ffmpeg.kill()
        assert touched or traps.sprung()


@pytest.mark.parametrize("deed", ["remove_first", "append_first", "link_first"])
def test_a_file_that_changes_while_it_is_read(deed, tmp_path, monkeypatch):
    """Half a recording would be damaged for good, were it told so; it is there in the next run."""
    make_video(tmp_path / "raw/shop/whole.mp4", hue=10)
    store = FrameStore(tmp_path / "store", 10, 32)
    ingest(tmp_path / "raw", ["shop"], store, LIMITS, lambda done, total: None)
    make_video(tmp_path / "raw/shop/live.mp4", hue=20)
    monkeypatch.setattr("aislewatch.ingest.decoder.DECODE_JOB", f"tests.sandbox_jobs:{deed}")
    footage = ingest(tmp_path / "raw", ["shop"], store, LIMITS, lambda done, total: None)
    assert [verdict.candidate.video for verdict in footage.accepted] == ["shop/whole.mp4"]
    assert [verdict.reason for verdict in footage.refused] == ["changed"]


@contextmanager
def without_privileges() -> Iterator[None]:
    """Root may read everything; somebody else does the reading."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_what_may_not_be_read_is_refused_and_gone_files_too():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        closed, secret, gone = (folder / "shop" / part for part in ("closed", "secret.mp4", "gone"))
        closed.mkdir(parents=True)
        (closed / "a.mp4").write_bytes(b"x")
        closed.chmod(0)
        for path in (secret, gone):
            path.write_bytes(b"x")
        secret.chmod(0)
        store = FrameStore(folder / "store", 10, 32)
        intake = Intake(store, video_limits(LIMITS), 1.0, folder, queue.SimpleQueue())
        with without_privileges():
            candidates = list_candidates(folder, ["shop"])
        gone.unlink()
        with without_privileges():
            verdicts = [intake.judge(candidate) for candidate in candidates]
        closed.chmod(0o755)
    assert {
        v.candidate.video: (v.reason, v.detail) for v in verdicts if isinstance(v, Refused)
    } == {
        "shop/closed": ("unreadable", "the folder cannot be listed"),
        "shop/gone": ("unreadable", "No such file or directory"),
        "shop/secret.mp4": ("unreadable", "Permission denied"),
    }


def test_a_disk_that_is_really_full_stops_the_stage_and_nothing_is_lost(tmp_path):
    """On a file system of 400 KiB: a video of a second takes 240 KiB."""
    private = ["unshare", "--map-root-user", "--mount"]
    if subprocess.run([*private, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    project = make_project(tmp_path / "project", "shop", workers=1, size=128)
    for number in range(3):
        make_video(project / f"data/raw/shop/{number}.mp4", hue=10 * number)
    store = project / ".aislewatch/store"
    store.mkdir(parents=True)
    mount = 'mount -t tmpfs -o size=400k none "$0" && exec "$@"'
    full = subprocess.run(
        [*private, "sh", "-c", mount, store, sys.executable, "-m", "stages.ingest"],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT), "AISLEWATCH_EXECUTION": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert full.returncode == 1
    # Who meets the full disk first, ffmpeg or the sandbox that leaves the answer, may vary.
    assert re.search("disk is full|is the disk full|No space left", full.stderr)
    assert "Traceback" not in full.stderr
    assert not (project / "data/dataset/catalog.parquet").exists()
    assert run_stage(project).returncode == 0
    assert len(list((project / "data/dataset/frames").iterdir())) == 3
    assert sha256_tree(project / "data/dataset/frames")
