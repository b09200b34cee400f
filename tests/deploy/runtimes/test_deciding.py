"""The next step of a deployment: what starts, what gets the traffic, what drains."""

from __future__ import annotations

from collections.abc import Collection

from hypothesis import given
from hypothesis import strategies as st

from deploy.runtimes.local.deciding import Decision, decide, endpoints_of
from deploy.runtimes.local.records import DeploymentPlan, Instance
from tests.deploy.runtimes.planned import instance, plan, unit

OLD, NEW = unit(image="v1"), unit(image="v2")


def step(
    wanted: DeploymentPlan | None,
    served: DeploymentPlan | None,
    instances: Collection[Instance],
    ready: Collection[Instance] = (),
) -> Decision:
    return decide(wanted, served, instances, lambda each: each in ready)


def test_first_generation_is_served_before_it_is_ready_so_that_callers_are_told() -> None:
    wanted = plan(unit(replicas=2))
    done = step(wanted, None, [])
    assert (done.serves, len(done.starts)) == (wanted, 2)


def test_old_one_serves_until_every_new_one_is_ready() -> None:
    wanted, served = plan(unit(image="v2", replicas=2), generation=2), plan(OLD)
    old, first, second = instance(OLD), instance(wanted.units[0], 1), instance(wanted.units[0], 2)
    waiting = step(wanted, served, [old, first, second], [old, first])
    assert (waiting.serves, waiting.drains) == (served, ())
    done = step(wanted, served, [old, first, second], [old, first, second])
    assert (done.serves, done.drains) == (wanted, (old,))


def test_unit_that_did_not_change_keeps_its_process() -> None:
    wanted = plan(OLD, unit("second"), generation=2)
    old = instance(OLD)
    done = step(wanted, plan(OLD), [old], [old])
    assert ([each.key.unit for each in done.starts], done.drains) == (["second"], ())


def test_new_replica_is_called_as_soon_as_it_is_ready() -> None:
    wanted, served = plan(unit(replicas=3), generation=2), plan(unit(replicas=1))
    there = [instance(OLD, slot) for slot in range(3)]
    done = step(wanted, served, there, there[:2])
    assert done.serves is served
    assert len(endpoints_of(served.units[0], done.active, lambda each: each in there[:2])) == 2


def test_scaling_down_drains_those_that_are_not_ready_first() -> None:
    wanted = plan(unit(replicas=1), generation=2)
    there = [instance(OLD, slot) for slot in range(3)]
    done = step(wanted, plan(unit(replicas=3)), there, [there[1], there[2]])
    assert done.drains == (there[0], there[2])


def test_unit_that_cannot_run_leaves_the_old_one_serving() -> None:
    wanted = plan(unit(image="nothing", problem="there is no bundle"), generation=2)
    old = instance(OLD)
    done = step(wanted, plan(OLD), [old], [old])
    assert (done.serves, done.starts, done.drains) == (plan(OLD), (), ())


def test_generation_that_was_overtaken_is_drained() -> None:
    served, wanted = plan(OLD), plan(unit(image="v3"), generation=3)
    old, overtaken = instance(OLD), instance(NEW, 1)
    assert step(wanted, served, [old, overtaken], [old]).drains == (overtaken,)


def test_served_one_whose_process_was_lost_is_started_again() -> None:
    wanted = plan(unit(image="bad", problem="there is no bundle"), generation=2)
    assert step(wanted, plan(OLD), []).starts == (OLD,)


def test_deleted_deployment_drains_all() -> None:
    there = [instance(OLD)]
    done = step(None, plan(OLD), there, there)
    assert (done.serves, done.drains) == (None, tuple(there))


@given(st.lists(st.tuples(st.sampled_from(["v1", "v2", "v3"]), st.booleans()), max_size=6), st.integers(0, 3))
def test_no_step_takes_the_last_endpoint_of_what_is_served(
    there: list[tuple[str, bool]], replicas: int
) -> None:
    wanted, served = plan(unit(image="v2", replicas=replicas + 1), generation=2), plan(OLD)
    all_of = [instance(unit(image=image), slot) for slot, (image, _) in enumerate(there)]
    ready = [each for each, (_, is_ready) in zip(all_of, there, strict=True) if is_ready]
    done = step(wanted, served, all_of, ready)
    assert done.serves is not None
    before = endpoints_of(OLD, all_of, lambda each: each in ready)
    after = endpoints_of(done.serves.units[0], done.active, lambda each: each in ready)
    assert bool(after) or not before
    assert not set(done.active) & set(done.drains)
