from django.db import migrations


def take_out(apps, schema_editor):
    """Secrets were kept in clear once; applying the manifest again makes a key of its own of them."""
    for name in ("SeldonDeployment", "Generation"):
        manager = apps.get_model("deploy", name)._base_manager
        for row in manager.all().iterator():
            if (row.manifest.get("spec") or {}).pop("oauth_secret", None) is not None:
                manager.filter(pk=row.pk).update(manifest=row.manifest)


class Migration(migrations.Migration):

    dependencies = [
        ("deploy", "0001_create_deployments"),
    ]

    operations = [
        migrations.RunPython(take_out, migrations.RunPython.noop),
    ]
