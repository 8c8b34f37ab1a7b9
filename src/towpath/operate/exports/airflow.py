"""A pipeline as a DAG of Apache Airflow 3."""

from __future__ import annotations

import pprint
from typing import TYPE_CHECKING, Any

from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from towpath.operate.exports.parameters import PipelineExport

_DAG = '''"""The pipeline {pipeline!r} of the Towpath project {project!r}, as Airflow starts it.

Written by `towpath export airflow`; write it again rather than change it. One task follows the whole run: what
its steps are is decided while it goes on, and steps that have finished are never done again, so a retry goes on
where the last attempt ended.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param

with DAG(
    dag_id={dag_id!r},
    schedule={cron!r},
    start_date=datetime(2024, 1, 1, tzinfo=ZoneInfo({tz!r})),
    catchup=False,
    max_active_runs=1,
    params={params},
    tags=["towpath", {project!r}],
) as dag:
    BashOperator(
        task_id="run",
        # Values travel as environment variables, so the shell never reads them as program.
        bash_command={command!r},
        env={env},
        append_env=True,
        retries=2,
        retry_delay=timedelta(minutes=5),
        do_xcom_push=True,  # the last line: the run as JSON
    )
'''
_BUDGET_OR_GATE = "code=$?; case $code in 3|4) exit 99;; *) exit $code;; esac"


def airflow_dag(export: PipelineExport) -> str:
    """Return the file of the DAG.

    The task runs `towpath run` in the project's folder, on a worker of Airflow that has Towpath and reaches
    the home. A refusal by a gate or a budget is no failure that a retry could mend: such a run is skipped,
    with what was found in the task's log. A scheduled run is planned for the moment that it is due.

    Raises:
        UsageError: It runs by itself, and a parameter has neither a default nor a value.
    """
    values = dict(export.values)
    lacking = [one.name for one in export.parameters if values.get(one.name, one.default) is None]
    if export.cron is not None and lacking:
        raise UsageError(
            f"the schedule of {export.pipeline!r} says nothing of the parameter {lacking[0]!r}",
            remedy="Give it a default, or a value in the schedule's params.",
        )
    params: dict[str, Any] = {}
    env: dict[str, str] = {}
    command = ["towpath", "run", export.pipeline, "--json", "--directory", '"$TOWPATH_PROJECT"']
    env["TOWPATH_PROJECT"] = export.folder
    for one in export.parameters:
        params[one.name] = _Param(one.kind, values.get(one.name, one.default))
        variable = f"PARAM_{one.name.upper()}"
        env[variable] = "{{ params." + one.name + " }}"
        command.append(f'--param "{one.name}=${variable}"')
    if export.cron is not None:
        env["RUN_AT"] = "{{ dag_run.run_after.isoformat() }}"
        command.append('--at "$RUN_AT"')
    # Airflow would take a command that ends in `.sh` for a file; this one ends in `esac`.
    return _DAG.format(
        project=export.project,
        pipeline=export.pipeline,
        dag_id=f"{export.project}.{export.pipeline}",
        cron=export.cron,
        tz=export.tz,
        params=_indented(params),
        env=_indented(env, 8),
        command=f"{' '.join(command)} || {{ {_BUDGET_OR_GATE}; }}",
    )


class _Param:
    """Prints as the `Param` that a DAG file makes."""

    def __init__(self, kind: str, default: object) -> None:
        self._given = (f"{default!r}, " if default is not None else "") + f"type={kind!r}"

    def __repr__(self) -> str:
        return f"Param({self._given})"


def _indented(value: dict[str, Any], by: int = 4) -> str:
    text = pprint.pformat(value, width=80, sort_dicts=False)
    return text.replace("\n", "\n" + " " * by)
