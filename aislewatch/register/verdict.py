"""Draws the gate's verdict as a page for people."""

from pathlib import Path

from aislewatch.files import whole_folder
from aislewatch.pages import templates
from aislewatch.register.decision import GateName, Verdict

# How each gate decides, in a sentence.
GATES: dict[GateName, str] = {
    "first": "There was no champion: a stated minimum decides.",
    "same": "The champion has these very weights.",
    "none": "The two cannot be compared.",
    "rolled back": "It was champion and a person took it back: a person decides.",
    "declined": "People were asked and did not want it: a person decides.",
    "alert share": "Its alerts last too long: no model may disturb so much of normal footage.",
    "events": "Events and false alarms on whole test videos decide.",
    "auc": "The test footage is too short to judge alarms: ROC-AUC decides.",
}


def write_verdict(challenger: str, verdict: Verdict, folder: Path) -> None:
    """Write ``index.html`` into ``folder``: the decision, the reason, every number behind it."""
    outcome = "becomes champion" if verdict.promote else "stays challenger"
    page = templates("aislewatch.register").get_template("verdict.html.j2")
    with whole_folder(folder) as temporary:
        (temporary / "index.html").write_text(
            page.render(title=f"{challenger} {outcome}", gate=GATES[verdict.gate], verdict=verdict),
            encoding="utf-8",
        )
