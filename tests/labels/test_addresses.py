"""Names with signs that mean something in an address, and addresses of all kinds, in any layout."""

import base64
import json
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislewatch.labels import cvat, label_studio
from aislewatch.labels.addresses import paths_of
from aislewatch.labels.naming import VideoNames
from aislewatch.labels.problems import Problem
from tests.even_videos import even_video

ODD = [
    "cam2/cam+1 day.mp4",
    "cam#1/mon.mp4",
    "cam2/50% off.mp4",
    "cam2/what?.mp4",
    "cam2/a&b.mp4",
    "cam2/d=1.mp4",
    "cam2/100%25.mp4",
    "cam2/Käse #3 (neu).mp4",
]
PLAIN = ["cam2/monday.mp4", "cam3/monday.mp4", "cam2/tuesday.mp4"]
VIDEOS = {f"shop/{name}": even_video("unlabeled", 10.0, 10.0) for name in ODD + PLAIN}
SIGNED = "?X-Amz-Date=20240501T000000Z&X-Amz-Credential=A%2F1%2Fs3&d=1&filename=x.mp4"


def label_studio_video(tmp_path: Path, written: str) -> set[str]:
    """Which video an empty annotation of this name calls normal."""
    (tmp_path / "shop").mkdir(exist_ok=True)
    task = {"id": 1, "data": {"video": written}, "annotations": [{"id": 1, "result": []}]}
    (tmp_path / "shop/project.json").write_text(json.dumps([task]))
    return set(label_studio.read_labels(tmp_path, "shop", VIDEOS).whole)


def cvat_video(tmp_path: Path, source: str) -> set[str]:
    (tmp_path / "shop").mkdir(exist_ok=True)
    escaped = source.replace("&", "&amp;")
    (tmp_path / "shop/a.xml").write_text(
        f"<annotations><meta><task><name>t</name><source>{escaped}</source><labels><label>"
        "<name>shoplifting</name></label></labels></task></meta></annotations>"
    )
    return set(cvat.read_labels(tmp_path, "shop", VIDEOS).whole)


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize(
    "address",
    [
        "{plain}",
        "/data/local-files/?d=cctv/{plain}",
        "/data/local-files/?d=cctv/{quoted}",
        "http://localhost:8080/data/local-files/?d={all_quoted}",
        "https://bucket.s3.amazonaws.com/{quoted}" + SIGNED,
        "s3://bucket/footage/{plain}",
        "/tasks/7/resolve/?fileuri={base64}",
        "/storage-data/uploaded/?filepath={quoted}",
    ],
)
def test_a_name_with_signs_is_found(tmp_path: Path, name: str, address: str) -> None:
    secret = base64.urlsafe_b64encode(f"s3://bucket/{name}".encode()).decode()
    written = address.format(
        plain=name, quoted=quote(name), all_quoted=quote(name, safe=""), base64=secret
    )
    assert label_studio_video(tmp_path, written) == {f"shop/{name}"}
    assert cvat_video(tmp_path, written) == {f"shop/{name}"}


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (f"https://bucket.s3.amazonaws.com/cam2/monday.mp4{SIGNED}", "cam2/monday.mp4"),
        (f"https://bucket/x/cam3/monday.mp4{SIGNED}#t=1,2", "cam3/monday.mp4"),
        ("https://a.blob.core.windows.net/v/tuesday.mp4?sv=1&sig=a%2Fb%3D", "cam2/tuesday.mp4"),
        ("gs://bucket/cam3/monday.mp4", "cam3/monday.mp4"),
        ("file:///home/eve/cam2/tuesday.mp4", "cam2/tuesday.mp4"),
        ("/data/local-files?d=cam3/monday.mp4&x=1", "cam3/monday.mp4"),
        (f"/data/local-files/?d={quote_plus('cam2/Käse #3 (neu).mp4')}", ODD[-1]),
        ("tuesday.mp4#t=3,5", "cam2/tuesday.mp4"),
        ("/data/upload/3/0123abcd-tuesday.mp4?x=1", "cam2/tuesday.mp4"),
    ],
)
def test_an_address_means_the_path_in_it(tmp_path: Path, written: str, name: str) -> None:
    assert label_studio_video(tmp_path, written) == {f"shop/{name}"}


def test_an_address_in_a_table(tmp_path: Path) -> None:
    names = VideoNames(tmp_path, "shop", VIDEOS)
    found = names.find("labels.csv", 2, f"https://bucket/shop/cam2/monday.mp4{SIGNED}")
    assert found == "shop/cam2/monday.mp4"


def test_a_refused_video_is_not_taken_for_another_of_its_name(tmp_path: Path) -> None:
    """The label is of cam4, whose video was refused; cam2 has one of the same name."""
    (tmp_path / "shop/cam4").mkdir(parents=True)
    (tmp_path / "shop/cam4/tuesday.mp4").touch()
    assert label_studio_video(tmp_path, "s3://bucket/cam4/tuesday.mp4") == set()
    problem = VideoNames(tmp_path, "shop", VIDEOS).find("f", 1, "cam4/tuesday.mp4", "tuesday.mp4")
    assert isinstance(problem, Problem)
    assert (problem.rule, problem.video) == ("quarantined", "shop/cam4/tuesday.mp4")


@pytest.mark.parametrize("written", ["cam#9/x.mp4", "cam2?x.mp4", "https://h/cam2#monday/x.mp4"])
def test_no_folder_is_taken_for_a_video(tmp_path: Path, written: str) -> None:
    videos = {"shop/cam.mp4": even_video("unlabeled", 9.0, 9.0), **VIDEOS}
    assert isinstance(VideoNames(tmp_path, "shop", videos).find("f", 1, written), Problem)


@given(st.text(), st.sampled_from(["", "s3://b/", "/data/local-files/?d=", "x/?fileuri="]))
def test_any_text_is_itself_first(text: str, before: str) -> None:
    assert next(paths_of(before + text)) == before + text
    assert len(list(paths_of(before + text))) < 20
