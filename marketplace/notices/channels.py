"""Which groups of notices there are, and by which way each person wants them."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Group(TextChoices):
    DEMANDS = "demands", _("The course of your demands")
    OPENINGS = "openings", _("Your bids and openings")
    PANELS = "panels", _("Panels and scoring")
    AWARDS = "awards", _("Decisions and awards")
    REMINDERS = "reminders", _("Reminders of what is due")
    WATCHED = "watched", _("Demands that you watch")
    FINDS = "finds", _("New demands: announcements and finds of your saved searches")
    ACCOUNT = "account", _("Your account and its security")


class Channel(TextChoices):
    AT_ONCE = "at_once", _("Mail at once")
    DAILY = "daily", _("One mail a day")
    INBOX = "inbox", _("Messages on the platform only")


# Rights and time limits hang on these: they may be gathered into one mail a day, never silenced.
MANDATORY = frozenset({Group.OPENINGS, Group.AWARDS, Group.ACCOUNT})
UNLESS_CHOSEN = Channel.AT_ONCE


def offered(group: str) -> list[Channel]:
    return [channel for channel in Channel if group not in MANDATORY or channel != Channel.INBOX]
