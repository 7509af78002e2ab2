"""Challenges to members of a panel, once their names are known with the result."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from marketplace.accounts.models import Organisation, User
from marketplace.awards.models import Publicity
from marketplace.base.actor import Actor
from marketplace.base.inspected import inspected
from marketplace.base.models import Recorded
from marketplace.committee.models import PanelMember


class ChallengeState(models.TextChoices):
    FILED = "filed", _("Filed, to be admitted")
    ADMITTED = "admitted", _("Admitted, to be ruled on")
    INADMISSIBLE = "inadmissible", _("Not admitted")
    REJECTED = "rejected", pgettext_lazy("challenge", "Rejected")
    UPHELD = "upheld", _("Upheld: a step is to be redone")
    REDONE = "redone", _("Upheld, and redone")


class RedoStep(models.TextChoices):
    """Which named step an upheld challenge sends back. The report stands and is not rewritten."""

    TECHNICAL = "technical", _("The blind scores, with another member in this seat")
    NAMED = "named", _("The scores of team and record, with another member in this seat")
    PANEL = "panel", _("The whole review, by another panel")


UNHEARD = (ChallengeState.FILED, ChallengeState.ADMITTED)


class ChallengeQuerySet(models.QuerySet["MemberChallenge"]):
    def visible_to(self, actor: Actor) -> ChallengeQuerySet:
        """The office, whoever filed it, and an inspector; not the member, nor other bidders."""
        if actor.is_office:
            return self.all()
        if actor.organisation_id:
            return self.filter(organisation=actor.organisation_id)
        scenario = "publicity__decision__scenario"
        return self.filter(inspected(actor, f"{scenario}__uid", f"{scenario}__organisation__uid"))


class MemberChallenge(Recorded):
    """One bidder's reasoned challenge of one member, heard in at most two steps."""

    MOVES: ClassVar[dict[str, set[str]]] = {
        ChallengeState.FILED: {ChallengeState.ADMITTED, ChallengeState.INADMISSIBLE},
        ChallengeState.ADMITTED: {ChallengeState.UPHELD, ChallengeState.REJECTED},
        ChallengeState.UPHELD: {ChallengeState.REDONE},
    }

    publicity = models.ForeignKey(Publicity, on_delete=models.PROTECT, related_name="challenges")
    member = models.ForeignKey(PanelMember, on_delete=models.PROTECT, related_name="+")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    filed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    filed_at = models.DateTimeField()
    reason = models.TextField(max_length=4000)
    state = models.CharField(
        max_length=16, choices=ChallengeState.choices, default=ChallengeState.FILED
    )
    admission_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    admission_at = models.DateTimeField(null=True)
    admission_reason = models.TextField(max_length=4000, blank=True)
    ruled_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    ruled_at = models.DateTimeField(null=True)
    ruling = models.TextField(max_length=4000, blank=True)
    redo_step = models.CharField(max_length=16, choices=RedoStep.choices, blank=True)
    redone_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    redone_at = models.DateTimeField(null=True)
    # The document that tells what was redone and what came of it, by its number.
    redo_document = models.CharField(max_length=80, blank=True)
    redo_result = models.TextField(max_length=4000, blank=True)
    ranking_holds = models.BooleanField(null=True)

    objects = ChallengeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="challenge_once_per_member", fields=["member", "organisation"]
            ),
            models.CheckConstraint(
                name="challenge_ruled_with_reason",
                condition=~Q(state__in=["upheld", "rejected", "redone"])
                | (Q(ruled_at__isnull=False) & ~Q(ruling="")),
            ),
            models.CheckConstraint(
                name="challenge_upheld_names_step",
                condition=Q(state__in=["upheld", "redone"], redo_step__in=RedoStep.values)
                | (~Q(state__in=["upheld", "redone"]) & Q(redo_step="")),
            ),
            models.CheckConstraint(
                name="challenge_redone_has_record",
                condition=~Q(state="redone")
                | (
                    Q(redone_at__isnull=False, ranking_holds__isnull=False)
                    & ~Q(redo_document="")
                    & ~Q(redo_result="")
                ),
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="challenge_keeps_what_was_said",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func="""
                    IF TG_OP = 'DELETE' OR NEW.reason <> OLD.reason
                        OR NEW.member_id <> OLD.member_id
                        OR NEW.organisation_id <> OLD.organisation_id
                        OR NEW.publicity_id <> OLD.publicity_id
                        OR NEW.filed_by_id <> OLD.filed_by_id OR NEW.filed_at <> OLD.filed_at
                        OR (OLD.admission_at IS NOT NULL
                            AND (NEW.admission_at, NEW.admission_by_id, NEW.admission_reason)
                            IS DISTINCT FROM
                            (OLD.admission_at, OLD.admission_by_id, OLD.admission_reason))
                        OR (OLD.ruled_at IS NOT NULL
                            AND (NEW.ruled_at, NEW.ruled_by_id, NEW.ruling, NEW.redo_step)
                            IS DISTINCT FROM
                            (OLD.ruled_at, OLD.ruled_by_id, OLD.ruling, OLD.redo_step))
                        OR OLD.state IN ('inadmissible', 'rejected', 'redone') THEN
                        RAISE EXCEPTION 'what was said of a challenge stays as it was';
                    END IF;
                    RETURN NEW;
                """,
            )
        ]
