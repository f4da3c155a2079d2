"""The evaluate stage whole, on a small project with untrained networks; the report in a browser."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from playwright.sync_api import sync_playwright

from aislewatch.config.params import Params, load_params
from aislewatch.errors import TableError
from aislewatch.evaluate.table import print_table
from aislewatch.files import sha256_file, sha256_tree
from aislewatch.models.build import ModelConfig, build, save_model
from aislewatch.models.rows import BY_NAME
from aislewatch.models.sizes import network_of
from aislewatch.score.ledger import read_test_uses
from aislewatch.tracking.journal import Journal
from aislewatch.tune.pictures import draw_pictures
from stages import score
from stages.evaluate import work

VIDEOS, FRAMES, SIZE = 12, 48, 64
OUTPUTS = [
    "metrics/evaluate.json",
    "metrics/table.csv",
    "metrics/roc.csv",
    "metrics/pr.csv",
    "metrics/confusion.csv",
    "metrics/predictions.csv",
    "models/selected.json",
]

# What each card must say (issue 5).
CARDS = {
    "model card": ("Intended", "Prohibited", "Data", "side", "interval", "Threshold", "Limits"),
    "data card": ("hours", "cameras", "shoplifting events", "side", "Original frame rates"),
}


@dataclass(frozen=True)
class Project:
    """A project folder in which evaluate can run."""

    root: Path
    params: Params

    def score(self) -> None:
        """Score every network."""
        for name in BY_NAME:
            score.work(name, self.params, Journal(self.root / "scoring.jsonl"))

    def evaluate(self) -> dict[str, str]:
        """Run the stage; its outputs' digests."""
        work(self.params, Journal(self.root / "journal.jsonl"))
        return self.digests()

    def digests(self) -> dict[str, str]:
        """sha256 of every output of the stage."""
        files = {name: sha256_file(self.root / name) for name in OUTPUTS}
        return files | {"reports/evaluate": sha256_tree(self.root / "reports/evaluate")}


@pytest.fixture(scope="module")
def evaluated(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> tuple[Project, dict[str, str]]:
    """A project evaluated once, and its outputs' digests; for tests that only look."""
    params = load_params(Path(pytestconfig.rootpath) / "params.yaml")
    changes = {
        "evaluate": params.evaluate.model_copy(update={"resamples": 200, "mistakes": 5}),
        "frames": params.frames.model_copy(update={"size": SIZE}),
    }
    project = Project(tmp_path_factory.mktemp("project"), params.model_copy(update=changes))
    _write_data(project.root)
    _write_models(project.root, params)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project.root)
        project.score()
        return project, project.evaluate()


