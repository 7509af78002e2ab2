from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # An index is built beside those who write.
    atomic = False

    dependencies = [
        ('marketplace', '0015_board_tally'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='scenario',
            index=models.Index(condition=models.Q(('state__in', ['draft', 'submitted', 'demonstrating', 'returned', 'rejected', 'demonstrated', 'published']), _negated=True), fields=['-deadline_at', '-id'], name='scenario_past'),
        ),
        AddIndexConcurrently(
            model_name='scenario',
            index=models.Index(condition=models.Q(('state__in', ['draft', 'submitted', 'demonstrating', 'returned', 'rejected', 'demonstrated']), _negated=True), fields=['-budget_cny', '-id'], name='scenario_by_budget'),
        ),
    ]
