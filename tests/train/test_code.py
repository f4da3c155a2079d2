"""Which change of the code makes a new study, a new training: never one of words alone."""

import re
import shutil
from pathlib import Path

import pytest

from aislewatch.train.code import LIBRARY, TRIALS, code_digest


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A copy of the package, to be changed."""
    return Path(shutil.copytree(LIBRARY, tmp_path / "aislewatch"))


# A change that computes otherwise, in code that really stands there.
CHANGES = [
    ("tune/trial.py", "STARTUP_TRIALS = 4", "STARTUP_TRIALS = 5"),
    ("tune/space.py", "log=True", "log=False"),
    ("frames/batches.py", "import numpy as np", "import numpy as np\nnp.seterr(all='ignore')"),
    ("models/convlstm.py", "import torch", "import torch\ntorch.manual_seed(1)"),
    ("train/loop.py", "import torch", "import torch\ntorch.manual_seed(1)"),
]


@pytest.mark.parametrize(("file", "old", "new"), CHANGES, ids=[file for file, *_ in CHANGES])
def test_sampler_space_readers_networks_and_training_count(
    library: Path, file: str, old: str, new: str
) -> None:
    before = code_digest("float32", TRIALS, library)
    source = (library / file).read_text()
    assert old in source
    (library / file).write_text(source.replace(old, new, 1))
    after = code_digest("float32", TRIALS, library)
    assert {name for name in before if before[name] != after[name]} == {file}
    if file.startswith("tune/"):
        assert code_digest("float32", library=library) == code_digest("float32"), "not of trainings"


def test_kernels_count_where_they_compute(library: Path) -> None:
    before = {name: code_digest(name, TRIALS, library) for name in ("float32", "bf16_fused")}
    kernels = library / "train/kernels/recurrence_kernels.py"
    kernels.write_text(kernels.read_text() + "\nBLOCK = 1\n")
    assert code_digest("float32", TRIALS, library) == before["float32"]
    assert code_digest("bf16_fused", TRIALS, library) != before["bf16_fused"]


def test_what_nothing_is_computed_by_does_not_count(library: Path) -> None:
    before = code_digest("bf16_fused", TRIALS, library)
    for file in ("tune/pictures.py", "evaluate/report.py", "frames/stills.py", "console.py"):
        (library / file).write_text("changed = True\n")
    assert code_digest("bf16_fused", TRIALS, library) == before


def test_comments_docstrings_and_blank_lines_do_not_count(library: Path) -> None:
    """In every file at once, the GPU kernels among them."""
    before = code_digest("bf16_fused", TRIALS, library)
    for name in before:
        source = (library / name).read_text()
        changed = re.sub(r'^( *""")(?=\S)', r"\1Anew. ", source, flags=re.MULTILINE)
        changed = changed.replace("# ", "# by the way: ").replace("\n\n", "\n\n  # one more\n")
        compile(changed, name, "exec")
        (library / name).write_text(changed + "# and a last one\n")
    assert code_digest("bf16_fused", TRIALS, library) == before


def test_a_string_with_a_hash_counts(library: Path) -> None:
    file = library / "tune/space.py"
    file.write_text(file.read_text() + 'COLOUR = "# one"\n')
    before = code_digest("float32", TRIALS, library)
    file.write_text(file.read_text().replace("# one", "# two"))
    assert code_digest("float32", TRIALS, library) != before
