"""Detection on real files: decoded by ffmpeg in the sandbox, scored, smoothed, written."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from imageio_ffmpeg import get_ffmpeg_exe

from aislewatch.alerts.rule import rule_at
from aislewatch.config.params import Params, load_params
from aislewatch.detect.detection import detect
from aislewatch.errors import FootageError, ModelError, QuarantinedError
from aislewatch.files import write_json
from aislewatch.models.build import ModelConfig, build, save_model
from aislewatch.models.sizes import network_of
from aislewatch.register.bundle import OPERATING


@pytest.fixture(scope="session")
def params(pytestconfig: pytest.Config) -> Params:
    shipped = load_params(Path(pytestconfig.rootpath) / "params.yaml")
    two_in_a_row = shipped.alerts.model_copy(update={"consecutive": 2})
    return shipped.model_copy(update={"alerts": two_in_a_row})


@pytest.fixture(scope="session")
def model_folder(params: Params, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained network: its scores are near one half, whatever it sees."""
    torch.manual_seed(0)
    config = ModelConfig(
        architecture="cnn",
        model=network_of(params.model),
        frame_size=64,
        n_frames=16,
        step=1,
        fps=10,
    )
    folder = tmp_path_factory.mktemp("models") / "cnn"
    save_model(folder, build(config))
    write_json(folder / OPERATING, {"rule": rule_at(params.alerts, 0.8).model_dump()})
    return folder


def make_video(path: Path, seconds: float) -> Path:
    source = f"testsrc2=duration={seconds}:size=160x120:rate=25"
    command = [get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", source, "-y", str(path)]
    subprocess.run(command, check=True)
    return path


@pytest.fixture
def eager(model_folder: Path, params: Params, tmp_path: Path) -> Path:
    """The same network, frozen with a threshold that every clip reaches."""
    folder = tmp_path / "eager"
    shutil.copytree(model_folder, folder)
    rule = rule_at(params.alerts, 0.0)
    write_json(folder / OPERATING, {"rule": rule.model_dump()})
    return folder


def test_alerts_are_written_as_json_and_picture(
    tmp_path: Path, params: Params, eager: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    video = make_video(tmp_path / "till (1) $x$.mp4", 6.0)
    found = detect(video, eager, params, tmp_path / "out")
    # 60 frames, clips of 16 every 8, and one that ends with the video.
    starts = [*(0.8 * i for i in range(6)), 4.4]
    assert [clip.start_s for clip in found.clips] == pytest.approx(starts)
    written = json.loads(found.json_file.read_text())
    assert found.json_file == tmp_path / "out" / "till (1) $x$.mp4.json"
    assert written["video"] == video.name
    assert len(written["weights_sha256"]) == 64
    assert [(alert["start_s"], alert["end_s"]) for alert in written["alerts"]] == [(0.0, 6.0)]
    assert written["alerts"][0]["peak_score"] == max(clip["score"] for clip in written["clips"])
    assert found.picture_file.read_bytes().startswith(b"\x89PNG")
    assert "1 alert in 7 clips" in found.describe()
    assert "0:00.0 to 0:06.0" in found.describe()


def test_the_same_video_gives_the_same_bytes(
    tmp_path: Path, params: Params, model_folder: Path
) -> None:
    video = make_video(tmp_path / "a.mp4", 4.0)
    first, second = (
        detect(video, model_folder, params, tmp_path / name) for name in ("one", "two")
    )
    assert first.alerts == ()  # an untrained network is never 80 % sure
    assert first.json_file.read_bytes() == second.json_file.read_bytes()
    assert first.picture_file.read_bytes() == second.picture_file.read_bytes()


def test_results_keep_apart_by_path(
    tmp_path: Path, params: Params, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One name in two folders, two endings, inside and outside of the working folder."""
    here = tmp_path / "here"
    names = ("one/till.mp4", "two/till.mp4", "two/till.mkv", "../there/till.mp4")
    videos = [here / name for name in names]
    for video in videos:
        video.parent.mkdir(parents=True, exist_ok=True)
    make_video(videos[0], 2.0)
    for video in videos[1:]:
        shutil.copyfile(videos[0], video)
    monkeypatch.chdir(here)
    found = [detect(video, model_folder, params, tmp_path / "out") for video in videos]
    files = [file for one in found for file in (one.json_file, one.picture_file)]
    assert len(set(files)) == 2 * len(videos)
    assert [json.loads(one.json_file.read_text())["path"] for one in found] == [
        *names[:3],
        str((tmp_path / "there/till.mp4").relative_to(tmp_path.anchor)),
    ]
    again = detect(Path("one/../one/till.mp4"), model_folder, params, tmp_path / "out")
    assert again.json_file == found[0].json_file, "another way to say one path is one path"


def test_too_short_for_an_alert_is_said(tmp_path: Path, params: Params, model_folder: Path) -> None:
    video = make_video(tmp_path / "a.mp4", 1.6)
    found = detect(video, model_folder, params, tmp_path)
    assert len(found.clips) == 1
    assert "too short for an alert, which needs 2 clips" in found.describe()


def test_video_shorter_than_a_clip_is_refused(
    tmp_path: Path, params: Params, model_folder: Path
) -> None:
    video = make_video(tmp_path / "a.mp4", 1.0)
    with pytest.raises(FootageError, match=r"lasts 1.0 s, shorter than one clip of 1.6 s"):
        detect(video, model_folder, params, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_broken_video_is_refused_with_the_reason(
    tmp_path: Path, params: Params, model_folder: Path
) -> None:
    video = make_video(tmp_path / "a.mp4", 4.0)
    video.write_bytes(video.read_bytes()[:5000])
    with pytest.raises(QuarantinedError, match=r"a\.mp4 was refused") as caught:
        detect(video, model_folder, params, tmp_path / "out")
    assert caught.value.reason == "truncated"
    assert not (tmp_path / "out").exists()


def test_missing_video_and_missing_model_are_told_apart(
    tmp_path: Path, params: Params, model_folder: Path
) -> None:
    with pytest.raises(FootageError, match="name an existing video"):
        detect(tmp_path / "no.mp4", model_folder, params, tmp_path)
    video = make_video(tmp_path / "a.mp4", 2.0)
    with pytest.raises(ModelError, match="missing"):
        detect(video, tmp_path / "no-model", params, tmp_path)


def test_a_model_without_its_alert_rule_is_refused(
    tmp_path: Path, params: Params, eager: Path
) -> None:
    video = make_video(tmp_path / "a.mp4", 2.0)
    for damage in ("{", '{"rule": {"threshold": 2}}'):
        (eager / OPERATING).write_text(damage)
        with pytest.raises(ModelError, match=r"operating\.json is missing or corrupt"):
            detect(video, eager, params, tmp_path)


@pytest.mark.corpus
def test_real_footage_goes_the_same_way(
    corpus: Path, tmp_path: Path, params: Params, eager: Path
) -> None:
    videos = sorted((corpus / "mnnit" / "shoplifting").iterdir())[:3]
    for video in videos:
        found = detect(video, eager, params, tmp_path)
        assert len(found.clips) >= 1
        assert all(0.0 <= clip.score <= 1.0 for clip in found.clips)
