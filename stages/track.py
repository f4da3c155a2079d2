"""Stage track: raw footage and catalog -> people's squares, their features, and two tables."""

from aislewatch.people.stage import work
from stages.runner import run_stage


def main() -> None:
    """Run ``python -m stages.track``, as dvc.yaml does."""
    run_stage("track", work)


if __name__ == "__main__":
    main()
