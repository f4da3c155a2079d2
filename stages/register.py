"""Register the model chosen on validation; promote it when it is not worse than the champion."""

from aislewatch.register.stage import work
from stages.runner import run_stage


def main() -> None:
    """Run ``python -m stages.register``, as dvc.yaml does."""
    run_stage("register", work)


if __name__ == "__main__":
    main()
