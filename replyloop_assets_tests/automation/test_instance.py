import dagster as dg
import pytest

from replyloop_assets.automation.instance import PROCESS_TAG, fail_lost_runs, process_mark


@dg.op
def nothing() -> None:
    """Does nothing."""


@dg.job
def some_job() -> None:
    nothing()


@pytest.mark.parametrize(
    ("tags", "status"),
    [
        pytest.param({PROCESS_TAG: process_mark()}, dg.DagsterRunStatus.STARTED, id="alive"),
        pytest.param({PROCESS_TAG: process_mark() + "9"}, dg.DagsterRunStatus.FAILURE, id="killed"),
        pytest.param({}, dg.DagsterRunStatus.FAILURE, id="of an up that is gone"),
        pytest.param({PROCESS_TAG: "elsewhere:1@2.0"}, dg.DagsterRunStatus.STARTED, id="of another machine"),
    ],
)
def test_a_run_without_a_living_process_is_failed(tags: dict[str, str], status: dg.DagsterRunStatus) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run = instance.create_run_for_job(some_job, status=dg.DagsterRunStatus.STARTED, tags=tags)
        fail_lost_runs(instance)
        found = instance.get_run_by_id(run.run_id)
        assert found is not None
        assert found.status is status
