"""What ``aislewatch fsck`` finds in a real project, and that its repairs repair."""

import json
import subprocess
from pathlib import Path

import pytest

from aislewatch.errors import PipelineError
from aislewatch.files import sha256_file, sha256_tree
from aislewatch.findings import Fault
from aislewatch.frames.fingerprint import SIGNATURE_VERSION
from tests.fsck.harm import (
    CACHE,
    REMOTE,
    STORE,
    cut,
    faults,
    files,
    flip,
    flip_in_place,
    flip_yaml,
    fsck,
    harm,
    linked,
    oids,
    plant,
    repair,
    trees,
)
from tests.projects import clone_project, run, set_params


@pytest.fixture(scope="module")
def kept(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished project with a remote beside it, in a folder; not to be changed."""
    folder = clone_project(finished.parent, tmp_path_factory.mktemp("kept") / "copy")
    run(folder / "a shop", "dvc", "remote", "add", "--default", "shelf", "../remote")
    run(folder / "a shop", "dvc", "push")
    return folder


@pytest.fixture
def shop(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it to do things to, and the working folder."""
    folder = clone_project(kept, tmp_path / "copy") / "a shop"
    monkeypatch.chdir(folder)
    return folder


def test_a_sound_project(shop: Path) -> None:
    report = json.loads(run(shop, "aislewatch", "fsck", "--json"))
    assert report["findings"] == report["notes"] == report["afterwards"] == []
    counts = list(report["places"].values())
    assert counts[0] == 4 * len(list(Path("data/dataset/frames").iterdir()))
    assert counts[1] == counts[2] == len(CACHE.files())
    assert counts[3] == len(files(Path(".dvc/cache/runs"))) > 0
    assert counts[4] == sum(1 for name in oids() for _ in files(Path(name)))
    assert counts[5] == 1


def test_every_fault_is_found_where_it_is_and_repaired_from_a_copy(shop: Path) -> None:
    before, of = trees(), oids()
    remote = sha256_tree(REMOTE.root)
    frames = [path.name for path in sorted(Path("data/dataset/frames").iterdir())]
    keys = [name.removesuffix(".yuv") for name in frames]
    listed = CACHE.listing(of["data/dataset/frames"])
    expected = harm(
        {
            STORE / frames[0]: flip,
            STORE / frames[1]: cut,
            STORE / frames[2]: Path.unlink,
            STORE / f"{keys[3]}.json": flip,
            STORE / f"{keys[4]}.json": Path.unlink,
            STORE / f"{keys[5]}.s{SIGNATURE_VERSION}.npy": Path.unlink,
            STORE / f"{keys[6]}.s{SIGNATURE_VERSION}.npy": flip,
            STORE / "notes.txt": plant,
            CACHE.path(of["data/dataset/catalog.parquet"]): flip,
            CACHE.path(listed[frames[7]]): cut,
            CACHE.path(of["data/dataset/splits.parquet"]): Path.unlink,
            CACHE.path(of["data/dataset/frames"]): flip,
            CACHE.root / "ab/notes.txt": plant,
            files(Path(".dvc/cache/runs"))[0]: flip_yaml,
            Path(".dvc/cache/runs/stray"): plant,
            REMOTE.path(of["data/clips.parquet"]): flip,
            REMOTE.path(listed[frames[8]]): cut,
            REMOTE.path(listed[frames[9]]): Path.unlink,
            REMOTE.path(of["models/cnn"]): Path.unlink,
            REMOTE.root / "stray": plant,
            Path("data/dataset/frames", frames[10]): flip_in_place,
            Path("data/dataset/frames", frames[11]): cut,
            Path("data/dataset/frames", frames[12]): Path.unlink,
            Path("data/dataset/frames/notes.yuv"): plant,
            Path("data/labels/videos.parquet"): Path.unlink,
            Path("models/cnn/weights.safetensors"): flip,
        }
    )
    # The flip in place reached what is linked; the remote has the bytes.
    expected |= linked(Path("data/dataset/frames", frames[10]), listed[frames[10]])
    report = fsck()
    assert faults(report) == expected
    repair(report)
    assert faults(fsck()) == {}
    assert trees() == before
    assert sha256_tree(REMOTE.root) == remote
    gone = set(keys) - {path.stem for path in STORE.glob("*.json")}
    assert gone == {keys[3], keys[4], keys[5], keys[6]}, "to be decoded again when needed"


def test_what_no_copy_is_left_of_is_made_again(shop: Path) -> None:
    run(shop, "dvc", "remote", "remove", "shelf")
    before, of = trees(), oids()
    frame = min(Path("data/dataset/frames").iterdir())
    md5 = CACHE.listing(of["data/dataset/frames"])[frame.name]
    expected = harm(
        {
            frame: flip_in_place,
            Path("data/dataset/catalog.parquet"): flip_in_place,
            Path("data/dataset/splits.parquet"): Path.unlink,
            CACHE.path(of["data/dataset/splits.parquet"]): Path.unlink,
            CACHE.path(of["data/clips.parquet"]): cut,
            Path("data/clips.parquet"): Path.unlink,
        }
    )
    expected |= linked(frame, md5)
    expected |= linked(Path("data/dataset/catalog.parquet"), of["data/dataset/catalog.parquet"])
    assert faults(fsck()) == expected
    # Without the list of its files, nobody knows which file of a folder is wrong.
    CACHE.path(of["data/dataset/frames"]).unlink()
    del expected[str(frame)]
    expected |= {
        "data/dataset/frames": Fault.CHANGED,
        str(CACHE.path(of["data/dataset/frames"])): Fault.MISSING,
    }
    report = fsck()
    assert faults(report) == expected
    assert len(report.notes) == 1
    repair(report)
    assert faults(fsck()) == {}
    assert trees() == before


def test_the_list_of_a_sound_folder_is_not_needed(shop: Path) -> None:
    lost = [folder.path(oids()["data/dataset/frames"]) for folder in (CACHE, REMOTE)]
    assert harm(dict.fromkeys(lost, Path.unlink)) == faults(fsck())


def test_registered_models(shop: Path) -> None:
    [bundle] = shop.glob("mlartifacts/*/artifacts/model-*")
    deeds = {
        bundle / "model.onnx": flip,
        bundle / "aislewatch/weights.safetensors": cut,
        bundle / "MLmodel": Path.unlink,
        bundle / "notes.txt": plant,
    }
    weights = sha256_file(bundle / "aislewatch/weights.safetensors")
    harm(deeds)
    flip(Path("registration.json"))
    report = fsck()
    uri = "models:/aislewatch/1"
    assert faults(report) == {
        "registration.json": Fault.CHANGED,
        f"{uri}/model.onnx": Fault.CHANGED,
        f"{uri}/aislewatch/weights.safetensors": Fault.CHANGED,
        f"{uri}/MLmodel": Fault.MISSING,
        f"{uri}/notes.txt": Fault.STRAY,
    }
    repair(report)
    assert faults(fsck()) == {}
    assert sha256_file(bundle / "aislewatch/weights.safetensors") == weights
    # As if a later model had been registered: nothing here holds the weights of this one.
    Path("dvc.lock").unlink()
    Path("registration.json").unlink()
    flip(bundle / "aislewatch/manifest.json")
    report = fsck()
    assert faults(report) == {f"{uri}/aislewatch/manifest.json": Fault.CHANGED}
    repair(report)
    assert faults(fsck()) == faults(report), "what to do is said to a person; nothing is deleted"
    flip(bundle / "aislewatch/manifest.json")
    assert faults(fsck()) == {}


def test_an_empty_remote_is_filled_by_dvc(shop: Path) -> None:
    subprocess.run(["rm", "-rf", REMOTE.root], check=True)
    report = fsck()
    assert faults(report) == {str(REMOTE.root): Fault.MISSING}
    repair(report)
    assert faults(fsck()) == {}


@pytest.mark.parametrize("name", ["dvc.lock", "dvc.yaml", ".dvc/config"])
def test_a_damaged_file_of_dvc_is_named(name: str, shop: Path) -> None:
    Path(name).write_text("[: }")
    with pytest.raises(PipelineError, match=name):
        fsck()


def test_places_that_are_not_there(shop: Path) -> None:
    set_params(shop, {"register": {"name": "another"}})
    run(shop, "dvc", "remote", "modify", "shelf", "url", "s3://bucket/shop")
    report = fsck()
    assert report.findings == []
    assert "'shelf' (s3://bucket/shop) is no folder here" in report.notes[0]
    subprocess.run(["rm", "-rf", STORE, "mlflow.db", "dvc.lock"], check=True)
    assert list(fsck().places.values())[3:] == [0, 0]
    assert not Path("mlflow.db").exists(), "looking makes nothing"
