"""The stages and their order come from dvc.yaml, through DVC."""

from pathlib import Path

import pytest

from aislewatch.errors import PipelineError
from flows.dag import Stage, read_dag
from tests.projects import stages_run
from tests.tiny_pipelines import dvc, make_diamond


@pytest.fixture
def diamond(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = make_diamond(tmp_path / "a shop")
    monkeypatch.chdir(folder)
    return folder


def test_every_stage_and_matrix_entry_with_what_it_reads(diamond: Path) -> None:
    assert read_dag() == [
        Stage("first", ()),
        Stage("side@left", ("first",)),
        Stage("side@right", ("first",)),
        Stage("last", ("side@left", "side@right")),
    ]


def test_order_is_that_of_dvc_repro(diamond: Path) -> None:
    assert [stage.address for stage in read_dag()] == stages_run(dvc(diamond, "repro"))


def test_a_stage_added_to_the_file_is_found(diamond: Path) -> None:
    with (diamond / "dvc.yaml").open("a") as file:
        file.write("  more:\n    cmd: cp last.txt more.txt\n    deps: [last.txt]\n")
    assert read_dag()[-1] == Stage("more", ("last",))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "does not exist"),
        ("stages: [}", "structure is corrupted"),
        ("stages:\n  a:\n    cmds: echo\n", "extra keys not allowed"),
        (
            "stages:\n  a: {cmd: x, deps: [q], outs: [p]}\n  b: {cmd: x, deps: [p], outs: [q]}\n",
            "both a dependency and an output",
        ),
    ],
    ids=["missing", "not YAML", "unknown key", "cycle"],
)
def test_a_wrong_file_is_refused_in_dvcs_words(
    diamond: Path, content: str | None, words: str
) -> None:
    (diamond / "dvc.yaml").unlink()
    if content is not None:
        (diamond / "dvc.yaml").write_text(content)
    with pytest.raises(PipelineError, match=words):
        read_dag()


def test_a_folder_without_dvc_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PipelineError, match="not inside of a DVC repository"):
        read_dag()
