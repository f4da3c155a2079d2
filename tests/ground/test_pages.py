"""Markdown inside pages: names stay names, HTML stays text."""

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from aislewatch.pages import as_html, escape_markdown

# What a folder, and so a camera, may be called.
NAMES = st.text("abc_ -|*`[]<>\\!&;", min_size=1).map(lambda text: f"x{text}x")


@given(NAMES)
def test_any_name_is_one_cell_of_a_table_and_reads_as_it_is(name: str) -> None:
    table = f"| camera | videos |\n|---|---|\n| {escape_markdown(name)} | 3 |\n"
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    inline = [token for token in reader.parse(table) if token.type == "inline"]
    assert len(inline) == 4
    shown = "".join(part.content for part in inline[2].children or [])
    assert shown == name


def test_headings_go_below_and_html_is_shown() -> None:
    page = as_html("# Card\n\n## Use\n\n<script>x</script>\n", below=2)
    assert "<h3>Card</h3>" in page
    assert "<h4>Use</h4>" in page
    assert "&lt;script&gt;" in page
