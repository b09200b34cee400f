"""Creates the tables of configuration documents and their history."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="ConfigDocument",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("path", models.CharField(max_length=255, unique=True)),
                ("text", models.TextField(null=True)),
                ("version", models.PositiveIntegerField()),
                ("author", models.CharField(max_length=200)),
                ("updated_at", models.DateTimeField()),
            ],
            options={"verbose_name": "configuration document", "ordering": ["path"]},
        ),
        migrations.CreateModel(
            name="ConfigVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("path", models.CharField(max_length=255)),
                ("version", models.PositiveIntegerField()),
                ("text", models.TextField(null=True)),
                ("author", models.CharField(max_length=200)),
                ("at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "version of a configuration document",
                "constraints": [
                    models.UniqueConstraint(fields=("path", "version"), name="config_version_once_per_path")
                ],
            },
        ),
    ]
