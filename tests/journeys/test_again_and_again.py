"""The changes of a deployment under load, as often as `--times` says: not one call fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings

from tests.deploy.manifested import container, manifest, predictor
from tests.journeys.deployed import Callers, apply, build, run, token_of
from tests.journeys.machines import Installation, Place, new_place

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1800)]

IMAGES = ("company/doubler:0.1", "company/doubler:0.2")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("machine")
    with new_place(folder, str(settings.DATABASE_URL), SELDON_WORKERS="1", RUN_WORKERS="0") as place:
        place.migrate()
        for factor, image in enumerate(IMAGES, 2):
            build(place, image, factor)
        made = Installation(place)
        made.start()
        yield made
        made.forget()


@pytest.fixture(scope="module")
def token(machine: Installation) -> str:
    return token_of(machine.place, machine.url)


@pytest.fixture
def times(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--times"))


def of(image: str, **fields: Any) -> dict[str, Any]:
    return manifest(predictor(containers=[container("classifier", image)], **fields))


def replace(place: Place, turn: int) -> None:
    apply(place, of(IMAGES[(turn + 1) % 2]))


def scale(place: Place, turn: int) -> None:
    for replicas in ("3", "1"):
        run(place, "scale", "iris", "--replicas", replicas)
        run(place, "wait", "iris")


def move_canary(place: Place, turn: int) -> None:
    main = predictor("main", traffic=80, containers=[container("classifier", IMAGES[0])])
    apply(
        place, manifest(main, predictor("next", traffic=20, containers=[container("classifier", IMAGES[1])]))
    )
    run(place, "promote", "iris", "next", "--traffic", "60")
    run(place, "promote", "iris", "next")
    run(place, "wait", "iris")
    apply(place, of(IMAGES[0]))


@pytest.mark.parametrize("change", [replace, scale, move_canary])
def test_no_call_fails_however_often_it_is_changed(
    machine: Installation, token: str, times: int, change: Callable[[Place, int], None]
) -> None:
    place = machine.place
    apply(place, of(IMAGES[0]))
    callers = Callers(machine.url, token)
    with callers.asking():
        for turn in range(times):
            change(place, turn)
    assert callers.failed == {}
    assert callers.total > 100 * times
