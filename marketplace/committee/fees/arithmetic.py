"""A fee follows from the table and the time alone: who won, and what was scored, cannot enter."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

HALF_DAYS_MOST = 60
CENT = Decimal("0.01")


def fee(half_days: int, *, day_cny: Decimal, half_day_percent: Decimal) -> Decimal:
    """So many half days in CNY, half up to cents. Two halves are a whole day at its own rate."""
    whole, half = divmod(half_days, 2)
    owed = day_cny * whole + day_cny * half_day_percent / 100 * half
    return owed.quantize(CENT, ROUND_HALF_UP)
