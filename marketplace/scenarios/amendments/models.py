"""变更: numbered, frozen once published, drafted by one person and published by another."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.base.actor import Actor
from marketplace.base.history import not_truncated
from marketplace.base.inspected import inspected
from marketplace.base.models import Recorded
from marketplace.scenarios.models import Scenario

REASON_MOST = 4000


class AmendmentState(models.TextChoices):
    DRAFTED = "drafted", _("Drafted")
    PUBLISHED = "published", _("Published")
    DROPPED = "dropped", _("Dropped")


class AmendmentQuerySet(models.QuerySet["Amendment"]):
    def visible_to(self, actor: Actor) -> AmendmentQuerySet:
        """Published ones where the demand is seen; others by its owner, the office, inspectors."""
        seen = Q(state=AmendmentState.PUBLISHED)
        if actor.is_office:
            seen = ~Q(pk=None)
        elif actor.organisation_id:
            seen |= Q(scenario__organisation_id=actor.organisation_id)
        seen |= inspected(actor, "scenario__uid", "scenario__organisation__uid")
        demands = Scenario.objects.visible_to(actor)
        return self.filter(seen, scenario_id__in=demands.values("pk"))


class Amendment(Recorded):
    """One change of a posted demand. Its rows change in the transaction that publishes it alone."""

    MOVES: ClassVar[dict[str, set[str]]] = {
        AmendmentState.DRAFTED: {AmendmentState.PUBLISHED, AmendmentState.DROPPED},
    }

    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="amendments")
    state = models.CharField(
        max_length=16, choices=AmendmentState.choices, default=AmendmentState.DRAFTED
    )
    # Given at publication, one after the other.
    number = models.PositiveSmallIntegerField(null=True)
    # The published version that it was drafted against.
    base_version = models.PositiveSmallIntegerField()
    # {field or part: {"before": …, "after": …}}, as plain values.
    changes = models.JSONField()
    reason = models.TextField(max_length=REASON_MOST)
    drafted_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    drafted_at = models.DateTimeField()
    published_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    published_at = models.DateTimeField(null=True)
    deadline_before_at = models.DateTimeField(null=True)
    deadline_after_at = models.DateTimeField(null=True)
    # Of the transaction that published it, in which the frozen rows may change.
    published_xact = models.BigIntegerField(null=True)

    objects = AmendmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="amendment_one_draft", fields=["scenario"], condition=Q(state="drafted")
            ),
            models.UniqueConstraint(name="amendment_number_once", fields=["scenario", "number"]),
            models.CheckConstraint(
                name="amendment_by_two_people",
                condition=Q(published_by=None) | ~Q(published_by=F("drafted_by")),
            ),
            models.CheckConstraint(
                name="amendment_published_whole",
                condition=~Q(state="published")
                | Q(
                    number__isnull=False,
                    published_by__isnull=False,
                    published_at__isnull=False,
                    deadline_before_at__isnull=False,
                    deadline_after_at__gte=F("deadline_before_at"),
                    published_xact__isnull=False,
                ),
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="amendment_ended_is_frozen",
                operation=pgtrigger.Update,
                condition=~pgtrigger.Q(old__state="drafted"),
            ),
            pgtrigger.Protect(name="amendment_is_not_deleted", operation=pgtrigger.Delete),
            not_truncated("amendment"),
        ]
