"""Stage segment: labelled videos -> clips."""

from aislewatch.segment.stage import work
from stages.runner import run_stage


def main() -> None:
    """Run ``python -m stages.segment``, as dvc.yaml does."""
    run_stage("segment", work)


if __name__ == "__main__":
    main()
