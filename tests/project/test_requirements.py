"""pyproject.toml asks for what the code imports; requirements/ pins it and all that it brings."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name as plain

from tests.code_closure import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ASKED = [Requirement(text) for text in PROJECT["dependencies"]]
FOR_DEVELOPERS = [Requirement(text) for text in PROJECT["optional-dependencies"]["dev"]]
SUPPORTED = [
    version
    for version in (f"3.{minor}" for minor in range(30))
    if version in SpecifierSet(PROJECT["requires-python"])
]
PIN_FILES = ("lock.txt", "torch.txt")
# Stated although nothing of ours imports them, and why.
NOT_IMPORTED = {
    "optuna-dashboard": "a command",
    "psycopg2-binary": "SQLAlchemy finds it by an address",
    "fastapi": "a bound on what Prefect brings",
    "onnxscript": "torch imports it",
}
# Imported without being stated, and why.
NOT_STATED = {
    "triton": "comes with the CUDA builds of torch, which alone reach its importers",
    "distributed": "the extra `cluster` states it",
    "boto3": "dvc-s3 of the extra `s3` brings it",
    "botocore": "comes with boto3",
}


def pins() -> list[tuple[str, str]]:
    lines = [line for name in PIN_FILES for line in (ROOT / "requirements" / name).open()]
    bare = [line.split("#")[0].strip() for line in lines]
    return [(plain(line.split("==")[0]), line.split("==")[1]) for line in bare if line]


PINS = dict(pins())


def test_each_pin_stands_in_one_place() -> None:
    names = [name for name, _ in pins()]
    assert len(names) == len(set(names))
    assert not [asked for asked in ASKED + FOR_DEVELOPERS if "==" in str(asked)]


@pytest.mark.parametrize("asked", ASKED + FOR_DEVELOPERS, ids=lambda asked: asked.name)
def test_a_pin_lies_in_the_range(asked: Requirement) -> None:
    assert PINS[plain(asked.name)] in asked.specifier


def test_a_range_begins_with_a_version_that_was_tested() -> None:
    assert not [asked.name for asked in ASKED if ">=" not in str(asked.specifier)]


def test_what_breaks_a_dependency_is_bounded() -> None:
    bounds = {asked.name: asked.specifier for asked in ASKED}
    assert "0.149" not in bounds["fastapi"]
    assert "2.1.0" not in bounds["SQLAlchemy"]


@pytest.mark.parametrize("version", SUPPORTED)
def test_all_that_the_dependencies_bring_is_pinned(version: str) -> None:
    """As the packages installed here tell it, also of another Python's needs: Prefect's differ."""
    missing = sorted(name for name in brought(ASKED + FOR_DEVELOPERS, version) if name not in PINS)
    assert not missing, f"pin these in requirements/lock.txt: {missing}"


def brought(asked: list[Requirement], version: str) -> set[str]:
    """Names of the packages that these need on a version of Python, themselves included."""
    python = {"python_version": version, "python_full_version": f"{version}.0"}
    found: set[tuple[str, str]] = set()
    left = [(plain(one.name), extra) for one in asked for extra in ("", *one.extras)]
    while left:
        name, extra = left.pop()
        if (name, extra) in found:
            continue
        found.add((name, extra))
        try:
            needs = [Requirement(text) for text in requires(name) or []]
        except PackageNotFoundError:
            continue
        for need in needs:
            if need.marker is None or need.marker.evaluate(python | {"extra": extra}):
                left += [(plain(need.name), more) for more in ("", *need.extras)]
    return {name for name, _ in found}


def test_the_code_imports_what_is_stated_and_the_other_way_round() -> None:
    distributions = packages_distributions()
    imported = {
        plain(distribution)
        for module in set(imported_modules()) - sys.stdlib_module_names
        for distribution in distributions.get(module, [module])
    } - {"aislewatch"}
    stated = {plain(asked.name) for asked in ASKED}
    # The same import name comes from several packages: one of them is enough.
    siblings = {"mlflow-skinny", "mlflow-tracing", "ruamel-yaml-clib"}
    assert imported - stated - siblings == set(NOT_STATED)
    assert stated - imported == set(NOT_IMPORTED)


def imported_modules() -> Iterator[str]:
    for folder in ("aislewatch", "stages", "flows"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Import):
                    yield from (name.name.split(".")[0] for name in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    yield node.module.split(".")[0]


def test_the_supported_pythons_are_said_alike_everywhere() -> None:
    said = re.findall(r"Python :: (3\.\d+)$", "\n".join(PROJECT["classifiers"]), re.MULTILINE)
    assert said == SUPPORTED
    [tried] = re.findall(r"^PYTHON \?= (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert tried.split() == [f"python{version}" for version in reversed(said)]
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert tools["mypy"]["python_version"] == said[0]
    assert tools["ruff"]["target-version"] == f"py{said[0].replace('.', '')}"


@pytest.mark.parametrize(
    ("runs", "chosen"),
    [(("3.11", "3.12", "3.13"), "3.13"), (("3.11", "3.12"), "3.12"), (("3.11",), "3.11")],
)
def test_make_takes_the_newest_python_that_runs_and_says_which(
    tmp_path: Path, runs: tuple[str, ...], chosen: str
) -> None:
    """A name that does not run (a shim of pyenv's, Debian without venv) is passed over."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for version in ("3.11", "3.12", "3.13"):
        shim = tmp_path / "shims" / f"python{version}"
        shim.parent.mkdir(exist_ok=True)
        works = f'case "$1" in -V) echo Python {version}.9;; -m) echo {version} > made;; esac'
        shim.write_text("#!/bin/sh\n" + (works if version in runs else "exit 127") + "\n")
        shim.chmod(0o755)
    output = make_python(tmp_path)
    assert output.returncode == 0, output.stderr
    assert output.stdout == f"Python {chosen}.9, found as python{chosen}, makes .venv\n"
    assert (tmp_path / "made").read_text() == f"{chosen}\n"


def test_make_says_what_is_missing_where_no_python_runs(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "shims").mkdir()
    output = make_python(tmp_path)
    assert output.returncode != 0
    assert "python3.13 python3.12 python3.11" in output.stdout
    assert "PYTHON=/path/to/python" in output.stdout


def make_python(folder: Path) -> "subprocess.CompletedProcess[str]":
    """``make .venv/bin/python`` where ``shims`` holds the only Pythons."""
    make = shutil.which("make")
    assert make is not None
    for tool in ("sh", "awk"):
        (folder / "shims" / tool).symlink_to(str(shutil.which(tool)))
    return subprocess.run(
        [make, ".venv/bin/python"],
        cwd=folder,
        env={"PATH": str(folder / "shims")},
        capture_output=True,
        text=True,
        check=False,
    )
