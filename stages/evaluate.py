"""Measure the five models beside the paper's Table 2; choose on validation which is registered."""

from aislewatch.evaluate.stage import work
from stages.runner import run_stage


def main() -> None:
    """Run ``python -m stages.evaluate``, as dvc.yaml does."""
    run_stage("evaluate", work)


if __name__ == "__main__":
    main()
