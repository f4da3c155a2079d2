"""The sandbox's target: the two passes over a video."""

from typing import Any

from aislewatch.people.cutting import cut
from aislewatch.people.watching import watch

JOB = "aislewatch.people.jobs:people_job"


def people_job(request: dict[str, Any]) -> dict[str, Any]:
    """Do the pass that the request names, ``watch`` or ``cut``."""
    return watch(request) if request["pass"] == "watch" else cut(request)
