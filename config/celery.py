"""The Celery application. Tasks are the catalogue in `marketplace/tasks.py`."""

import logging.config
import os

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("jiebang")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logs(**_: object) -> None:
    """Celery would put lines of its own shape into the log."""
    from django.conf import settings  # noqa: PLC0415 - not before Django is asked for

    logging.config.dictConfig(settings.LOGGING)
