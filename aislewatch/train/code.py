"""Tells code that may change a result from what cannot: comments, and kernels that do not run."""

import ast
import hashlib
import io
import tokenize
from collections.abc import Sequence
from pathlib import Path

from aislewatch.config.learning import Precision

LIBRARY = Path(__file__).parents[1]
# What every training runs through: networks, steps, and the readers of frames.
TRAINING = (
    "models/*.py",
    "train/*.py",
    "frames/batches.py",
    "frames/store.py",
    "train/kernels/precision.py",
)
# What only trainings in bf16_fused run through.
KERNELS = ("train/kernels/*.py",)
# What decides the settings of a trial: sampler, pruner and space.
TRIALS = ("tune/trial.py", "tune/space.py")


def code_digest(
    precision: Precision, also: Sequence[str] = (), library: Path = LIBRARY
) -> dict[str, str]:
    """Hash each file of ours that can change the result of a training; the same on every Python.

    Args:
        precision: of the training; only ``bf16_fused`` runs our kernels.
        also: patterns of further files, relative to the library.
        library: the folder of the package.

    Returns:
        sha256 in hex by relative path.
    """
    patterns = (*TRAINING, *also, *(KERNELS if precision == "bf16_fused" else ()))
    files = sorted({file for pattern in patterns for file in library.glob(pattern)})
    return {
        file.relative_to(library).as_posix(): hashlib.sha256(_meant(file).encode()).hexdigest()
        for file in files
    }


def _meant(file: Path) -> str:
    """Strip a module of comments, docstrings and blank lines.

    By their places in the source: the tree itself is printed otherwise by each version of Python.
    """
    source = file.read_text()
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and ast.get_docstring(node, clean=False) is not None:
                assert first.end_lineno is not None
                lines[first.lineno - 1 : first.end_lineno] = [""] * (
                    first.end_lineno - first.lineno + 1
                )
    return "\n".join(line.rstrip() for line in lines if line.strip())
