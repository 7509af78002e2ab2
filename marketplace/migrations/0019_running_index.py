from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # An index is built, and dropped, beside those who write.
    atomic = False

    dependencies = [
        ('marketplace', '0018_factor_resets'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='scenario',
            index=models.Index(condition=models.Q(('state', 'published')), fields=['deadline_at', '-id'], name='scenario_running'),
        ),
        RemoveIndexConcurrently(model_name='scenario', name='scenario_closing'),
    ]
