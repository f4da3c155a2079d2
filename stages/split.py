"""Stage split: clips -> train, val and test, by groups of videos that belong together."""

from aislewatch.split.stage import work
from stages.runner import run_stage


def main() -> None:
    """Run the stage."""
    run_stage("split", work)


if __name__ == "__main__":
    main()
