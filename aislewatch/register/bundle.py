"""A registered model's own files and the manifest that proves them.

Layout inside the MLflow model folder: ``model.onnx`` (for any MLflow user) and ``aislewatch/`` with
``weights.safetensors``, ``config.json`` (for our own loader), ``operating.json`` (the alert rule,
with the threshold chosen on validation), where people are shown ``detector.onnx``, which finds
them, ``model_card.md`` and ``data_card.md`` (for people), and
``manifest.json``, which lists the sha256 of every other file in the folder. Nothing is pickled.
"""

import json
from pathlib import Path

from pydantic import ValidationError

from aislewatch.alerts.rule import AlertRule, frozen_rule
from aislewatch.errors import ModelError
from aislewatch.files import sha256_file, write_json
from aislewatch.findings import Fault
from aislewatch.tables import places

GRAPH = Path("model.onnx")
OWN = Path("aislewatch")
MANIFEST = OWN / "manifest.json"
OPERATING = "operating.json"
DETECTOR = "detector.onnx"
CARD = "model_card.md"
DATA_CARD = "data_card.md"

REGISTER_AGAIN = f"run `rm -f {places.REGISTRATION} && dvc repro register`"


def write_manifest(bundle: Path) -> str:
    """Write the digests of all files to ``manifest.json``; return the sha256 of that."""
    digests = {name: sha256_file(bundle / name) for name in _files(bundle)}
    write_json(bundle / MANIFEST, {"sha256": digests})
    return sha256_file(bundle / MANIFEST)


def bundle_faults(bundle: Path, manifest_sha256: str) -> dict[str, Fault]:
    """Name the files that differ by a byte from what was registered; empty if none does.

    Args:
        bundle: the MLflow model folder.
        manifest_sha256: of the manifest, from another place than the bundle.
    """
    manifest = bundle / MANIFEST
    if not manifest.exists():
        return {MANIFEST.as_posix(): Fault.MISSING}
    if sha256_file(manifest) != manifest_sha256:
        return {MANIFEST.as_posix(): Fault.CHANGED}
    wanted = json.loads(manifest.read_text())["sha256"]
    faults = dict.fromkeys(_files(bundle) - set(wanted), Fault.STRAY)
    for name, digest in wanted.items():
        if not (bundle / name).exists():
            faults[name] = Fault.MISSING
        elif sha256_file(bundle / name) != digest:
            faults[name] = Fault.CHANGED
    return dict(sorted(faults.items()))


def verify_manifest(bundle: Path, manifest_sha256: str) -> None:
    """Refuse a bundle whose manifest or any file in it is not byte for byte what was registered.

    Raises:
        ModelError: names the first file that is missing or differs.
    """
    words = {
        Fault.MISSING: "is missing from the registered model",
        Fault.CHANGED: "is not byte for byte what was registered",
    }
    for name, fault in bundle_faults(bundle, manifest_sha256).items():
        if fault in words:
            raise ModelError(f"{bundle / name} {words[fault]}; {REGISTER_AGAIN}")


def read_rule(folder: Path) -> AlertRule:
    """Read the alert rule a registered model was frozen with, from its own part of the bundle.

    Raises:
        ModelError: there is none, or it is corrupt.
    """
    file = folder / OPERATING
    try:
        return frozen_rule(json.loads(file.read_text())["rule"])
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        raise ModelError(f"{file} is missing or corrupt ({error}); register it again") from None


def _files(bundle: Path) -> set[str]:
    names = {f.relative_to(bundle).as_posix() for f in bundle.rglob("*") if not f.is_dir()}
    return names - {MANIFEST.as_posix()}
