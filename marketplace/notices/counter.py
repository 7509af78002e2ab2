"""How many notices a person has not read, without a query for every page that shows it.

PostgreSQL is the truth. The shared memory holds the number for a while; a page shows it only from
there, and the small part of the header that asks again brings it from the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction

from marketplace.accounts.models import User
from marketplace.base.shared import ask
from marketplace.notices.models import Notice

KEEP_S = 60
# Just after a change the number is not kept: who counted before the change comes too late.
UNSETTLED, UNSETTLED_S = -1, 5
# Beyond it the header says "99+".
COUNTED_MOST = 100


def key(user_uid: UUID) -> str:
    return f"unread:{user_uid}"


def known(user_uid: UUID) -> int | None:
    """The number if the shared memory has it. Never a query."""
    number = ask(lambda shared: shared.get(key(user_uid)), None)
    return None if number in (None, UNSETTLED) else number


def count(user: User) -> int:
    """The number, at most COUNTED_MOST, from the shared memory or else the database."""
    number = known(user.uid)
    if number is None:
        unread = Notice.objects.filter(user=user).unread()
        number = len(unread.values_list("pk", flat=True)[:COUNTED_MOST])
        ask(lambda shared: shared.add(key(user.uid), number, KEEP_S), False)
    return number


def forget(user_uids: Iterable[UUID]) -> None:
    """Call where notices are written or read: after the commit the number is counted anew."""
    marks = {key(uid): UNSETTLED for uid in user_uids}
    if marks:
        transaction.on_commit(
            lambda: ask(lambda shared: shared.set_many(marks, UNSETTLED_S), None), robust=True
        )
