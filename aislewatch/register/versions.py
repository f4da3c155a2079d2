"""The model registry: versions found by digest, aliases, and the champion's verified files.

Known to MLflow by name and version, to us by digest (`sha256_tree` of weights and config): the
same bytes are never registered twice, and a version is never taken for another.
"""

import math
from dataclasses import dataclass
from pathlib import Path

from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from aislewatch.errors import RegistryError
from aislewatch.recording.client import ABSENT, connect

CHALLENGER = "challenger"
CHAMPION = "champion"

# Seconds to wait until a version's damaged files are replaced: a few MB, which take one or two.
FILES_S = 60.0


@dataclass(frozen=True)
class Registered:
    """One version of the registered model."""

    name: str
    version: str
    digest: str
    manifest: str
    run_id: str

    @property
    def uri(self) -> str:
        """Return its address in MLflow."""
        return f"models:/{self.name}/{self.version}"


class Registry:
    """The versions of one registered model."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.client, self.experiment = connect()

    def find(self, digest: str) -> Registered | None:
        """Return the newest version with these bytes, if any."""
        query = f"name = '{self.name}' and tags.digest = '{digest}'"
        versions = sorted(self.client.search_model_versions(query), key=lambda v: int(v.version))
        return _registered(versions[-1]) if versions else None

    def get(self, number: str) -> Registered:
        """Return a version by its number.

        Raises:
            RegistryError: there is none, or it is not one of ours.
        """
        try:
            found = _registered(self.client.get_model_version(self.name, number))
        except MlflowException as error:
            if error.error_code not in ABSENT:
                raise
            there = ", ".join(version.version for version in self.versions()) or "none"
            raise RegistryError(
                f"{self.name} has no version {number!r}; there are: {there}"
            ) from None
        if not found.manifest:
            raise RegistryError(
                f"version {number} of {self.name} was not registered by Aislewatch; choose one "
                "that `aislewatch models list` shows"
            )
        return found

    def versions(self) -> list[Registered]:
        """List all versions that we registered, oldest first."""
        found = self.client.search_model_versions(f"name = '{self.name}'")
        ours = [_registered(version) for version in found if "manifest" in version.tags]
        return sorted(ours, key=lambda version: int(version.version))

    def model_tags(self) -> dict[str, str]:
        """Read the tags of the registered model as a whole; none if it does not exist yet."""
        try:
            return dict(self.client.get_registered_model(self.name).tags)
        except MlflowException as error:
            if error.error_code in ABSENT:
                return {}
            raise

    def set_model_tag(self, key: str, value: str) -> None:
        """Set a tag of the registered model as a whole."""
        self.client.set_registered_model_tag(self.name, key, value)

    def version_tags(self, version: Registered) -> dict[str, str]:
        """Read the tags of a version."""
        return dict(self.client.get_model_version(self.name, version.version).tags)

    def by_alias(self, alias: str) -> Registered | None:
        """Return the version that carries an alias, if any."""
        try:
            return _registered(self.client.get_model_version_by_alias(self.name, alias))
        except MlflowException as error:
            if error.error_code in ABSENT:
                return None
            raise

    def aliases(self, version: Registered) -> list[str]:
        """List the aliases of a version, sorted."""
        return sorted(self.client.get_model_version(self.name, version.version).aliases)

    def run_seconds(self, run_id: str) -> float:
        """Return how long a run took; NaN for one that stands for a result from DVC's cache."""
        run = self.client.get_run(run_id)
        if run.data.tags.get("origin") == "cache" or run.info.end_time is None:
            return math.nan
        return float(run.info.end_time - run.info.start_time) / 1000

    def add(self, bundle: Path, run_id: str, tags: dict[str, str]) -> Registered:
        """Upload a bundle to the run that trained it and make a version of it.

        Args:
            bundle: an MLflow model folder with our members and manifest.
            run_id: the run whose weights these are.
            tags: of the version; ``digest`` and ``manifest`` are needed.
        """
        folder = artifact_folder(tags["digest"])
        self.client.log_artifacts(run_id, str(bundle), folder)
        try:
            self.client.get_registered_model(self.name)
        except MlflowException as error:
            if error.error_code not in ABSENT:
                raise
            self.client.create_registered_model(self.name)
        source = f"runs:/{run_id}/{folder}"
        made = self.client.create_model_version(self.name, source, run_id=run_id, tags=tags)
        return _registered(made)

    def describe(self, version: Registered, text: str) -> None:
        """Set what MLflow shows above a version."""
        self.client.update_model_version(self.name, version.version, text)

    def set_alias(self, alias: str, version: Registered) -> None:
        """Point an alias at a version."""
        self.client.set_registered_model_alias(self.name, alias, version.version)

    def set_version_tags(self, version: Registered, tags: dict[str, str]) -> None:
        """Set tags on a version."""
        for key, value in tags.items():
            self.client.set_model_version_tag(self.name, version.version, key, value)

    def source(self, version: Registered) -> str:
        """Return the address of its files; ``models:/...`` would bring one more, of MLflow's."""
        return str(self.client.get_model_version_download_uri(self.name, version.version))


def artifact_folder(digest: str) -> str:
    """Name the folder of a version's files among the artefacts of its run."""
    return f"model-{digest[:12]}"


def _registered(version: ModelVersion) -> Registered:
    tags = version.tags
    return Registered(
        name=version.name,
        version=str(version.version),
        digest=tags.get("digest", ""),
        manifest=tags.get("manifest", ""),
        run_id=version.run_id or "",
    )
