from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # An inbox may be large: the index is made beside its readers and writers.
    atomic = False
    dependencies = [("marketplace", "0009_mail_choices")]
    operations = [
        AddIndexConcurrently(
            model_name="notice",
            index=models.Index(
                fields=["user", "id"], condition=models.Q(("read_at", None)), name="notice_unread"
            ),
        ),
    ]
