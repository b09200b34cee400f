"""Jobs by name, and the check of their parameters."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import pytest

from offline.errors import JobParametersError, JobUnknownError
from offline.jobs import JOBS, load_job
from offline.jobs.base import no_parameters, parameters_as


class Form(msgspec.Struct):
    """Parameters of a made-up job."""

    engine: str = "local"
    days: Annotated[int, msgspec.Meta(ge=1)] = 3
    kinds: list[str] = []


check = parameters_as(Form)


def test_every_job_is_found_under_its_own_name() -> None:
    assert [name for name in JOBS if load_job(name).name != name] == []


def test_unknown_job_is_told_with_those_that_are_known() -> None:
    with pytest.raises(JobUnknownError, match="no job 'split_evnts'"):
        load_job("split_evnts")


def test_what_is_left_out_of_the_parameters_is_filled_in() -> None:
    assert check({"days": 7}) == {"engine": "local", "days": 7, "kinds": []}


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"days": "7"}, "/parameters/days"),
        ({"days": 0}, "/parameters/days"),
        ({"kinds": ["a", 2]}, "/parameters/kinds"),
        ({"enigne": "local"}, "/parameters/enigne"),
    ],
)
def test_parameter_that_cannot_be_used_is_named(given: dict[str, Any], place: str) -> None:
    with pytest.raises(JobParametersError) as caught:
        check(given)
    assert caught.value.data["place"].startswith(place)


def test_job_without_parameters_takes_none() -> None:
    assert no_parameters({}) == {}
    with pytest.raises(JobParametersError, match="/days"):
        no_parameters({"days": 1})
