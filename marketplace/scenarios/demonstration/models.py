"""需求论证: a round of it, the experts who were invited, and what each of them thinks."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.base.actor import Actor
from marketplace.base.clock import MarketplaceNow
from marketplace.base.inspected import inspected
from marketplace.base.models import Recorded
from marketplace.ledger.models import append_only
from marketplace.scenarios.demonstration import conclusion
from marketplace.scenarios.models import Scenario


class Verdict(models.TextChoices):
    PASS = "pass", _("Pass")
    REVISE = "revise", _("Pass with revisions")
    REJECT = "reject", _("Do not pass")


class Outcome(models.TextChoices):
    PASS = "pass", _("Passed")
    REVISE = "revise", _("Revisions asked")
    REJECT = "reject", _("Not passed")
    BROKEN_OFF = "broken_off", _("Broken off")


class SeatState(models.TextChoices):
    INVITED = "invited", _("Asked for an opinion")
    OPINED = "opined", _("Gave an opinion")
    DECLINED = "declined", _("Declined")


INSPECTED = ("scenario__uid", "scenario__organisation__uid")


class DemonstrationQuerySet(models.QuerySet["Demonstration"]):
    def visible_to(self, actor: Actor) -> DemonstrationQuerySet:
        """To the office, the demand's owner, the experts who were asked, inspectors on request."""
        seen = inspected(actor, *INSPECTED)
        if actor.is_office:
            return self
        if actor.organisation_id:
            seen |= Q(scenario__organisation_id=actor.organisation_id)
        if actor.role == "expert" and actor.user_id:
            asked = DemonstrationSeat.objects.filter(user_id=actor.user_id)
            asked = asked.exclude(state=SeatState.DECLINED)
            seen |= Q(pk__in=asked.values("demonstration_id"))
        return self.filter(seen)


class Demonstration(Recorded):
    """One round on one text. The next one shows what the owner changed since `body`."""

    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="demonstrations")
    number = models.PositiveSmallIntegerField()
    revision = models.PositiveIntegerField()
    # {"values": {...}, "rows": {...}} of the demand when the experts were asked.
    body = models.JSONField()
    due_at = models.DateTimeField()
    opened_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField()
    outcome = models.CharField(max_length=16, choices=Outcome.choices, blank=True)
    words = models.TextField(max_length=4000, blank=True)
    concluded_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    concluded_at = models.DateTimeField(null=True)

    objects = DemonstrationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="demonstration_once", fields=["scenario", "number"]),
            models.UniqueConstraint(
                name="demonstration_one_open",
                fields=["scenario"],
                condition=Q(concluded_at=None),
            ),
            models.CheckConstraint(
                name="demonstration_concluded_whole",
                condition=Q(concluded_at=None, concluded_by=None, outcome="")
                | (Q(concluded_at__isnull=False, concluded_by__isnull=False) & ~Q(outcome="")),
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="demonstration_concluded_is_frozen",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__concluded_at__isnull=False),
            ),
            pgtrigger.Protect(name="demonstration_is_not_deleted", operation=pgtrigger.Delete),
        ]


class DemonstrationSeat(Recorded):
    """An expert who was asked. Who gave an opinion does not review the demand's bids later."""

    MOVES: ClassVar[dict[str, set[str]]] = {
        SeatState.INVITED: {SeatState.OPINED, SeatState.DECLINED},
    }

    demonstration = models.ForeignKey(Demonstration, on_delete=models.PROTECT, related_name="seats")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=16, choices=SeatState.choices, default=SeatState.INVITED)
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(max_length=4000, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="demonstration_seat_once", fields=["demonstration", "user"]
            )
        ]
        indexes = [models.Index(name="demonstration_seat_of", fields=["user", "state"])]
        triggers = [pgtrigger.Protect(name="demonstration_seat_stays", operation=pgtrigger.Delete)]


class OpinionQuerySet(models.QuerySet["DemonstrationOpinion"]):
    def visible_to(self, actor: Actor) -> OpinionQuerySet:
        """Nobody reads another's opinion before giving his own.

        An expert his own, and with it those of the same round; the office once nobody is waited
        for, or the time is over; the owner once it is concluded. Inspectors on request.
        """
        round_, waited = (
            "seat__demonstration",
            DemonstrationSeat.objects.filter(
                demonstration=OuterRef("seat__demonstration"), state=SeatState.INVITED
            ),
        )
        seen = inspected(actor, *(f"{round_}__{path}" for path in INSPECTED))
        if actor.is_office:
            seen |= Q(**{f"{round_}__concluded_at__isnull": False})
            seen |= Q(**{f"{round_}__due_at__lte": MarketplaceNow()}) | Q(~Exists(waited))
        if actor.organisation_id:
            mine = {f"{round_}__scenario__organisation_id": actor.organisation_id}
            seen |= Q(**{f"{round_}__concluded_at__isnull": False}, **mine)
        if actor.role == "expert" and actor.user_id:
            given = DemonstrationSeat.objects.filter(user_id=actor.user_id, state=SeatState.OPINED)
            seen |= Q(**{f"{round_}__in": given.values("demonstration_id")})
        return self.filter(seen)


class DemonstrationOpinion(Recorded):
    """The four questions with words, and the verdict. Given once."""

    append_only = True

    seat = models.OneToOneField(DemonstrationSeat, on_delete=models.PROTECT, related_name="opinion")
    real = models.BooleanField(_("The need is real"))
    real_words = models.TextField(max_length=2000, blank=True)
    tight = models.BooleanField(_("The demand is tight: what is asked serves the need"))
    tight_words = models.TextField(max_length=2000, blank=True)
    measurable = models.BooleanField(_("Every metric can be measured as described"))
    measurable_words = models.TextField(max_length=2000, blank=True)
    neutral = models.BooleanField(_("It is not tailored to one vendor"))
    neutral_words = models.TextField(max_length=2000, blank=True)
    verdict = models.CharField(max_length=8, choices=Verdict.choices)
    # What is to be revised, or the grounds of the verdict.
    words = models.TextField(max_length=4000, blank=True)
    given_at = models.DateTimeField()

    objects = OpinionQuerySet.as_manager()

    class Meta:
        triggers = append_only("demonstration_opinion")

    @property
    def plain(self) -> conclusion.Opinion:
        return conclusion.Opinion(
            self.real, self.tight, self.measurable, self.neutral, self.verdict
        )

    @property
    def answers(self) -> list[tuple[str, bool, str]]:
        """(question, yes or no, words) in their order."""
        return [
            (
                str(self._meta.get_field(name).verbose_name),  # type: ignore[union-attr]
                getattr(self, name),
                getattr(self, f"{name}_words"),
            )
            for name in conclusion.QUESTIONS
        ]
