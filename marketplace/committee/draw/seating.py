"""Giving a seat: the row and its rights. Below every action; no door calls it."""

from __future__ import annotations

from collections.abc import Iterable

from marketplace.accounts.actions import grant
from marketplace.accounts.models import Capability, User
from marketplace.committee.models import Panel, PanelMember


def seat(panel: Panel, users: Iterable[User]) -> list[PanelMember]:
    """One member each, J1 first, with the right to review. The caller holds the panel's lock."""
    taken = PanelMember.objects.filter(panel=panel).count()
    made = []
    for number, user in enumerate(users, start=taken + 1):
        made.append(PanelMember.objects.create(panel=panel, user=user, code=f"J{number}"))
        for uid in (panel.uid, panel.scenario.uid):
            grant(subject_uid=uid, capability=Capability.REVIEW, user=user)
    return made
