"""The gate's verdict as a page for people."""

import html
from pathlib import Path

from aislewatch.files import whole_folder
from aislewatch.register.promotion import Verdict

# How each gate decides, in a sentence.
GATES = {
    "first": "There was no champion: a stated minimum decides.",
    "same": "The champion has these very weights.",
    "none": "The two cannot be compared.",
    "rolled back": "It was champion and a person took it back: a person decides.",
    "events": "Events and false alarms on whole test videos decide.",
    "auc": "The test footage is too short to judge alarms: ROC-AUC by video decides.",
}


def write_verdict(challenger: str, verdict: Verdict, folder: Path) -> None:
    """Write ``index.html`` into ``folder``: the decision, the reason, every number behind it."""
    outcome = "becomes champion" if verdict.promote else "stays challenger"
    rows = "".join(
        f'<tr><th scope="row">{name.removeprefix("gate.")}</th><td>{value:.6g}</td></tr>'
        for name, value in sorted(verdict.numbers.items())
    )
    table = f"<table><caption>Numbers</caption><tbody>{rows}</tbody></table>" if rows else ""
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>{html.escape(challenger)} {outcome}</title>"
        "<style>body{font:16px/1.55 system-ui,sans-serif;color:#1b1b1b;max-width:60rem;"
        "margin:2rem auto;padding:0 1.5rem}table{border-collapse:collapse}"
        "caption{text-align:left;color:#444}td,th{text-align:left;font-weight:normal;"
        "padding:.25rem 2rem .25rem 0}</style>"
        f"<h1>{html.escape(challenger)} {outcome}</h1>"
        f"<p>{GATES[verdict.gate]}</p><p>{html.escape(verdict.reason)}.</p>{table}</html>\n"
    )
    with whole_folder(folder) as temporary:
        (temporary / "index.html").write_text(page, encoding="utf-8")
