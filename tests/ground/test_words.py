"""A function's docstring says what it does: its first word is a verb, not what is returned."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

PACKAGES = ("aislewatch", "stages", "flows")
# First words that make a sentence without a verb: articles, question words, prepositions, numbers,
# pronouns, and the nouns that name a result.
NO_VERBS = frozenset(
    re.findall(
        "[a-z]+",
        """
    a all an and another any as at both by each either every few first for from half how if in its
    it last many more most much neither no none of on one only or other our own some such than that
    the their these they this those to two what when where whether which who whose why with without

    address area batches bytes changes clips commands digest digests entry facts false faults
    features fewest frames gradient gradients group groups hours key largest least line logits
    loss markdown matrices mean means median name names normalised number numbers pairs pictures
    pixels planes points probability rows second seconds seed seeds share shares signature
    similarity stages sum sums tags total value values videos windows
    """,
    )
)
# Both a noun and a verb: a verb unless "of" follows.
EITHER = frozenset(
    {"name", "number", "share", "sum", "total", "points", "group", "line", "value", "key"}
)


Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST, within: str = "") -> Iterator[tuple[str, Function]]:
    """Yield every function and method by its name, but those inside functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from functions(node, f"{within}{node.name}.")
        elif isinstance(node, Function):
            yield f"{within}{node.name}", node
        elif isinstance(node, ast.If | ast.Try | ast.With):
            yield from functions(node, within)


def noun_phrases(source: str) -> list[str]:
    """List the public functions of a module whose docstring does not begin with a verb."""
    return [
        f"{name}: {text.splitlines()[0]}"
        for name, node in functions(ast.parse(source))
        if not node.name.startswith("_") or node.name.endswith("__")
        if (text := ast.get_docstring(node)) is not None
        if not begins_with_verb(text)
    ]


def begins_with_verb(text: str) -> bool:
    """Tell whether a sentence begins with a word that may be a verb in the imperative."""
    begun = re.match(r"([A-Z][a-z]+)(?: ([a-z]+))?\b", text)
    if begun is None:
        return False
    word, following = begun[1].lower(), begun[2]
    return word not in NO_VERBS or (word in EITHER and following != "of")


@pytest.mark.parametrize("package", PACKAGES)
def test_functions_say_what_they_do(package: str) -> None:
    assert not said_otherwise(Path(package).rglob("*.py"))


def test_helpers_of_tests_say_what_they_do() -> None:
    assert not said_otherwise(Path("tests").glob("*.py"))


def said_otherwise(files: Iterable[Path]) -> dict[str, list[str]]:
    """List the noun phrases of each file that has one."""
    return {
        str(path): phrases for path in sorted(files) if (phrases := noun_phrases(path.read_text()))
    }


@pytest.mark.parametrize(
    "text",
    [
        "Whether a file belongs to a stored video.",
        "The version with these bytes.",
        "All of them, in a fixed order.",
        "Logits (B,); their sigmoid is the probability.",
        "Number of versions.",
        "Sum of ``x`` over the processes.",
        "How b lies in a.",
        "(Q,) all there is.",
        "md5 of every file in a folder.",
        "``ClipInput`` in one pass.",
    ],
)
def test_a_noun_phrase_is_seen(text: str) -> None:
    source = Path("aislewatch/findings.py").read_text()
    shown = "Return the shell command that removes files."
    assert shown in source
    [found] = noun_phrases(source.replace(shown, text))
    assert found == f"remove: {text}"


@pytest.mark.parametrize(
    "text",
    ["Name the user of this machine.", "Sum ``x`` over the processes.", "Share footage out."],
)
def test_a_verb_that_is_a_noun_elsewhere_is_let_through(text: str) -> None:
    assert begins_with_verb(text)


def test_a_class_has_its_name_alone() -> None:
    """One name, one thing: whoever reads it need not ask which of two is meant."""
    places: dict[str, list[str]] = {}
    for path in sorted(Path("aislewatch").rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(str(path))
    assert {name: files for name, files in places.items() if len(files) > 1} == {}
