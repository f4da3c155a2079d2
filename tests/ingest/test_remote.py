"""Footage on S3: the same frames as from files here, one video at a time, and plain refusals."""

import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from aislewatch.check.headers import read_headers
from aislewatch.cli.main import main
from aislewatch.errors import FootageError
from aislewatch.files import sha256_tree
from aislewatch.frames.store import FrameStore
from aislewatch.ingest import intake
from aislewatch.ingest.folder import IngestResult, ingest
from aislewatch.ingest.remote import fetched, list_address, read_list
from aislewatch.labels.checks import Limits
from aislewatch.labels.layouts import read_source
from tests.code_closure import ROOT
from tests.footage_samples import LIMITS, make_video
from tests.loopback import free_port, is_open
from tests.prefect_servers import running
from tests.s3_server import LOGIN

BUCKET = "s3://shop-films/2026"


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six films of a source, two of them the same, and what is none."""
    folder = tmp_path_factory.mktemp("footage") / "raw"
    for number in range(5):
        make_video(folder / "shop/till" / f"{number} #1+.mp4", hue=10 * number)
    copy = folder / "shop/normal/copy.mp4"
    copy.parent.mkdir()
    copy.write_bytes((folder / "shop/till/0 #1+.mp4").read_bytes())
    (folder / "shop/broken.mp4").write_bytes(b"no video")
    return folder


@pytest.fixture(scope="module")
def server(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The same on a server that takes one login alone, beside a list of labels."""
    place, port = tmp_path_factory.mktemp("s3"), free_port()
    (place / "files/shop-films").mkdir(parents=True)
    command = [sys.executable, "-m", "tests.s3_storage", str(port), str(place / "files")]
    root = {"ROOT_ACCESS_KEY_ID": LOGIN["AWS_ACCESS_KEY_ID"], "PYTHONPATH": str(ROOT)}
    with (
        running(command, os.environ | root, place / "s3.log", lambda: is_open(port)),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        for name, value in LOGIN.items():
            patch.setenv(name, value)
        bucket = boto3.resource("s3").Bucket("shop-films")
        for path in (films / "shop").rglob("*.mp4"):
            bucket.upload_file(str(path), f"2026/{path.relative_to(films / 'shop').as_posix()}")
        bucket.put_object(Key="2026/labels.csv", Body=b"video,label\n")
        yield


@pytest.fixture
def raw(server: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's data/raw that holds the list alone."""
    monkeypatch.chdir(tmp_path)
    main(["footage", BUCKET, "raw/shop"])
    return tmp_path / "raw"


def take_in(raw: Path, place: Path) -> IngestResult:
    store = FrameStore(place / "store", 10, 32)
    return ingest(raw, ["shop"], store, LIMITS, lambda *_: None, 2)


def facts(found: IngestResult) -> list[tuple[object, ...]]:
    accepted = [(one.candidate.video, one.sha256, one.stored) for one in found.accepted]
    refused = [(one.candidate.video, one.reason, one.detail) for one in found.refused]
    return [*accepted, *refused]


def test_the_frames_are_those_of_files_here_and_a_film_is_fetched_once(
    films: Path, raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = take_in(films, tmp_path / "here")
    most: list[int] = []

    def counted(remote, scratch):  # type: ignore[no-untyped-def]  # as fetched
        most.append(len(list(scratch.glob("fetched-*"))) + 1)
        return fetched(remote, scratch)

    monkeypatch.setattr(intake, "fetched", counted)
    there = take_in(raw, tmp_path / "there")
    assert facts(there) == facts(here)
    assert there.decoded == here.decoded == 5
    assert sha256_tree(tmp_path / "there/store") == sha256_tree(tmp_path / "here/store")
    assert len(most) == 7
    assert max(most) <= 2, "no more lie here than are worked on"
    again = take_in(raw, tmp_path / "there")
    assert facts(again) == facts(here)
    assert len(most) == 8, "the one that is no video is looked at again, as a file here is"
    assert [one.name for one in (raw / "shop").iterdir()] == ["remote.csv"]


def test_a_file_here_goes_before_the_one_on_the_list(
    films: Path, raw: Path, tmp_path: Path
) -> None:
    mine = raw / "shop/till/0 #1+.mp4"
    mine.parent.mkdir()
    mine.write_bytes((films / "shop/till/1 #1+.mp4").read_bytes())
    by_name = {one.candidate.video: one.sha256 for one in take_in(raw, tmp_path).accepted}
    assert by_name["shop/till/0 #1+.mp4"] == by_name["shop/till/1 #1+.mp4"]


def test_labels_are_checked_against_what_lies_there(raw: Path) -> None:
    found, refused = read_headers(raw, "shop", LIMITS, lambda *_: None)
    assert len(found) == 6
    assert [one.candidate.video for one in refused] == ["shop/broken.mp4"]
    labels = read_source(raw, "shop", "folder", {}, Limits(frame_s=0.1, min_event_s=0.3))
    assert not labels.problems, "the list is not taken for labels"


def test_a_full_disk_is_not_taken_for_the_servers_fault(raw: Path, tmp_path: Path) -> None:
    film = read_list(raw / "shop")[-1]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            fetched(film, tmp_path).__enter__()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_an_object_that_changed_or_went_is_told(raw: Path, tmp_path: Path) -> None:
    bucket = boto3.resource("s3").Bucket("shop-films")
    bucket.put_object(Key="2026/other.mp4", Body=b"first")
    [other] = [one for one in list_address(BUCKET) if one.file == "other.mp4"]
    bucket.put_object(Key="2026/other.mp4", Body=b"later")
    with pytest.raises(FootageError, match=r"other.mp4 has changed since it was listed"):
        fetched(other, tmp_path).__enter__()
    bucket.Object("2026/other.mp4").delete()
    with pytest.raises(FootageError, match=r"other.mp4 is not there \(any more\)"):
        fetched(other, tmp_path).__enter__()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("/films", "from an address as s3://bucket/folder"),
        ("s3://me:geheim@films", "without a login in it"),
        ("s3://shop-films/2025", "nothing is below s3://shop-films/2025"),
        ("s3://no-such-bucket/x", "s3://no-such-bucket/x"),
    ],
)
def test_a_wrong_address_is_told(server: None, address: str, words: str) -> None:
    with pytest.raises(FootageError) as told:
        list_address(address)
    assert words in str(told.value)
    assert "geheim" not in str(told.value)


def test_a_refused_login_and_a_dead_server_are_told(
    server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    with pytest.raises(FootageError, match="AWS_ACCESS_KEY_ID") as told:
        list_address(BUCKET)
    assert LOGIN["AWS_SECRET_ACCESS_KEY"] not in str(told.value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(FootageError, match=r"cannot be read \(\w+\); see to the network"):
        list_address(BUCKET)


@pytest.mark.parametrize(
    "line", ["../a.mp4,s3://b/a,1,x", "/a.mp4,s3://b/a,1,x", "a.mp4,http://b,1,x", "a.mp4,s3://b,x"]
)
def test_a_damaged_list_is_told_with_its_line(tmp_path: Path, line: str) -> None:
    (tmp_path / "remote.csv").write_text(f"file,address,size,etag\n{line}\n")
    with pytest.raises(FootageError, match=r"remote.csv, line 2: "):
        read_list(tmp_path)
