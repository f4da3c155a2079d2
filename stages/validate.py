"""Stage validate: catalog and label files -> annotations, videos, duplicates, a report by row."""

from aislewatch.validate.stage import work
from stages.runner import run_stage


def main() -> None:
    """Run ``python -m stages.validate``, as dvc.yaml does."""
    run_stage("validate", work)


if __name__ == "__main__":
    main()
