from __future__ import annotations

from typing import ClassVar

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
from marketplace.ledger.models import append_only
from marketplace.scenarios.models import Criterion, Scenario


class PanelState(models.TextChoices):
    APPOINTED = "appointed", _("Appointed")
    TECHNICAL = "technical", _("Scoring blind")
    NAMED = "named", _("Scoring by name")
    PRICE = "price", _("Waiting for the prices")
    SIGNING = "signing", _("Report being signed")
    REPORTED = "reported", _("Reported")


# Afterwards the prices are known, and a new judge would know whom his points help.
PANEL_MAY_CHANGE = {PanelState.APPOINTED, PanelState.TECHNICAL, PanelState.NAMED}
# The sheets are added up: no point changes any more.
REPORT_MADE = {PanelState.SIGNING, PanelState.REPORTED}


class PanelQuerySet(models.QuerySet["Panel"]):
    def visible_to(self, actor: Actor) -> PanelQuerySet:
        """Names stay secret: the office, each member for the own panel, an inspector."""
        if actor.is_office:
            return self.all()
        if actor.role == Role.EXPERT:
            return self.filter(
                members__user=actor.user_id, uid__in=granted_subjects(actor, Capability.REVIEW)
            )
        return self.filter(inspected(actor, "scenario__uid", "scenario__organisation__uid"))


class Panel(Recorded):
    MOVES: ClassVar[dict[str, set[str]]] = {
        PanelState.APPOINTED: {PanelState.TECHNICAL},
        PanelState.TECHNICAL: {PanelState.NAMED},
        PanelState.NAMED: {PanelState.PRICE},
        PanelState.PRICE: {PanelState.SIGNING},
        PanelState.SIGNING: {PanelState.REPORTED},
    }

    scenario = models.OneToOneField(Scenario, on_delete=models.PROTECT, related_name="panel")
    state = models.CharField(
        max_length=16, choices=PanelState.choices, default=PanelState.APPOINTED
    )
    appointed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    objects = PanelQuerySet.as_manager()


class MemberState(models.TextChoices):
    INVITED = "invited", _("To declare")
    DECLARED = "declared", _("Declared free of interests")
    RECUSED = "recused", _("Recused")


class PanelMember(Recorded):
    MOVES: ClassVar[dict[str, set[str]]] = {
        MemberState.INVITED: {MemberState.DECLARED, MemberState.RECUSED},
        MemberState.DECLARED: {MemberState.RECUSED},
    }

    panel = models.ForeignKey(Panel, on_delete=models.PROTECT, related_name="members")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="panel_seats")
    code = models.CharField(max_length=4)
    state = models.CharField(
        max_length=16, choices=MemberState.choices, default=MemberState.INVITED
    )
    declared_at = models.DateTimeField(null=True)
    # The second time, against those who bid in fact, before the sheets by name.
    declared_named_at = models.DateTimeField(null=True)
    recused_at = models.DateTimeField(null=True)
    recusal_reason = models.TextField(max_length=2000, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="panel_member_once", fields=["panel", "user"]),
            models.UniqueConstraint(name="panel_code_once", fields=["panel", "code"]),
        ]


class SheetStage(models.TextChoices):
    TECHNICAL = "technical", _("Technical, blind")
    NAMED = "named", _("Team and record, by name")


class SheetState(models.TextChoices):
    OPEN = "open", _("Open")
    LOCKED = "locked", _("Locked")
    VOID = "void", _("Void")


class SheetQuerySet(models.QuerySet["Sheet"]):
    def visible_to(self, actor: Actor) -> SheetQuerySet:
        """A reviewer's own, while the seat is held. The office reads them once all are locked.

        An inspector reads what is locked: an open sheet is its judge's alone.
        """
        if actor.role == Role.EXPERT:
            return self.filter(
                member__user=actor.user_id,
                member__panel__uid__in=granted_subjects(actor, Capability.REVIEW),
            ).exclude(state=SheetState.VOID)
        if actor.is_office:
            return self.filter(member__panel__state__in=REPORT_MADE)
        panels = inspected(
            actor, "member__panel__scenario__uid", "member__panel__scenario__organisation__uid"
        )
        return self.filter(panels).exclude(state=SheetState.OPEN)


class Sheet(Recorded):
    """One judge's points for one bid in one stage."""

    MOVES: ClassVar[dict[str, set[str]]] = {
        SheetState.OPEN: {SheetState.LOCKED, SheetState.VOID},
        SheetState.LOCKED: {SheetState.VOID},
    }

    member = models.ForeignKey(PanelMember, on_delete=models.PROTECT, related_name="sheets")
    bid = models.ForeignKey(Bid, on_delete=models.PROTECT, related_name="sheets")
    stage = models.CharField(max_length=16, choices=SheetStage.choices)
    state = models.CharField(max_length=8, choices=SheetState.choices, default=SheetState.OPEN)
    revision = models.PositiveIntegerField(default=1)
    locked_at = models.DateTimeField(null=True)

    objects = SheetQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="sheet_once_per_judge_and_stage", fields=["member", "bid", "stage"]
            ),
            models.CheckConstraint(
                name="sheet_locked_has_time",
                condition=~Q(state="locked") | Q(locked_at__isnull=False),
            ),
        ]