@pytest.fixture
def looked_at(
    evaluated: tuple[Project, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> Project:
    """The evaluated project as working folder."""
    monkeypatch.chdir(evaluated[0].root)
    return evaluated[0]


@pytest.fixture
def copied(
    evaluated: tuple[Project, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Project:
    """A copy of the evaluated project, as working folder, for tests that change it."""
    shutil.copytree(evaluated[0].root, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return Project(tmp_path / "project", evaluated[0].params)


def _write_data(root: Path) -> None:
    (root / "data" / "frames").mkdir(parents=True)
    rng = np.random.default_rng(0)
    catalog, clips = [], []
    for number in range(VIDEOS):
        label = ("normal", "shoplifting")[number % 2]
        video, file = f"synthetic/cam1/{label}/v{number:02d}.mp4", f"{number:02d}.yuv"
        # A dark bar that moves in front of a random wall.
        late = number >= VIDEOS // 2  # the later half: dark, of another source and camera, sharper
        wall = rng.integers(20, 80, 1) if late else rng.integers(90, 200, 1)
        frames = rng.integers(wall - 20, wall + 20, (1, SIZE * 3 // 2, SIZE), np.uint8)
        frames = np.tile(frames, (FRAMES, 1, 1))
        frames[:, SIZE:] = 128
        for t in range(FRAMES):
            frames[t, 20:35, t : t + 15] = 20
        frames.tofile(root / "data" / "frames" / file)
        source, camera, height = (
            ("old", "old/cam2", 480) if late else ("synthetic", "synthetic/cam1", 240)
        )
        catalog.append((video, source, file, FRAMES, FRAMES / 10, label, camera, height, 25.0))
        split = ("train", "val", "test")[number // 2 % 3]
        clips += [(video, file, start, number % 2, video, split) for start in range(0, 33, 8)]
    columns = ["video", "source", "frames_file", "n_frames", "duration_s"]
    columns += ["label", "camera", "height", "fps"]
    table = pd.DataFrame(catalog, columns=columns).sort_values("video")
    table.to_parquet(root / "data/catalog.parquet", index=False)
    events = table[["video", "label"]].assign(start_s=0.0, end_s=FRAMES / 10)
    events.to_parquet(root / "data/annotations.parquet", index=False)
    settings = {"lr": 0.004, "beta1": 0.9, "beta2": 0.99, "eps": 1e-7}
    found = settings | {"study": "5eed", "trial": 1, "val_loss": 0.1234}
    (root / "data/best.json").write_text(json.dumps(found))
    (root / "reports/tune").mkdir(parents=True)
    draw_pictures([], root / "reports/tune")
    columns = ["video", "frames_file", "start", "label", "group", "split"]
    splits = pd.DataFrame(clips, columns=columns).sort_values(["video", "start"])
    splits.to_parquet(root / "data/splits.parquet", index=False)


def _write_models(root: Path, params: Params) -> None:
    (root / "metrics" / "curves").mkdir(parents=True)
    for seed, name in enumerate(BY_NAME):
        torch.manual_seed(seed)
        config = ModelConfig.model_validate(
            {
                "architecture": name.removesuffix("_paper"),
                "model": network_of(params.model),
                "frame_size": SIZE,
                "n_frames": 16,
                "step": 1,
                "fps": 10,
            }
        )
        save_model(root / "models" / name, build(config))
        curve = {
            "epoch": [1, 2, 3],
            "train_loss": [0.17, 0.12, 0.1],
            "val_loss": [0.17, 0.14, 0.15],
        }
        pd.DataFrame(curve).to_csv(root / f"metrics/curves/{name}.csv", index=False)


def test_two_runs_give_the_same_bytes_and_only_scorings_are_counted(
    evaluated: tuple[Project, dict[str, str]], copied: Project
) -> None:
    assert len(read_test_uses()) == len(BY_NAME)
    assert copied.evaluate() == evaluated[1]
    assert len(read_test_uses()) == len(BY_NAME)
    scores = sha256_tree(Path("data/scores"))
    copied.score()
    assert sha256_tree(Path("data/scores")) == scores
    uses = read_test_uses()
    assert len(uses) == 2 * len(BY_NAME)
    assert {use["split"] for use in uses} == {sha256_file(Path("data/splits.parquet"))}
    assert len({use["model"] for use in uses}) == len(BY_NAME)
    assert {use["stage"] for use in uses} == {"score"}


def test_outputs_hold_what_later_stages_and_dvc_read(
    looked_at: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = json.loads(Path("metrics/evaluate.json").read_text())
    selected = json.loads(Path("models/selected.json").read_text())["model"]
    assert selected == summary["selected"]
    val = {name: summary["models"][name]["val"] for name in BY_NAME}
    assert selected == max(BY_NAME, key=lambda name: (val[name]["auc"], -val[name]["log_loss"]))
    assert summary["test_videos"] == 4
    assert any("Only 4 test videos" in warning for warning in summary["warnings"])
    alerts = summary["models"][selected]["alerts"]
    assert alerts["shoplifting_videos"] == alerts["normal_videos"] == 2
    assert alerts["normal_hours"] == pytest.approx(2 * 4.8 / 3600)
    predictions = pd.read_csv("metrics/predictions.csv")
    assert len(predictions) == len(BY_NAME) * 2 * 4 * 5
    assert set(predictions["split"]) == {"val", "test"}
    assert list(pd.read_csv("metrics/confusion.csv")) == ["actual", *BY_NAME]
    print_table()
    assert "Test split: 4 videos, 20 clips" in capsys.readouterr().out


def test_the_chosen_model_is_measured_on_parts_of_the_footage(looked_at: Project) -> None:
    slices = json.loads(Path("metrics/evaluate.json").read_text())["slices"]
    assert {(part["by"], part["name"], part["videos"]) for part in slices} == {
        ("source", "synthetic", 2),
        ("source", "old", 2),
        ("camera", "synthetic/cam1", 2),
        ("camera", "old/cam2", 2),
        ("lighting", "lit", 2),
        ("lighting", "dark", 2),
        ("resolution", "low", 2),
        ("resolution", "high", 2),
    }
    page = Path("reports/evaluate/report.html").read_text()
    assert "lighting: dark" in page
    assert page.count("resolution: low") == 2, "in the report and in the model card inside it"


def test_the_films_of_mistakes_play_whole_clips_over_and_over(looked_at: Project) -> None:
    films = sorted(Path("reports/evaluate").glob("mistake-*.webp"))
    assert films
    for film in films:
        with Image.open(film) as picture:
            assert picture.n_frames == 16
            assert picture.info["loop"] == 0
            picture.seek(15)
            picture.load()
            assert picture.info["duration"] == 100


def test_each_model_is_a_nested_run_with_comparable_metrics(looked_at: Project) -> None:
    records = [json.loads(line) for line in Path("journal.jsonl").read_text().splitlines()]
    started = [record["name"] for record in records if record["kind"] == "start"]
    assert started == list(BY_NAME)
    for name in BY_NAME:
        own = [record for record in records if record["run"] == f"/{name}"]
        params = next(record["values"] for record in own if record["kind"] == "params")
        metrics = next(record["values"] for record in own if record["kind"] == "metrics")
        assert params["architecture"] == name.removesuffix("_paper")
        assert {"test.accuracy", "test.f1", "test.auc", "val.auc", "val.log_loss"} <= set(metrics)
    digests = {record["path"] for record in records if record["kind"] == "digest"}
    assert digests == {*OUTPUTS, "reports/evaluate"}


def test_flipped_test_labels_choose_the_same_model(
    evaluated: tuple[Project, dict[str, str]], copied: Project
) -> None:
    splits = pd.read_parquet("data/splits.parquet")
    is_test = splits["split"] == "test"
    splits["label"] = splits["label"].where(~is_test, 1 - splits["label"])
    splits.to_parquet("data/splits.parquet", index=False)
    copied.score()
    found = copied.evaluate()
    assert found["models/selected.json"] == evaluated[1]["models/selected.json"]
    assert found["metrics/table.csv"] != evaluated[1]["metrics/table.csv"]


def test_missing_scores_leave_earlier_results(
    evaluated: tuple[Project, dict[str, str]], copied: Project
) -> None:
    Path("data/scores/cnn/clips.parquet").unlink()
    with pytest.raises(TableError, match="run the score stage first"):
        work(copied.params, Journal(copied.root / "journal.jsonl"))
    assert copied.digests() == evaluated[1]


def test_report_needs_nothing_from_outside_and_renders(looked_at: Project, chromium: str) -> None:
    report = looked_at.root / "reports" / "evaluate" / "report.html"
    page_text = report.read_text()
    assert re.findall(r"https?:|<script|url\(|@import", page_text) == []
    sources = re.findall(r'src="([^"]{0,30})', page_text)
    assert sources.count("../test_uses.html") == 1
    inlined = ("data:image/png;base64,", "data:image/webp;base64,", "../test_uses")
    assert all(s.startswith(inlined) for s in sources)
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900}, java_script_enabled=True)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(report.as_uri())
        pictures, films = (
            page.eval_on_selector_all(query, "images => images.map(i => i.naturalWidth)")
            for query in ("img[src^='data:image/png']", "img[src^='data:image/webp']")
        )
        assert len(pictures) == 10  # four of them the study's
        assert min(pictures) > 400
        assert films
        assert set(films) == {SIZE}
        uses = page.frame_locator("iframe").locator("tbody tr")
        assert uses.count() == len(BY_NAME)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        heading = page.locator("h1").inner_text()
        for card, words in CARDS.items():
            page.get_by_text(f"Open the {card}").click()
            shown = page.locator("details[open]").last.inner_text()
            assert [word for word in words if word not in shown] == []
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        links = page.eval_on_selector_all("a", "all => all.map(a => a.getAttribute('href'))")
        browser.close()
    assert "is chosen; on test its ROC-AUC is" in heading
    assert links == ["../promotion/index.html", "../split/index.html"]
    assert all(url.startswith(("file:", "data:")) for url in asked)
