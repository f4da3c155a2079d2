"""A registered model's own files and the manifest that proves them.

Layout inside the MLflow model folder: ``model.onnx`` (for any MLflow user) and ``aislewatch/`` with
``weights.safetensors``, ``config.json`` (for our own loader) and ``manifest.json``, which lists the
sha256 of all three. Nothing is pickled.
"""

import json
from pathlib import Path

from aislewatch.errors import ModelError
from aislewatch.files import sha256_file, write_json

OWN = Path("aislewatch")
MANIFEST = OWN / "manifest.json"
MEMBERS = (Path("model.onnx"), OWN / "weights.safetensors", OWN / "config.json")


def write_manifest(bundle: Path) -> str:
    """List the members' digests in ``manifest.json``; the manifest's own sha256."""
    digests = {member.as_posix(): sha256_file(bundle / member) for member in MEMBERS}
    write_json(bundle / MANIFEST, {"sha256": digests})
    return sha256_file(bundle / MANIFEST)


def verify_manifest(bundle: Path, manifest_sha256: str) -> None:
    """Refuse a bundle whose manifest or any member is not byte for byte what was registered.

    Raises:
        ModelError: names the file that is missing or differs.
    """
    remedy = "register the model again (remove registration.json, then dvc repro register)"
    manifest = bundle / MANIFEST
    if not manifest.exists() or sha256_file(manifest) != manifest_sha256:
        raise ModelError(f"{manifest} is not the one that was registered; {remedy}")
    for name, expected in json.loads(manifest.read_text())["sha256"].items():
        file = bundle / name
        if not file.exists():
            raise ModelError(f"{file} is missing from the registered model; {remedy}")
        if sha256_file(file) != expected:
            raise ModelError(f"{file} is not byte for byte what was registered; {remedy}")
