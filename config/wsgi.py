import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

# Settings and models are ready only now.
from marketplace.base.clock import verify_clock_at_start  # noqa: E402

verify_clock_at_start()
