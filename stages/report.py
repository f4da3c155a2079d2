"""Stage report: the page for people, its pictures, and the tables of `dvc plots`."""

from aislewatch.report.stage import work
from stages.runner import run_stage


def main() -> None:
    """Run the stage."""
    run_stage("report", work)


if __name__ == "__main__":
    main()
