import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

django_application = get_wsgi_application()

# Settings and models are ready only now.
from django.urls import get_resolver  # noqa: E402

from marketplace.api.short_way import ShortWay  # noqa: E402
from marketplace.base.clock import verify_clock_at_start  # noqa: E402
from marketplace.races.attempts.identity import refuse_identity  # noqa: E402

application = ShortWay(django_application)

verify_clock_at_start()
refuse_identity()

# All views are loaded now, and what stands here stays: no search for garbage comes by it again.
# How often there is one, `config/__init__.py` says.
assert get_resolver().url_patterns
gc.collect()
gc.freeze()
