"""Is it really after the deadline? Whoever owns this machine may have set its clock.

Before an opening the opener asks the RFC 3161 authority that stamps the log for a fresh token over
what the key holders signed. The token's time must be after the deadline, and near this machine's.
An authority that does not answer delays an opening by ten minutes, not for good; the opening then
says that no token was to be had.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.conf import settings

from marketplace.base.canonical import stamp
from marketplace.bidding.by_log import Refused, host_time
from marketplace.bidding.confirmations import challenge
from marketplace.bidding.examining import own_folder
from marketplace.bidding.models import Opening, TimeSource
from marketplace.bidding.replay import Announced
from marketplace.ledger.log import stamping
from marketplace.ledger.verify import instant

log = structlog.get_logger()

WAIT = timedelta(minutes=10)
APART = timedelta(minutes=5)
PAUSE = timedelta(seconds=15)


def attest(opening: Opening, told: Announced) -> None:
    """Keep on the opening what its time rests on. Raises Refused.

    Asks anew whenever it is called: what the row says of an earlier token is not believed.
    """
    token, at, source = None, None, TimeSource.HOST
    if stamping.is_on():
        unanswered = Unanswered(opening)
        try:
            unanswered.pause()
            token, at = fresh_token(opening, told)
        except stamping.StampRefused as refused:
            unanswered.wait()
            log.warning("opener.no_time_token", opening=str(opening.uid), reason=str(refused))
            source = TimeSource.NO_TOKEN
        else:
            hold_together(at, told)
            source = TimeSource.AUTHORITY
    opening.time_source, opening.time_token, opening.token_at = source, token, at
    opening.save(update_fields=["time_source", "time_token", "token_at"])


def fresh_token(opening: Opening, told: Announced) -> tuple[bytes, datetime]:
    """(the authority's answer, its time). Raises StampRefused."""
    request = stamping.request_for(attested(opening, told))
    answer = stamping.ask(settings.LOG_TIMESTAMP_URL, request.as_bytes())
    return answer, stamping.token_time(answer, request, attested(opening, told))


def attested(opening: Opening, told: Announced) -> bytes:
    """What the token is over: the opening's challenge at the closing, which the log tells."""
    assert told.closing_size is not None, "the closing is in the log"
    return challenge(
        scenario_uid=opening.scenario.uid,
        stage=opening.stage,
        deadline_at=max(told.deadlines),
        tree_size=told.closing_size,
    )


def hold_together(at: datetime, told: Announced) -> None:
    """Raises Refused: an honest authority that contradicts this machine is not waited out."""
    if at < told.deadline_at:
        raise Refused("deadline_not_reached_by_authority")
    if abs(at - host_time()) > APART:
        raise Refused("clocks_apart")


class Unanswered:
    """Since when an authority was asked in vain, and when last.

    Kept in a file of the opener's own, so that neither a restart nor a row changes it.
    """

    def __init__(self, opening: Opening) -> None:
        self.file = own_folder() / f"asked-{opening.uid}"
        self.now = host_time()
        try:
            since, last = self.file.read_text("ascii").split()
            self.since, self.last = instant(since), instant(last)
        except (OSError, ValueError):
            self.since, self.last = self.now, self.now - PAUSE

    def pause(self) -> None:
        """Raises Refused soon after a question that was not answered: authorities count them."""
        if timedelta() <= self.now - self.last < PAUSE:
            raise Refused("no_time_token")

    def wait(self) -> None:
        """Raises Refused until ten minutes have passed since the first question."""
        self.file.write_text(f"{stamp(self.since)} {stamp(self.now)}\n", "ascii")
        if self.now - self.since < WAIT:
            raise Refused("no_time_token")
