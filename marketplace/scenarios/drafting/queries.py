"""What stands between a draft and a good demand: faults and quality of one text, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from marketplace.accounts.models import Organisation
from marketplace.base.clock import SHANGHAI
from marketplace.scenarios import checks
from marketplace.scenarios.calendar import MissingYear, is_working_day
from marketplace.scenarios.content import Content, Fault, read
from marketplace.scenarios.disclosure.guards import naming
from marketplace.scenarios.drafting.names import bidders_named
from marketplace.scenarios.drafting.neutral import texts_of
from marketplace.scenarios.drafting.quality import CRITERIA_MOST, Quality, Room, assess
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.queries import known_codes, newest_profile, stored_content
from marketplace.scenarios.reference import RuleProfile
from marketplace.scenarios.windows import CalendarMissing, official_years, window_end


@dataclass(frozen=True)
class Judgement:
    """faults: what stands between it and its submission. quality: what would make it better."""

    content: Content
    faults: list[Fault]
    quality: Quality


def judge_stored(scenario: Scenario, now: datetime) -> Judgement:
    content = stored_content(scenario)
    profile = scenario.profile
    faults = checks.faults(content, profile=profile, now=now, demo=settings.DEMO)
    return _judged(content, faults, profile, now, scenario.organisation_id)


def judge_typed(data: Mapping[str, Any], now: datetime, organisation_id: int | None) -> Judgement:
    """A whole demand as somebody types it; nothing is stored."""
    content, unread = read(data, base={}, known=known_codes(), now=now)
    profile = newest_profile(content.values.get("profile") or "")
    faults = checks.with_read(unread, content, profile=profile, now=now, demo=settings.DEMO)
    return _judged(content, faults, profile, now, organisation_id)


def _judged(
    content: Content,
    faults: list[Fault],
    profile: RuleProfile | None,
    now: datetime,
    organisation_id: int | None,
) -> Judgement:
    if content.values.get("owner_masked"):
        owners = Organisation.objects.filter(pk__in=[organisation_id])
        owner = owners.first()
        faults = [*faults, *naming(content, owner)]
    words = "\n".join(text for _field, text in texts_of(content) if text)
    companies = bidders_named(words, without=organisation_id)
    room = room_for(content.values.get("deadline_at"), profile, now)
    most = CRITERIA_MOST
    if profile and "criteria_warn_above" in profile.values:
        most = profile.count("criteria_warn_above")
    quality = assess(content, companies=companies, room=room, criteria_most=most)
    return Judgement(content, faults, quality)


def room_for(deadline_at: datetime | None, profile: RuleProfile | None, now: datetime) -> Room:
    """The deadline against the profile's window, were it published now, and the calendars."""
    if deadline_at is None:
        return Room()
    day = deadline_at.astimezone(SHANGHAI).date()
    try:
        day_off = not is_working_day(day, official_years())
    except MissingYear as missing:
        return Room(missing_year=missing.year)
    if profile is None or not profile.takes_bids:
        return Room(day_off=day_off)
    try:
        return Room(window_end(profile, "bid_window_min", now), day_off)
    except CalendarMissing as missing:
        return Room(day_off=day_off, missing_year=missing.params.get("year"))
