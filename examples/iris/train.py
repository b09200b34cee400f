"""Trains two models on the 150 iris flowers that scikit-learn ships, and writes them with the rows as JSON.

python train.py FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import joblib
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

MODELS = {
    "linear": LogisticRegression(max_iter=1000),
    "forest": RandomForestClassifier(n_estimators=50, random_state=7),
}
MEASURES = ("sepal_length", "sepal_width", "petal_length", "petal_width")


def main(folder: Path) -> None:
    """Write `<model>.joblib` for each model, then `rows.json`; its presence means that all is there."""
    iris = load_iris()
    species = [str(name) for name in iris.target_names]
    folder.mkdir(parents=True, exist_ok=True)
    accuracy = {}
    for name, model in MODELS.items():
        accuracy[name] = round(float(cross_val_score(model, iris.data, iris.target, cv=5).mean()), 3)
        joblib.dump(
            {"model": model.fit(iris.data, iris.target), "species": species}, folder / f"{name}.joblib"
        )
    rows = [
        {**dict(zip(MEASURES, measures, strict=True)), "species": species[target]}
        for measures, target in zip(iris.data.tolist(), iris.target.tolist(), strict=True)
    ]
    fresh = folder / "rows.json.tmp"
    fresh.write_text(json.dumps({"accuracy": accuracy, "rows": rows}))
    fresh.replace(folder / "rows.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
