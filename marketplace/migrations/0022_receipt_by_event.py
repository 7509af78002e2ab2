from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Receipts go on being issued while the index is made.
    atomic = False
    dependencies = [("marketplace", "0021_transparency_log")]
    operations = [
        AddIndexConcurrently(
            model_name="receipt",
            index=models.Index(fields=["event_id"], name="receipt_by_event"),
        ),
    ]
