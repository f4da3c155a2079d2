"""Pages and cards from templates: jinja2 and Markdown set up in one place."""

import re

import jinja2
from markdown_it import MarkdownIt


def templates(package: str) -> jinja2.Environment:
    """Open the folder ``templates`` of a package; HTML is escaped, an undefined name raises."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader(package, "templates"),
        autoescape=jinja2.select_autoescape(["html.j2"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["escape_markdown"] = escape_markdown
    return made


def escape_markdown(text: str) -> str:
    """Escape a name for Markdown, so that it shows as it is; ``cam_1`` needs no escape."""
    return re.sub(r"([\\`*\[\]<|&]|(?<![^\W_])_|_(?![^\W_]))", r"\\\1", text)


def as_html(markdown: str, below: int) -> str:
    """Convert Markdown with tables to HTML; HTML inside it is shown, not obeyed.

    Args:
        markdown: the text.
        below: levels by which headings are lowered, to stand inside a page.
    """
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(markdown)
    for token in tokens:
        if token.type.startswith("heading"):
            token.tag = f"h{int(token.tag[1:]) + below}"
    return str(reader.renderer.render(tokens, reader.options, {}))
