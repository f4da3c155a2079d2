"""The report stage whole, on a small project with untrained networks; its page in a browser."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

from aislewatch.models.rows import BY_NAME
from aislewatch.score.ledger import read_test_uses
from tests.small_evaluation import SIZE, Project, make_scored

# What each card must say (issue 5).
CARDS = {
    "model card": ("Intended", "Prohibited", "Data", "side", "interval", "Threshold", "Limits"),
    "data card": ("hours", "cameras", "shoplifting events", "side", "Original frame rates"),
}


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, dict[str, str]]:
    """A project evaluated and drawn once, and the digests of what was drawn."""
    project = make_scored(tmp_path_factory.mktemp("reported") / "project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project.root)
        project.evaluate()
        return project, project.report()


@pytest.fixture
def looked_at(reported: tuple[Project, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project as working folder."""
    monkeypatch.chdir(reported[0].root)
    return reported[0]


def test_drawing_again_gives_the_same_bytes_and_is_no_use_of_the_test_split(
    reported: tuple[Project, dict[str, str]],
    looked_at: Project,
    capsys: pytest.CaptureFixture[str],
) -> None:
    figures = looked_at.figures()
    assert looked_at.report() == reported[1]
    assert looked_at.figures() == figures
    assert len(read_test_uses()) == len(BY_NAME)
    assert "Test split: 4 videos, 20 clips" in capsys.readouterr().out


def test_the_page_names_the_parts_of_the_footage(looked_at: Project) -> None:
    page = Path("reports/evaluate/report.html").read_text()
    assert "lighting: dark" in page
    assert page.count("resolution: low") == 2, "in the report and in the model card inside it"


def test_the_share_of_time_in_alert_stands_on_the_page_and_the_card(looked_at: Project) -> None:
    page = Path("reports/evaluate/report.html").read_text()
    summary = json.loads(Path("metrics/evaluate.json").read_text())
    shares = {n: m["alerts"]["alert_share"] for n, m in summary["models"].items()}
    _, _, table = page.partition("Time in alert")
    cells = re.findall("<td>([0-9.]+)&nbsp;%</td>", table.partition("</table>")[0])
    assert cells == [f"{100 * shares[name]:.1f}" for name in BY_NAME]
    assert (
        f"<td>{shares[summary['selected']]:.3f}</td>" in page.partition("normal time in alert")[2]
    )


def test_the_cards_name_the_cameras_that_labels_name(looked_at: Project) -> None:
    page = Path("reports/evaluate/report.html").read_text()
    assert "2 cameras" in page
    for name in ("synthetic/cam1", "old/cam2"):
        assert f"<td>{name}</td>" in page
    assert "folder" not in set(re.findall("<td>([^<]*)</td>", page))


def test_dvc_plots_have_a_column_a_model(looked_at: Project) -> None:
    assert list(pd.read_csv("reports/evaluate/confusion.csv")) == ["actual", *BY_NAME]
    assert list(pd.read_csv("reports/evaluate/roc.csv")) == ["fpr", *BY_NAME]
    assert list(pd.read_csv("reports/evaluate/pr.csv")) == ["recall", *BY_NAME]


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
