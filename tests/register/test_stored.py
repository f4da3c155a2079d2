"""A version's files: nobody reads what another is replacing, and what was checked stays so."""

import shutil
import threading
from pathlib import Path

import pytest

from aislewatch.errors import ModelError
from aislewatch.findings import Fault
from aislewatch.register.bundle import OWN, write_manifest
from aislewatch.register.stored import fetched, find_faults, restore
from aislewatch.register.versions import Registered, Registry
from tests.tiny_registry import FILES, add_version, new_registry


@pytest.fixture
def registry(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    return new_registry(tmp_path, empty_store, monkeypatch)


@pytest.fixture
def version(registry: Registry) -> Registered:
    return add_version(registry, "first")


def kept(file: str) -> Path:
    """A file of the one version, where MLflow keeps it."""
    [found] = Path.cwd().glob(f"mlartifacts/*/artifacts/model-*/{file}")
    return found


def test_what_was_checked_is_what_is_loaded(registry: Registry, version: Registered) -> None:
    with fetched(registry, version) as own, fetched(registry, version) as other:
        assert own != other
        kept("aislewatch/weights.safetensors").write_text("replaced after it was checked")
        with pytest.raises(ModelError, match="not byte for byte"), fetched(registry, version):
            pass
        for folder in (own, other):
            assert (folder / "weights.safetensors").read_text() == "first"
    assert not own.exists()


def test_readers_beside_a_restore_see_one_whole_version(
    registry: Registry, version: Registered
) -> None:
    failures: list[BaseException] = []

    def read() -> None:
        try:
            for _ in range(4):
                with fetched(registry, version) as own:
                    assert {(own / name).read_text()[:5] for name in FILES} == {"first"}
        except BaseException as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(4):
        bundle = Path("bundles/first")
        (bundle / OWN / "model_card.md").write_text(f"first, told anew: {number}")
        restore(registry, version, bundle, write_manifest(bundle))
    for reader in readers:
        reader.join()
    assert failures == []


def test_what_cannot_be_read_is_not_taken_for_gone(registry: Registry, version: Registered) -> None:
    weights = kept("aislewatch/weights.safetensors")
    weights.unlink()
    weights.symlink_to(weights)
    assert find_faults(registry, version) == {".": Fault.UNREADABLE}
    shutil.rmtree(weights.parents[1])
    assert find_faults(registry, version) == {".": Fault.MISSING}
