"""The named stage beside the sheets: defences 答辩 and the panel's written questions."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Capability, User
from marketplace.accounts.queries import granted_subjects
from marketplace.base.actor import Actor, Role
from marketplace.base.inspected import inspected
from marketplace.base.models import Recorded
from marketplace.bidding.models import Bid
from marketplace.committee.models import Panel, PanelMember, Sheet, SheetStage
from marketplace.scenarios.models import Scenario


class DefenceOrder(models.TextChoices):
    RECEIPT = "receipt", _("By receipt of the bids")
    LOT = "lot", _("By lot: from the log's entry that the blind stage is locked")


def seen(actor: Actor, panel: str) -> Q:
    """Who sees what concerns a bid in the named stage. panel: the path from the row to its panel.

    The office, an inspector, the bidder its own, and each judge once his own sheet of the bid by
    name exists: whoever still scores blind reads nothing of it.
    """
    if actor.is_office:
        return Q()
    if actor.role == Role.EXPERT:
        sheets = Sheet.objects.filter(
            stage=SheetStage.NAMED,
            member__user=actor.user_id,
            member__panel__uid__in=granted_subjects(actor, Capability.REVIEW),
        )
        return Q(bid__in=sheets.values("bid"))
    if actor.organisation_id:
        return Q(bid__organisation=actor.organisation_id)
    return inspected(actor, f"{panel}__scenario__uid", f"{panel}__scenario__organisation__uid")


class DefenceQuerySet(models.QuerySet["DefenceSlot"]):
    def visible_to(self, actor: Actor) -> DefenceQuerySet:
        return self.filter(seen(actor, "panel"))


class DefenceSlot(Recorded):
    """When and where one bidder answers the panel; set anew until somebody's is recorded."""

    panel = models.ForeignKey(Panel, on_delete=models.PROTECT, related_name="defences")
    bid = models.OneToOneField(Bid, on_delete=models.PROTECT, related_name="defence")
    order_by = models.CharField(max_length=8, choices=DefenceOrder.choices)
    position = models.PositiveSmallIntegerField()
    starts_at = models.DateTimeField()
    minutes = models.PositiveSmallIntegerField()
    place = models.CharField(max_length=200, blank=True)
    link = models.URLField(max_length=500, blank=True)
    set_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField()
    attended = models.BooleanField(null=True)
    # Who came, or why nobody did.
    attendance = models.TextField(max_length=1000, blank=True)
    recorded_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(null=True)

    objects = DefenceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="defence_has_a_place", condition=~Q(place="") | ~Q(link="")
            ),
            models.CheckConstraint(
                name="defence_recorded_whole",
                condition=Q(attended=None, recorded_at=None)
                | (Q(attended__isnull=False, recorded_at__isnull=False) & ~Q(attendance="")),
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="defence_stays_once_recorded",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func="""
                    IF TG_OP = 'DELETE' OR OLD.recorded_at IS NOT NULL
                        OR NEW.bid_id <> OLD.bid_id OR NEW.panel_id <> OLD.panel_id THEN
                        RAISE EXCEPTION 'a defence that was recorded stays as it was';
                    END IF;
                    RETURN NEW;
                """,
            )
        ]

    @property
    def scenario(self) -> Scenario:
        return self.panel.scenario


class PanelQuestionQuerySet(models.QuerySet["PanelQuestion"]):
    def visible_to(self, actor: Actor) -> PanelQuestionQuerySet:
        """Who asked stays with whoever asked, the office and inspectors: rows do not tell others."""
        return self.filter(seen(actor, "member__panel"))

    def unanswered(self) -> PanelQuestionQuerySet:
        return self.filter(answered_at=None)


class PanelQuestion(Recorded):
    """One member asks one bidder, in writing; answered once. What was said is kept in any case."""

    member = models.ForeignKey(PanelMember, on_delete=models.PROTECT, related_name="questions")
    bid = models.ForeignKey(Bid, on_delete=models.PROTECT, related_name="panel_questions")
    number = models.PositiveSmallIntegerField()
    text = models.TextField(max_length=2000)
    asked_at = models.DateTimeField()
    answer_by = models.DateTimeField()
    answer = models.TextField(max_length=5000, blank=True)
    answered_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    answered_at = models.DateTimeField(null=True)
    # Found to change the substance of the bid: it does not count, and is kept.
    set_aside_reason = models.TextField(max_length=2000, blank=True)
    set_aside_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    set_aside_at = models.DateTimeField(null=True)

    objects = PanelQuestionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="panel_question_number_once", fields=["bid", "number"]),
            models.CheckConstraint(
                name="panel_question_answered_whole",
                condition=Q(answered_at=None, answer="")
                | (Q(answered_at__isnull=False) & ~Q(answer="")),
            ),
            models.CheckConstraint(
                name="panel_question_set_aside_with_reason",
                condition=Q(set_aside_at=None, set_aside_reason="")
                | (
                    Q(set_aside_at__isnull=False, answered_at__isnull=False)
                    & ~Q(set_aside_reason="")
                ),
            ),
        ]
        indexes = [
            models.Index(
                name="panel_question_unanswered",
                fields=["answer_by"],
                condition=Q(answered_at=None),
            )
        ]
        triggers = [
            pgtrigger.Trigger(
                name="panel_question_said_once",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func="""
                    IF TG_OP = 'DELETE' OR NEW.text <> OLD.text OR NEW.bid_id <> OLD.bid_id
                        OR NEW.member_id <> OLD.member_id OR NEW.number <> OLD.number
                        OR NEW.asked_at <> OLD.asked_at OR NEW.answer_by <> OLD.answer_by
                        OR (OLD.answered_at IS NOT NULL
                            AND (NEW.answer, NEW.answered_at, NEW.answered_by_id)
                            IS DISTINCT FROM (OLD.answer, OLD.answered_at, OLD.answered_by_id))
                        OR OLD.set_aside_at IS NOT NULL THEN
                        RAISE EXCEPTION 'what was asked and answered stays as it was';
                    END IF;
                    RETURN NEW;
                """,
            )
        ]

    @property
    def scenario(self) -> Scenario:
        return self.member.panel.scenario
