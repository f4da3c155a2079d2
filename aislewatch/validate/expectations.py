"""Evaluates the rules with Great Expectations and publishes its Data Docs.

Great Expectations takes 5 to 10 s to import, so it is imported when a suite runs.
"""

import logging
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from aislewatch.labels.problems import Problem
from aislewatch.tables import places
from aislewatch.validate.datadocs import publish
from aislewatch.validate.rules import Rule, Suite


def check(suites: Sequence[Suite], docs: Path) -> list[Problem]:
    """Run the suites, write their Data Docs to the folder ``docs``, return every failing row.

    A rule that cannot be evaluated (a column is missing) is a failure, as is an empty table.
    """
    # Read while the module is imported: no usage statistics leave this machine.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    # At INFO it reports its own bookkeeping, forty lines a run.
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    with tempfile.TemporaryDirectory(prefix="aislewatch-gx-") as scratch:
        # A fresh context every time: in a kept one each `add` fails on the second run.
        context = gx.get_context(mode="file", project_root_dir=scratch)
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        found = {suite.name: _run(context, suite) for suite in suites}
        context.build_data_docs()
        failed = {name: len({p.rule for p in problems}) for name, problems in found.items()}
        site = Path(scratch) / "gx" / "uncommitted" / "data_docs" / "local_site"
        publish(site, docs, failed)
    return [problem for problems in found.values() for problem in problems]


def _run(context: Any, suite: Suite) -> list[Problem]:
    import great_expectations as gx
    import great_expectations.expectations as gxe

    rules = {rule.name: rule for rule in suite.rules}
    expectations = [
        getattr(gxe, rule.expectation)(**rule.arguments, meta={"rule": rule.name})
        for rule in suite.rules
    ]
    asset = context.data_sources.add_pandas(suite.name).add_dataframe_asset(suite.name)
    definition = gx.ValidationDefinition(
        name=suite.name,
        data=asset.add_batch_definition_whole_dataframe("all rows"),
        suite=context.suites.add(gx.ExpectationSuite(name=suite.name, expectations=expectations)),
    )
    context.validation_definitions.add(definition)
    checkpoint = gx.Checkpoint(
        name=suite.name,
        validation_definitions=[definition],
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": suite.place,
        },
    )
    context.checkpoints.add(checkpoint)
    outcome = checkpoint.run(batch_parameters={"dataframe": suite.table})
    results = [r for run in outcome.run_results.values() for r in run.results if not r.success]
    return [
        problem
        for result in results
        for problem in _explain(suite, rules[result.expectation_config.meta["rule"]], result)
    ]


def _explain(suite: Suite, rule: Rule, result: Any) -> list[Problem]:
    """One problem a failing row, or one for the table where no row is to blame."""
    rows = result.result.get("unexpected_index_list") or []
    if rows:
        return [_blame(row, rule, suite.place) for row in rows]
    seen = result.result.get("observed_value", "it could not be evaluated")
    arguments = ", ".join(f"{name}={value!r}" for name, value in rule.arguments.items())
    fault = f"the table breaks {rule.expectation}({arguments}): {seen}"
    return [Problem(suite.file, None, "", "error", rule.name, fault, rule.remedy)]


def _blame(seen: Mapping[str, Any], rule: Rule, place: Sequence[str]) -> Problem:
    values = ", ".join(f"{name} is {seen[name]}" for name in sorted(set(seen) - set(place)))
    fault = f"{values or 'the row'} fails {rule.expectation}"
    video = str(seen["video"])
    row = seen.get("row")
    file = seen.get("file", f"{places.RAW}/{video}")
    line = None if row is None or pd.isna(row) else int(row)
    return Problem(file, line, video, "error", rule.name, fault, rule.remedy)
