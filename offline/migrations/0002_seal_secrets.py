"""Seals the secrets in the parameters of runs that are there."""

from typing import Any

from django.db import migrations

import offline.sealing


def seal(apps: Any, _: Any) -> None:
    """Writing a run's parameters seals them."""
    for run in apps.get_model("offline", "JobRun").objects.exclude(parameters={}).iterator():
        run.save(update_fields=["parameters"])


class Migration(migrations.Migration):
    dependencies = [("offline", "0001_create_runs")]

    operations = [
        migrations.AlterField(
            model_name="jobrun",
            name="parameters",
            field=offline.sealing.ParametersField(blank=True, default=dict),
        ),
        migrations.RunPython(seal, migrations.RunPython.noop),
    ]
