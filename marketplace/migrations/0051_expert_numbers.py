from django.db import migrations, models

ONCE = models.UniqueConstraint(
    condition=models.Q(('number', ''), _negated=True), fields=('number',), name='expert_number_once'
)


class Migration(migrations.Migration):
    # The index of the constraint is built beside, so that nobody who writes waits.
    atomic = False

    dependencies = [
        ('marketplace', '0050_expert_pool'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS expert_number_once"
                    " ON marketplace_expert (number) WHERE NOT (number = '')",
                    "DROP INDEX CONCURRENTLY IF EXISTS expert_number_once",
                ),
            ],
            state_operations=[
                migrations.AddConstraint(model_name='expert', constraint=ONCE),
            ],
        ),
    ]