class Score(models.Model):
    """Points 0..weight of one criterion on one sheet. Rewritten until the sheet is locked."""

    id = models.BigAutoField(primary_key=True)
    sheet = models.ForeignKey(Sheet, on_delete=models.PROTECT, related_name="scores")
    criterion = models.ForeignKey(Criterion, on_delete=models.PROTECT, related_name="+")
    points = models.DecimalField(max_digits=5, decimal_places=2, null=True)
    comment = models.TextField(max_length=2000, blank=True)
    # Declared over a criterion that allows it; the comment is its reason.
    veto = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="score_once", fields=["sheet", "criterion"]),
            models.CheckConstraint(
                name="score_in_range", condition=Q(points=None) | Q(points__range=(0, 100))
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="score_frozen_with_sheet",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                declare=[("parent", "bigint")],
                func="""
                    IF TG_OP = 'INSERT' THEN parent := NEW.sheet_id;
                    ELSE parent := OLD.sheet_id; END IF;
                    IF EXISTS (SELECT 1 FROM marketplace_sheet
                               WHERE id = parent AND state <> 'open')
                        AND NOT (TG_OP = 'UPDATE' AND EXISTS (
                            SELECT 1 FROM marketplace_correction
                            WHERE sheet_id = parent AND made_xact = txid_current())) THEN
                        RAISE EXCEPTION 'a locked sheet is frozen';
                    END IF;
                    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
                    RETURN NEW;
                """,
            )
        ]


class CorrectionKind(models.TextChoices):
    """The only reasons for which a locked sheet changes. Source: domain rules, “Scores”."""

    SUM = "sum", _("Adding up: points entered or added wrongly")
    RANGE = "range", _("Range: points beyond what the criterion gives")
    OBJECTIVE = "objective", _("Objective item: judged otherwise than the same facts elsewhere")
    EXTREME = "extreme", _("Found abnormally high or low")


class Correction(Recorded):
    """A judge's own change of a locked sheet, signed by a fresh proof. The old values are kept here.

    changes: {criterion: {"before": {"points", "comment", "veto"}, "after": the same}}. Scores of a
    locked sheet change in the transaction of such a row alone.
    """

    append_only = True

    sheet = models.ForeignKey(Sheet, on_delete=models.PROTECT, related_name="corrections")
    # Of the sheet: what was locked first is version 1.
    version = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=16, choices=CorrectionKind.choices)
    reason = models.TextField(max_length=2000)
    changes = models.JSONField()
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    made_xact = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="correction_version_once", fields=["sheet", "version"]),
            models.CheckConstraint(
                name="correction_of_a_known_kind", condition=Q(kind__in=CorrectionKind.values)
            ),
            models.CheckConstraint(
                name="correction_has_reason", condition=~Q(reason="") & Q(version__gt=1)
            ),
        ]
        triggers = append_only("correction")


class ReportQuerySet(models.QuerySet["Report"]):
    def visible_to(self, actor: Actor) -> ReportQuerySet:
        """The office; the members, who sign it; the demand's owner once it is complete.

        A bidder gets his own line from the award's room.
        """
        if actor.is_office:
            return self.all()
        if actor.role == Role.EXPERT:
            return self.filter(
                scenario__panel__members__user=actor.user_id,
                scenario__panel__uid__in=granted_subjects(actor, Capability.REVIEW),
            )
        if actor.organisation_id:
            return self.filter(
                scenario__organisation=actor.organisation_id,
                scenario__panel__state=PanelState.REPORTED,
            )
        return self.filter(inspected(actor, "scenario__uid", "scenario__organisation__uid"))


class Report(Recorded):
    """The ranking with its arithmetic, frozen. `body` is RFC 8785 JSON that anybody can recompute."""

    append_only = True

    scenario = models.OneToOneField(Scenario, on_delete=models.PROTECT, related_name="report")
    body = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    objects = ReportQuerySet.as_manager()

    class Meta:
        triggers = append_only("report")


class Ranking(models.Model):
    """One line of the report. The place is empty for a bid under the pass line."""

    append_only = True

    id = models.BigAutoField(primary_key=True)
    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="ranking")
    bid = models.OneToOneField(Bid, on_delete=models.PROTECT, related_name="ranking")
    place = models.PositiveSmallIntegerField(null=True)
    technical = models.DecimalField(max_digits=6, decimal_places=2)
    team = models.DecimalField(max_digits=6, decimal_places=2)
    price = models.DecimalField(max_digits=6, decimal_places=2)
    total = models.DecimalField(max_digits=6, decimal_places=2)

    class Meta:
        triggers = append_only("ranking")
