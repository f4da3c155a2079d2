"""Brings a detector's weights into ``data/detector``: fetched from a pinned address, or by hand."""

import hashlib
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http.client import HTTPException
from pathlib import Path

from aislewatch.errors import ModelError
from aislewatch.files import HASH_BLOCK, sha256_file, whole_file, write_json
from aislewatch.people.network import read_yolox

# Seconds without a byte after which a server counts as dead, and that a file may take in all.
SILENCE_S, ALL_S = 30.0, 900.0

UNSTATED = "not stated by who added it"


@dataclass(frozen=True)
class Source:
    """Where a file of weights comes from.

    Args:
        address: of the file.
        sha256: of its content.
        size: bytes of its content.
        licence: under which it is given.
    """

    address: str
    sha256: str
    size: int
    licence: str


_MEGVII = (
    "Apache-2.0 (https://www.apache.org/licenses/LICENSE-2.0); copyright Megvii Inc., "
    "https://github.com/Megvii-BaseDetection/YOLOX; trained on COCO"
)

# YOLOX-nano: the export that docs/benchmarks.md was measured with; and the official release, the
# same network, should the first address be gone.
NANO = "yolox_nano.onnx"
SOURCES = (
    Source(
        "https://github.com/Kazuhito00/YOLOX-ONNX-TFLite-Sample/raw/3d4f1119/model/yolox_nano.onnx",
        "695e750a5d5754bb5a8d5325643b59282191a7e7a564e435a415fd3c578eab14",
        3_660_092,
        _MEGVII,
    ),
    Source(
        "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/yolox_nano.onnx",
        "c789161ed43c8269fcd4e67c67eeeb4e80c622da2eb296a20bc6007bd18a0b7d",
        3_659_407,
        _MEGVII,
    ),
)


# The text of the licence under which all of SOURCES are given; who passes the weights on must add
# it (its section 4).
LICENCE = Path(__file__).parent / "static/apache-2.0.txt"


def origin_of(weights: Path) -> Path:
    """Return the file, beside weights, that says whence they came."""
    return weights.with_suffix(".origin.json")


def licence_of(weights: Path) -> Path:
    """Return the file, beside weights that were fetched, with the text of their licence."""
    return weights.with_suffix(".LICENSE")


def fetch(folder: Path, sources: Sequence[Source] = SOURCES) -> tuple[Path, str]:
    """Bring the weights from the first source that has them, byte for byte as expected.

    Args:
        folder: gets the file; one that is there, as a source has it, is left alone.
        sources: to be tried in order.

    Returns:
        The file, and the address that it came from.

    Raises:
        ModelError: no source gave it, or another file of its name is there; what was there stays.
    """
    target = folder / NANO
    known = {source.sha256: source for source in sources}
    if target.exists():
        source = known.get(sha256_file(target))
        if source is None:
            raise ModelError(
                f"{target} is there, and is not what would be fetched; it stays as it is. Rename "
                "or remove it first"
            )
        return _fetched(target, source)
    faults = []
    for source in sources:
        try:
            _download(source, target)
        except (OSError, HTTPException, ValueError) as error:
            faults.append(f"  {source.address}: {_words(error)}")
        else:
            return _fetched(target, source)
    raise ModelError(
        f"{NANO} could not be fetched:\n"
        + "\n".join(faults)
        + "\nNothing was kept. Try again later, or bring a file of the YOLOX family by hand: "
        "aislewatch pretrained add FILE"
    )


def add(file: Path, folder: Path, licence: str = UNSTATED) -> Path:
    """Copy a file of the YOLOX family, which was brought by hand, into ``folder``.

    Raises:
        ModelError: it cannot be used, or another file of its name is there already.
    """
    if file.suffix != ".onnx":
        raise ModelError(f"{file} is not named *.onnx; export the detector as ONNX")
    read_yolox(file)
    source = Source("brought by hand", sha256_file(file), file.stat().st_size, licence)
    target = folder / file.name
    if target.exists() and sha256_file(target) != source.sha256:
        raise ModelError(f"{target} is there with another content; rename one of the two")
    with whole_file(target) as temporary:
        temporary.write_bytes(file.read_bytes())
    _state(target, source)
    return target


def _download(source: Source, target: Path) -> None:
    """Write a source's file, whole and right or not at all.

    Raises:
        OSError, HTTPException: the server does not give it.
        ValueError: what it gave is not the file.
    """
    digest, size = hashlib.sha256(), 0
    deadline = time.monotonic() + ALL_S
    with (
        urllib.request.urlopen(source.address, timeout=SILENCE_S) as answer,
        whole_file(target) as temporary,
        temporary.open("wb") as file,
    ):
        while block := answer.read(HASH_BLOCK):
            size += len(block)
            if size > source.size:
                raise ValueError(f"it is longer than the expected {source.size} bytes")
            if time.monotonic() > deadline:
                raise ValueError(f"it took longer than {ALL_S:g} s")
            digest.update(block)
            file.write(block)
        if size < source.size:
            raise ValueError(f"it ended after {size} of {source.size} bytes")
        if digest.hexdigest() != source.sha256:
            raise ValueError(
                f"its sha256 is {digest.hexdigest()}, not {source.sha256}: it is another file"
            )


def _words(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answers {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return f"the server cannot be reached ({error.reason})"
    return str(error) or type(error).__name__


def _fetched(weights: Path, source: Source) -> tuple[Path, str]:
    _state(weights, source)
    with whole_file(licence_of(weights)) as temporary:
        temporary.write_bytes(LICENCE.read_bytes())
    return weights, source.address


def _state(weights: Path, source: Source) -> None:
    """Write whence weights came, and their licence; nothing in it varies from time to time."""
    write_json(origin_of(weights), asdict(source))
