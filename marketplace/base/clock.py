"""The one clock: `marketplace_now()` in the database.

Its shipped body is `clock_timestamp()`, never the transaction's start. Tests replace the body in
databases of their own; `verify_clock` refuses any other body at start-up.
"""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection, models

log = structlog.get_logger()
SHANGHAI = ZoneInfo("Asia/Shanghai")
SHIPPED_BODY = "SELECT clock_timestamp()"


class MarketplaceNow(models.Func):
    """The clock inside a query: `filter(deadline_at__lte=MarketplaceNow())`."""

    function = "marketplace_now"
    template = "%(function)s()"
    output_field = models.DateTimeField()


class NowOnce(MarketplaceNow):
    """The clock read once by a statement: `filter(deadline_at__lte=NowOnce())` can use an index.

    A volatile call is asked anew for every row. Not where a statement waits for locks: it would
    judge by the time before it waited.
    """

    template = "(SELECT %(function)s())"


def now() -> datetime:
    """The database's time, aware, UTC. Read it after the locks are held."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT marketplace_now()")
        return cursor.fetchone()[0]


def today() -> date:
    return now().astimezone(SHANGHAI).date()


def day_starts_at(day: date) -> datetime:
    """00:00 of a Shanghai day as an instant."""
    return datetime.combine(day, time.min, tzinfo=SHANGHAI)


def day_after(day: date) -> date:
    return day + timedelta(days=1)


def verify_clock_at_start() -> None:
    """For processes that must come up while the database is away: checked where it answers."""
    try:
        verify_clock()
    except OperationalError:
        log.warning("clock.not_verified")


def verify_clock() -> None:
    """Raise ImproperlyConfigured unless the clock's body is the shipped one."""
    if settings.CLOCK_MAY_BE_REPLACED:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'marketplace_now'")
        bodies = [row[0].strip() for row in cursor.fetchall()]
    if bodies != [SHIPPED_BODY]:
        raise ImproperlyConfigured("marketplace_now() is not the shipped clock: run the migrations")
