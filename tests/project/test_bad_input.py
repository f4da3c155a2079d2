"""Whatever a user gets wrong: one clear error of ours, and what was built comes back untouched."""

import shutil
from pathlib import Path

import pytest

from tests.projects import ask, run, set_params, stages_run

SHOP = "data/raw/synthetic"


def refuse(project: Path, *says: str) -> None:
    """``dvc repro`` fails with our words and no traceback."""
    output = run(project, "dvc", "repro", fails=True)
    for words in says:
        assert words in output, output
    assert "Traceback" not in output


def mend(project: Path, finished: Path) -> None:
    """With the old input all comes back; only what is never cached is done again."""
    shutil.copy2(finished / "params.yaml", project / "params.yaml")
    shutil.rmtree(project / "data/raw")
    shutil.copytree(finished / "data/raw", project / "data/raw")
    output = run(project, "dvc", "repro")
    assert set(stages_run(output)) <= {"register"}
    assert (project / "dvc.lock").read_bytes() == (finished / "dvc.lock").read_bytes()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"train": {"epoch": 3}}, "train.epoch: unknown key"),
        ({"train": {"epochs": "many"}}, "train.epochs: Input should be a valid integer"),
        ({"sources": {"elsewhere": "folder"}}, "elsewhere"),
        ({"sources": ["synthetic"]}, "synthetic: folder"),
    ],
)
def test_wrong_parameters(
    project: Path, finished: Path, changes: dict[str, object], says: str
) -> None:
    set_params(project, changes)
    refuse(project, says)
    mend(project, finished)


def test_a_parameter_that_no_stage_reads_is_refused_too(project: Path) -> None:
    set_params(project, {"epochs": 3})
    output = ask(project, "preflight", fails=True)
    assert "epochs: unknown key" in output


def test_a_folder_without_a_video(project: Path, finished: Path) -> None:
    (project / "data/raw/empty").mkdir()
    set_params(project, {"sources": {"empty": "folder"}})
    refuse(project, "no video in data/raw/empty")
    mend(project, finished)


def test_a_label_for_a_missing_video(project: Path, finished: Path) -> None:
    with (project / SHOP / "events.csv").open("a") as file:
        file.write("cam1/shoplifting/gone.mp4,0.5,1.5,shoplifting\n")
    refuse(project, "cam1/shoplifting/gone.mp4", "events.csv")
    # The rows are listed for the user although the stage failed.
    assert "gone.mp4" in (project / "reports/validation.csv").read_text()
    mend(project, finished)


def test_one_class_only(project: Path, finished: Path) -> None:
    for folder in (project / SHOP).glob("cam*/shoplifting"):
        shutil.rmtree(folder)
    (project / SHOP / "events.csv").unlink()
    refuse(project, "none is shoplifting")
    mend(project, finished)


def test_too_few_videos_to_split(project: Path, finished: Path) -> None:
    few = project / "data/raw/few"
    for label in ("shoplifting", "normal"):
        (few / label).mkdir(parents=True)
        videos = sorted((project / SHOP).glob(f"cam1/{label}/take-*.mp4"))
        for video in videos[:2]:
            shutil.copy2(video, few / label)
    set_params(project, {"sources": {"few": "folder"}})
    refuse(project, "too few videos to split")
    mend(project, finished)


def test_a_corrupt_model_is_not_evaluated(project: Path) -> None:
    weights = project / "models/convlstm/weights.safetensors"
    content = bytearray(weights.read_bytes())
    weights.unlink()
    content[:8] = b"\xff" * 8
    weights.write_bytes(content)
    output = run(project, "python", "-m", "stages.score", "convlstm", fails=True)
    assert "weights.safetensors is corrupt" in output
    assert "Traceback" not in output


def video_of(project: Path) -> str:
    return str(sorted((project / SHOP).glob("cam1/*/take-*.mp4"))[0])


def test_detection_with_the_champion(project: Path) -> None:
    output = ask(project, "detect", video_of(project))
    assert "champion: aislewatch version 1" in output
    assert len(list((project / "alerts").rglob("*.json"))) == 1
    assert len(list((project / "alerts").rglob("*.png"))) == 1


def test_detection_without_a_champion(project: Path) -> None:
    (project / "mlflow.db").unlink()
    output = ask(project, "detect", video_of(project), fails=True)
    assert "no champion of 'aislewatch' yet" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("name", ["aislewatch/weights.safetensors", "model.onnx"])
def test_detection_refuses_a_champion_with_a_flipped_byte(project: Path, name: str) -> None:
    [file] = project.glob(f"mlartifacts/*/artifacts/model-*/{name}")
    kept = file.read_bytes()
    file.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    output = ask(project, "detect", video_of(project), fails=True)
    assert f"{name} is not byte for byte what was registered" in output
    assert "Traceback" not in output


def test_detection_of_something_that_is_no_video(project: Path) -> None:
    (project / "note.mp4").write_text("not a video")
    output = ask(project, "detect", "note.mp4", fails=True)
    assert "note.mp4" in output
    assert "Traceback" not in output
    output = ask(project, "detect", "missing.mp4", fails=True)
    assert "missing.mp4" in output
    assert "Traceback" not in output
