from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('clients', '0002_count_predictions'),
    ]

    operations = [
        migrations.AddField(
            model_name='consumerkey',
            name='deployment',
            field=models.CharField(blank=True, default='', editable=False, max_length=253),
        ),
        migrations.AddField(
            model_name='consumerkey',
            name='oauth_key',
            field=models.CharField(blank=True, db_index=True, default='', editable=False, max_length=200),
        ),
    ]
