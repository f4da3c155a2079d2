"""Which files of this project a stage imports, directly or not; read from the source."""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("aislewatch", "stages", "flows")


def imported_files(entry: Path) -> set[str]:
    """List every non-empty file of ours that ``entry`` imports, and itself, from the root."""
    todo, seen = [entry], set()
    while todo:
        file = todo.pop()
        if file in seen:
            continue
        seen.add(file)
        todo += [found for name in _imported_names(file) for found in _files_of(name)]
    kept = {file for file in seen if file.read_text().strip()}
    data = {found for file in kept for found in _package_data(file)}
    return {file.relative_to(ROOT).as_posix() for file in kept | data}


def _imported_names(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] in PACKAGES}


def _files_of(name: str) -> list[Path]:
    parts = name.split(".")
    found = []
    for end in range(1, len(parts) + 1):
        base = ROOT.joinpath(*parts[:end])
        found += [path for path in (base / "__init__.py", base.with_suffix(".py")) if path.exists()]
    return found


def _package_data(file: Path) -> list[Path]:
    """List the templates below a module's folder that it names."""
    text = file.read_text()
    return [path for path in file.parent.rglob("*.j2") if path.name in text]
