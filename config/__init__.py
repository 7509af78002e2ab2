import gc

from config.celery import app as celery_app

__all__ = ["celery_app"]

# What a program loads stays. Looking through it for garbage after every 700 new objects, as Python
# does, costs a fifth of each start and a sixth of each request.
gc.set_threshold(50_000, 20, 20)
