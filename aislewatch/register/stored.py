"""Fetches a version's files from MLflow, checks them against their manifest, replaces them."""

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from aislewatch.errors import ModelError, RegistryError
from aislewatch.findings import Fault
from aislewatch.recording.address import refusal, shown_uri, tracking_uri, without_password
from aislewatch.recording.client import sole_user
from aislewatch.register.bundle import OWN, REGISTER_AGAIN, bundle_faults, verify_manifest
from aislewatch.register.versions import CHAMPION, Registered, Registry, artifact_folder

# Seconds to wait until a version's damaged files are replaced: a few MB, which take one or two.
PATIENCE_S = 60.0


@contextmanager
def fetched(registry: Registry, version: Registered) -> Iterator[Path]:
    """Download a version and yield our own part of it, every byte checked by its manifest.

    The folder belongs to the caller alone and is gone afterwards: nobody can replace in it what was
    checked before it is loaded.

    Raises:
        ModelError: a file is missing or differs from what was registered.
    """
    with tempfile.TemporaryDirectory(prefix="aislewatch-") as scratch:
        bundle, manifest = _download(registry, version, Path(scratch))
        verify_manifest(bundle, manifest)
        yield bundle / OWN


@contextmanager
def champion(name: str) -> Iterator[tuple[Registered, Path]]:
    """Yield the champion's version and its verified files (weights.safetensors, config.json).

    Raises:
        RegistryError: no champion yet.
        ModelError: its bytes are not those that were registered.
    """
    registry = Registry(name)
    version = registry.by_alias(CHAMPION)
    if version is None:
        raise RegistryError(
            f"the registry at {shown_uri()} has no champion of {name!r} yet; "
            "run `dvc repro` (or `make demo`) to train and register one"
        )
    with fetched(registry, version) as own:
        yield version, own


def find_faults(registry: Registry, version: Registered) -> dict[str, Fault]:
    """Find which of a version's files are not as they were registered; ``.`` means all of them.

    ``.`` is missing where the store has no file of it, unreadable where it cannot be fetched.
    """
    with tempfile.TemporaryDirectory(prefix="aislewatch-") as scratch:
        try:
            bundle, manifest = _download(registry, version, Path(scratch))
        except ModelError:
            return {".": Fault.MISSING if _has_no_file(registry, version) else Fault.UNREADABLE}
        return bundle_faults(bundle, manifest)


def restore(registry: Registry, version: Registered, bundle: Path, manifest: str) -> None:
    """Replace a version's damaged files by a bundle of the same weights."""
    with _alone_with_files(registry):
        repository = get_artifact_repository(registry.source(version))
        repository.delete_artifacts()  # type: ignore[no-untyped-call]
        folder = artifact_folder(version.digest)
        registry.client.log_artifacts(version.run_id, str(bundle), folder)
        registry.set_version_tags(version, {"manifest": manifest})


def _download(registry: Registry, version: Registered, folder: Path) -> tuple[Path, str]:
    """Copy a version's files; return them and the sha256 of the manifest that belongs to them."""
    with _alone_with_files(registry):
        try:
            got = mlflow.artifacts.download_artifacts(
                registry.source(version), dst_path=str(folder), tracking_uri=tracking_uri()
            )
        except (MlflowException, OSError) as error:
            said = without_password(str(error))
            words = f"the files of {version.uri} cannot be fetched: {said}; {REGISTER_AGAIN}"
            raise ModelError(words) from error
        return Path(got), registry.get(version.version).manifest


def place(registry: Registry, version: Registered) -> str:
    """Return the address of a version's files: a folder of the artefacts of its run.

    Raises:
        RegistryError: MLflow does not answer, or the run was deleted for good.
    """
    source = registry.source(version)
    if not source.startswith("runs:/"):
        return source
    run_id, _, path = source.removeprefix("runs:/").partition("/")
    try:
        root = registry.client.get_run(run_id).info.artifact_uri
    except MlflowException as error:
        raise refusal(error) from error
    return f"{root}/{path}"


def _has_no_file(registry: Registry, version: Registered) -> bool:
    try:
        address = place(registry, version)
        parts = urlsplit(address)
        if parts.scheme in ("", "file"):
            # MLflow lists nothing where it may not look, too.
            Path(unquote(parts.path)).stat()
        return not get_artifact_repository(address).list_artifacts()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (MlflowException, RegistryError, OSError):
        return False


def _alone_with_files(registry: Registry) -> AbstractContextManager[None]:
    """Keep those who read a version's files apart from those who replace them."""
    return sole_user(f"files of {registry.name}", patience_s=PATIENCE_S)
