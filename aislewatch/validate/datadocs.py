"""Makes Great Expectations' Data Docs readable without the internet.

The pages load their styles, icons and tables' scripts from half a dozen remote hosts; without them
the index is empty and the rest unstyled. Here scripts and remote files are taken out, one
stylesheet of ours is put in, sections that a script would unfold stand open, and the index, which
only a script could fill, is written anew.
"""

import html
import re
from collections.abc import Mapping
from pathlib import Path

from aislewatch.files import whole_folder
from aislewatch.tables import places

# What can fetch something or needs a script; the static folder (fonts, logos) is left behind.
_REMOVED = re.compile(
    r"<script\b.*?</script>|<style\b.*?</style>|<link\b[^>]*>|<img\b[^>]*>|<footer\b.*?</footer>"
    r"|<button\b.*?</button>",
    re.DOTALL | re.IGNORECASE,
)
# A remaining link to a remote page keeps its text.
_REMOTE_LINK = re.compile(r'<a\b[^>]*href="https?://[^>]*>(.*?)</a>', re.DOTALL | re.IGNORECASE)

_STYLE = """
:root { color-scheme: light; --line: #d8dee4; --soft: #f6f8fa; --good: #1a7f37; --bad: #cf222e; }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2328; margin: 0 auto; max-width: 76rem;
  padding: 1rem 1.5rem 4rem; }
a { color: #0969da; }
h1 { font-size: 1.5rem; } h4 { font-size: 1.25rem; margin: .5rem 0; }
h5 { font-size: 1.05rem; margin: 0; } h6 { font-size: .95rem; margin: .8rem 0 .2rem; }
.h6 { font-weight: 600; }
table { border-collapse: collapse; margin: .4rem 0 .8rem; }
th, td { border: 1px solid var(--line); padding: .3rem .7rem; text-align: left;
  vertical-align: top; }
th { background: var(--soft); }
thead[hidden], .btn-group, .ge-walkthrough-modal, .modal, #ge-cta-footer,
[data-toggle="collapse"], .card:has(.btn-group) { display: none; }
.alert { background: var(--soft); border: 1px solid var(--line); border-radius: 6px;
  padding: .6rem .9rem; margin: 1.2rem 0 .5rem; }
.collapse { display: block; }
.badge, code { background: #eaeef2; border-radius: 4px; padding: 0 .35em;
  font: .9em ui-monospace, monospace; overflow-wrap: anywhere; }
.breadcrumb, .nav { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1rem;
  padding: 0; margin: .3rem 0; }
.card { border: 1px solid var(--line); border-radius: 6px; padding: .4rem .9rem; }
.text-success, .passed { color: var(--good); font-weight: 600; }
.text-danger, .failed { color: var(--bad); font-weight: 600; }
.fas { font-style: normal; }
.fa-check-circle::before { content: "\\2713"; } .fa-times::before { content: "\\2717"; }
td .fa-check-circle::after { content: " succeeded"; } td .fa-times::after { content: " failed"; }
.fa-exclamation-triangle::before { content: "\\26A0 not evaluated"; }
hr { border: 0; margin: .2rem 0; }
"""


def publish(site: Path, target: Path, failed: Mapping[str, int]) -> None:
    """Write the pages of ``site`` to ``target``, readable offline, replacing what was there.

    Args:
        site: a site that Great Expectations built.
        target: the folder to write; its ``index.html`` is where to start.
        failed: for every suite, how many of its rules failed.
    """
    with whole_folder(target) as folder:
        for page in sorted(site.glob("*/**/*.html")):
            copy = folder / page.relative_to(site)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(offline(page.read_text(encoding="utf-8")), encoding="utf-8")
        (folder / "index.html").write_text(_index(folder, failed), encoding="utf-8")


def offline(page: str) -> str:
    """The page without scripts and anything remote, with our stylesheet."""
    page = _REMOTE_LINK.sub(r"\1", _REMOVED.sub("", page))
    return page.replace("</head>", f"<style>{_STYLE}</style></head>", 1)


def _index(folder: Path, failed: Mapping[str, int]) -> str:
    rows = []
    for suite, count in sorted(failed.items()):
        results = sorted((folder / "validations" / suite).rglob("*.html"))
        links = [(page, "rules and failing rows") for page in results]
        links.append((folder / "expectations" / f"{suite}.html", "the rules"))
        cells = ", ".join(
            f'<a href="{html.escape(page.relative_to(folder).as_posix())}">{text}</a>'
            for page, text in links
        )
        state = f'<span class="failed">✗ {count} failed</span>' if count else _PASSED
        rows.append(f"<tr><td>{html.escape(suite)}</td><td>{state}</td><td>{cells}</td></tr>")
    return _PAGE.format(style=_STYLE, report=places.READABLE_VALIDATION, rows="\n".join(rows))


_PASSED = '<span class="passed">✓ all succeeded</span>'
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Aislewatch: data validation</title>
<style>{style}</style></head>
<body><h1>Data validation</h1>
<p>Great Expectations over the tables that the pipeline learns from.
Row by row, with remedies: <code>{report}</code>.</p>
<table><thead><tr><th>Table</th><th>Rules</th><th>Pages</th></tr></thead>
<tbody>
{rows}
</tbody></table></body></html>
"""
