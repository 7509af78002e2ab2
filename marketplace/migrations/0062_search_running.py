from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # One entry for each posted demand: the index is made beside the board's readers.
    atomic = False
    dependencies = [("marketplace", "0061_attempts")]
    operations = [
        AddIndexConcurrently(
            model_name="searchentry",
            index=models.Index(
                fields=["deadline_at", "-scenario"],
                include=["facts"],
                condition=models.Q(("facts__contains", [-11])),
                name="search_running",
            ),
        ),
    ]
