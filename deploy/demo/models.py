"""The demonstration's two models: trained once, local microservices, half of the visitors each."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from clients.models import Client
from deploy import ports
from deploy.demo.errors import DemoTrainingError
from deploy.demo.tenant import BY
from predictions.errors import MicroserviceMissingError
from predictions.models import Microservice
from predictions.records import LocalProcess, MicroserviceSpec
from predictions.services import get_microservice, register_microservice, update_microservice
from stores.config import get_store

EXAMPLE: Final = Path(__file__).resolve().parents[2] / "examples" / "iris"
VARIATIONS: Final = ("linear", "forest")
STRATEGY_PATH: Final = "/all_clients/demo/predict_algs"
_TRAINING_SECONDS: Final = 300.0


def train_models(folder: Path) -> list[dict[str, Any]]:
    """The 150 rows; trains first where that was not done with the installed scikit-learn."""
    # Files of another version may load with other results, or not at all.
    trained_with = folder / "trained-with"
    installed = version("scikit-learn")
    if not trained_with.exists() or trained_with.read_text() != installed:
        _train(folder)
        trained_with.write_text(installed)
    rows: list[dict[str, Any]] = json.loads((folder / "rows.json").read_text())["rows"]
    return rows


def _train(folder: Path) -> None:
    # A process of its own: scikit-learn would cost the supervisor 100 MB for as long as it runs.
    done = subprocess.run(
        [sys.executable, str(EXAMPLE / "train.py"), str(folder)],
        capture_output=True,
        text=True,
        timeout=_TRAINING_SECONDS,
        check=False,
    )
    if done.returncode:
        raise DemoTrainingError(done.stderr)


def register_models(client: Client, folder: Path) -> None:
    """Register what is missing, and a strategy that sends half of the visitors to each, if there is none."""
    for variation in VARIATIONS:
        _register(client, variation, folder / f"{variation}.joblib")
    store = get_store()
    if store.get(STRATEGY_PATH) is None:
        store.set(STRATEGY_PATH, strategy(), author=BY.actor)


def microservice_name(variation: str) -> str:
    """What the microservice of a variation is called."""
    return f"iris-{variation}"


def strategy() -> dict[str, Any]:
    """The document `predict_algs`."""
    return {
        "variations": [
            {
                "label": variation,
                "ratio": 0.5,
                "config": {"algorithms": [{"microservice": microservice_name(variation)}]},
            }
            for variation in VARIATIONS
        ]
    }


def _register(client: Client, variation: str, file: Path) -> None:
    name, process = microservice_name(variation), _process(variation, file)
    try:
        found = get_microservice(client=client, name=name)
    except MicroserviceMissingError:
        spec = MicroserviceSpec(name, f"http://127.0.0.1:{ports.free_port()}", "seldon", 5.0, 64)
        register_microservice(client=client, spec=spec, process=process, by=BY)
        return
    if _process_of(found) != process:
        # The project or its data were moved.
        update_microservice(microservice=found, spec=found.spec, process=process, by=BY)


def _process(variation: str, file: Path) -> LocalProcess:
    parameters = json.dumps([{"name": "path", "value": str(file), "type": "STRING"}])
    words = ("seldon-microservice", "IrisModel", "--port", "{port}")
    options = ("--model-name", microservice_name(variation), "--parameters", parameters)
    return LocalProcess((*words, *options), str(EXAMPLE))


def _process_of(microservice: Microservice) -> LocalProcess:
    return LocalProcess(tuple(microservice.command), microservice.directory)
