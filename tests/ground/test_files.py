"""Outputs appear whole or not at all."""

import os
import subprocess
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislewatch.errors import PipelineError, RegistryError
from aislewatch.files import (
    read_output,
    sha256_tree,
    whole_file,
    whole_folder,
    write_csv,
    write_json,
    write_parquet,
)
from aislewatch.register.registration import read_registration
from aislewatch.report.model_table import print_tables
from aislewatch.tables import places


def fail_in_file(path: Path) -> None:
    with whole_file(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError


def fail_in_folder(path: Path) -> None:
    with whole_folder(path) as temporary:
        (temporary / "a").write_text("new")
        raise RuntimeError


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    write_json(path, {"b": 1, "a": 2})
    with pytest.raises(RuntimeError):
        fail_in_file(path)
    assert path.read_bytes() == b'{\n  "a": 2,\n  "b": 1\n}\n'
    assert list(tmp_path.iterdir()) == [path]


def test_tables_are_written_as_they_stand(tmp_path: Path) -> None:
    """No stage of dvc.yaml depends on how files are written: another spelling is a failed test."""
    table = pd.DataFrame({"video": ["a,b.mp4", ""], "start": [0, 7], "score": [0.1, float("nan")]})
    write_csv(tmp_path / "out.csv", table)
    assert (tmp_path / "out.csv").read_bytes() == b'video,start,score\n"a,b.mp4",0,0.1\n,7,\n'
    write_csv(tmp_path / "out.csv", table, "%.3f")
    assert (tmp_path / "out.csv").read_bytes() == b'video,start,score\n"a,b.mp4",0,0.100\n,7,\n'
    write_parquet(tmp_path / "out.parquet", table)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out.parquet"), table)
    with pq.ParquetFile(tmp_path / "out.parquet") as file:
        assert file.schema_arrow.names == ["video", "start", "score"]
        assert file.num_row_groups == 1
        assert file.metadata.row_group(0).column(0).compression == "SNAPPY"


def test_a_failed_folder_leaves_the_old_one_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with whole_folder(path) as temporary:
        (temporary / "a").write_text("old")
    with pytest.raises(RuntimeError):
        fail_in_folder(path)
    assert (path / "a").read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_goes_and_what_a_living_one_writes_stays(tmp_path: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    for name, writer in (("out", write_json), ("folder", lambda path, _: fill(path))):
        left = tmp_path / f".{name}.{dead.pid}-abc.tmp"
        left.mkdir() if name == "folder" else left.write_text("half")
        living = tmp_path / f".{name}.{os.getpid()}-abc.tmp"
        living.write_text("being written")
        other = tmp_path / f".{name}2.{dead.pid}-abc.tmp"
        other.write_text("of another file")
        writer(tmp_path / name, {})
        assert (left.exists(), living.exists(), other.exists()) == (False, True, True)


def fill(path: Path) -> None:
    with whole_folder(path) as temporary:
        (temporary / "a").write_text("a")


def test_a_new_folder_replaces_the_old_one_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "out"
    for name in ("a", "b"):
        with whole_folder(path) as temporary:
            (temporary / name).write_text(name)
    assert [file.name for file in path.iterdir()] == ["b"]


@given(st.dictionaries(st.sampled_from("abcd"), st.binary(max_size=4), min_size=1))
def test_a_tree_digest_depends_on_names_and_bytes_only(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    for name in files:
        (one / name).write_bytes(files[name])
    for name in reversed(files):
        (two / name).write_bytes(files[name])
    assert sha256_tree(one) == sha256_tree(two)
    changed = next(iter(files))
    (two / changed).write_bytes(files[changed] + b"x")
    assert sha256_tree(one) != sha256_tree(two)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"a": 1}', b"\xff\xfe{}", b"[" * 10**5]
)
def test_a_damaged_output_is_told_with_the_way_to_a_whole_one(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for path in (places.EVALUATION, places.REGISTRATION):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    with pytest.raises(
        PipelineError, match=r"metrics/evaluate.json is damaged .*`dvc repro` makes"
    ):
        print_tables()
    with pytest.raises(RegistryError, match=r"registration.json is damaged; remove it and run"):
        read_registration()


def test_an_output_that_is_missing_or_whole(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"best.json is missing: `dvc repro` makes it"):
        read_output(tmp_path / "best.json")
    write_json(tmp_path / "best.json", {"lr": 0.1})
    assert read_output(tmp_path / "best.json", "lr") == {"lr": 0.1}
