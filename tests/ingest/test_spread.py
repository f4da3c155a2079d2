"""Ingest on a Dask cluster: two worker processes on loopback, the same bytes, workers that die."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

from aislewatch import cluster
from aislewatch.cluster import Lost, fan_out
from aislewatch.errors import PipelineError
from aislewatch.files import sha256_tree
from aislewatch.frames.store import FrameStore
from aislewatch.ingest import spread
from aislewatch.ingest.folder import IngestResult, ingest
from aislewatch.ingest.spread import Judge
from tests.dask_cluster import workers
from tests.footage_samples import LIMITS, make_video


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Two worker processes; a task may lose one of them, not two."""
    with workers(2, allowed_failures=1) as address:
        yield address


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four videos, one of them twice, and a file that is none."""
    folder = tmp_path_factory.mktemp("footage") / "raw"
    for number in range(4):
        make_video(folder / "shop/till" / f"{number}.mp4", hue=10 * number)
    (folder / "shop/copy.mp4").write_bytes((folder / "shop/till/0.mp4").read_bytes())
    (folder / "shop/broken.mp4").write_bytes(b"no video")
    return folder


def take_in(raw: Path, place: Path, address: str | None = None) -> IngestResult:
    told: list[int] = []
    store = FrameStore(place / "store", 10, 32)
    found = ingest(raw, ["shop"], store, LIMITS, lambda done, _: told.append(done), 1, address)
    assert told == [1, 2, 3, 4, 5, 6]
    return found


def test_the_cluster_gives_the_same_bytes_and_verdicts(
    raw: Path, scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By paths relative to a folder that the workers do not work in."""
    here = take_in(raw, tmp_path / "here")
    monkeypatch.chdir(raw.parent)
    there = take_in(Path("raw"), tmp_path / "there", scheduler)
    assert [(one.candidate.video, one.stored) for one in there.accepted] == [
        (one.candidate.video, one.stored) for one in here.accepted
    ]
    assert [(one.candidate.video, one.reason, one.detail) for one in there.refused] == [
        (one.candidate.video, one.reason, one.detail) for one in here.refused
    ]
    assert there.decoded == here.decoded == 4
    assert sha256_tree(tmp_path / "there/store") == sha256_tree(tmp_path / "here/store")
    assert take_in(Path("raw"), tmp_path / "there", scheduler).decoded == 0


class Deadly(Judge):
    """Kills its worker at one video, of which it leaves a folder."""

    def __call__(self, candidate):  # type: ignore[no-untyped-def]  # as Judge's
        if candidate.video.endswith("2.mp4"):
            (self.scratch / f"left-{os.getpid()}").mkdir()
            os._exit(1)
        return super().__call__(candidate)


def test_a_video_at_which_workers_die_is_quarantined_and_the_others_are_not(
    raw: Path, scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spread, "Judge", Deadly)
    found = take_in(raw, tmp_path, scheduler)
    reasons = {one.candidate.video: one.reason for one in found.refused}
    assert reasons["shop/till/2.mp4"] == "killed-workers"
    assert len(reasons) == 2
    assert [one.candidate.video for one in found.accepted] == [
        *("shop/copy.mp4", "shop/till/0.mp4", "shop/till/1.mp4", "shop/till/3.mp4"),
    ]
    assert not list((tmp_path / "store").glob("scratch-*")), "what a killed worker left"


def slow(number: int) -> int:
    time.sleep(0.3)
    return number * number


def test_a_worker_that_is_killed_loses_its_own_work_alone(scheduler: str) -> None:
    with Client(scheduler, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
        pids = list(client.run(os.getpid).values())
    found: dict[int, int | Lost] = {}
    for place, result in fan_out(scheduler, slow, range(8)):
        if not found:
            os.kill(pids[0], signal.SIGKILL)
        found[place] = result
    assert found == {number: number * number for number in range(8)}


def test_what_a_work_raises_is_raised(scheduler: str) -> None:
    with pytest.raises(TypeError):
        list(fan_out(scheduler, slow, ["word"]))


def test_no_scheduler_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_S", 0.5)
    with pytest.raises(
        PipelineError, match=r"no Dask scheduler answers at tcp://127.0.0.1:9 .*null"
    ):
        list(fan_out("tcp://127.0.0.1:9", slow, [1]))


def test_a_scheduler_that_goes_away_is_told() -> None:
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0", silence_logs=50
    ) as local:
        results = fan_out(local.scheduler_address, slow, range(20))
        next(results)
        local.close()
        with pytest.raises(PipelineError, match="went away"):
            list(results)
