"""Re-hash all that is kept, and say how to repair what is not as it was: ``aislewatch fsck``."""

import json
from dataclasses import asdict, dataclass

from aislewatch.config.params import load_params
from aislewatch.errors import RegistryError
from aislewatch.findings import Finding
from aislewatch.fsck.hashing import Progress
from aislewatch.fsck.models import check_models
from aislewatch.fsck.outputs import CHECKOUT, PUSH, REMAKE
from aislewatch.fsck.project import check_project


@dataclass(frozen=True)
class Report:
    """Hold what was checked in each place, what is wrong, and what could not be checked.

    ``failed`` is true where something that should answer did not, so that no fault is no comfort.
    """

    places: dict[str, int]
    findings: list[Finding]
    notes: list[str]
    failed: bool = False

    def afterwards(self) -> list[str]:
        """List the commands to run once every finding's own repair is done."""
        commands = {found.then for found in self.findings}
        outputs = sorted(c.removeprefix(CHECKOUT) for c in commands if c.startswith(CHECKOUT))
        checkout = [CHECKOUT + "".join(outputs)] if outputs else []
        return checkout + [command for command in (REMAKE, PUSH) if command in commands]

    def describe(self) -> str:
        """Describe the faults for a person, a line or two each, with commands to be copied."""
        lines = [f"{count:10,}  {place}" for place, count in self.places.items()]
        lines += [f"Not checked: {note}" for note in self.notes]
        for found in self.findings:
            lines += ["", f"{found.fault:10}  {found.path}"]
            if found.repair:
                lines.append(f"{'repair':10}  {found.repair}")
            elif found.then:
                lines.append(f"{'repair':10}  see below: {found.then}")
        if self.afterwards():
            lines += ["", "After these repairs, in this order:"]
            lines += [f"  {command}" for command in [*self.afterwards(), "aislewatch fsck"]]
        return "\n".join([*lines, "", f"{len(self.findings) or 'no'} fault(s)"])

    def as_json(self) -> str:
        """Describe the faults for a program, as JSON."""
        findings = [asdict(found) | {"path": str(found.path)} for found in self.findings]
        return json.dumps(
            {
                "places": self.places,
                "notes": self.notes,
                "findings": findings,
                "afterwards": self.afterwards(),
            },
            indent=2,
        )


def check_all(progress: Progress) -> Report:
    """Check the project in the working folder, and its registered models where MLflow answers.

    Args:
        progress: told (MiB read, MiB in all).
    """
    checked = check_project(progress)
    name = load_params().register_.name
    try:
        versions, faults = check_models(name, outputs_sound=not checked.findings)
    except RegistryError as error:
        note = f"the registered versions of {name}: {error}"
        return Report(checked.places, checked.findings, [*checked.notes, note], failed=True)
    places = checked.places | {f"registered versions of {name}": versions}
    return Report(places, checked.findings + faults, checked.notes)
