"""A batch 批次: the call for demands, what was filed under it, its tasks, its announcement."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.base.actor import Actor
from marketplace.base.clock import SHANGHAI
from marketplace.base.models import Recorded
from marketplace.ledger.models import append_only
from marketplace.scenarios.batches.lights import light
from marketplace.scenarios.models import Scenario


class BatchState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    CALLED = "called", _("Call open")
    GATHERED = "gathered", _("Gathered")
    ANNOUNCED = "announced", _("Announced")
    CANCELLED = "cancelled", _("Cancelled")


class BatchQuerySet(models.QuerySet["Batch"]):
    def public(self) -> BatchQuerySet:
        """Also one that was called and then cancelled: the call stays on record."""
        return self.filter(called_at__isnull=False)

    def visible_to(self, actor: Actor) -> BatchQuerySet:
        """What was called to everybody; drafts and what was cancelled to the office alone."""
        return self if actor.is_office else self.public()


class Batch(Recorded):
    """第 N 批. Its call is public from `called_at` on, its demands only once they are published."""

    MOVES: ClassVar[dict[str, set[str]]] = {
        BatchState.DRAFT: {BatchState.CALLED, BatchState.CANCELLED},
        BatchState.CALLED: {BatchState.GATHERED, BatchState.CANCELLED},
        BatchState.GATHERED: {BatchState.ANNOUNCED, BatchState.CANCELLED},
    }

    number = models.PositiveSmallIntegerField(_("number of the batch"), unique=True)
    state = models.CharField(max_length=16, choices=BatchState.choices, default=BatchState.DRAFT)
    title = models.CharField(_("title"), max_length=120)
    title_en = models.CharField(_("English title"), max_length=200, blank=True)
    call_number = models.CharField(_("document number of the call"), max_length=80, blank=True)
    text = models.TextField(_("text of the call"), max_length=10000, blank=True)
    text_en = models.TextField(_("English text"), max_length=10000, blank=True)
    # Half-open: demands are filed under it strictly before.
    closes_at = models.DateTimeField(_("demands until"), null=True)
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    called_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    called_at = models.DateTimeField(null=True)
    gathered_at = models.DateTimeField(null=True)
    # 集中论证会
    meeting_at = models.DateTimeField(_("joint demonstration meeting"), null=True)
    meeting_place = models.CharField(_("place"), max_length=200, blank=True)
    minutes_number = models.CharField(_("number of the minutes"), max_length=80, blank=True)
    # 第 N 批榜单公告
    announcement_number = models.CharField(max_length=80, blank=True)
    announced_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    announced_at = models.DateTimeField(null=True)
    revision = models.PositiveIntegerField(default=1)

    objects = BatchQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="batch_called_whole",
                condition=Q(state__in=["draft", "cancelled"])
                | (Q(called_at__isnull=False, closes_at__isnull=False) & ~Q(call_number="")),
            ),
            models.CheckConstraint(
                name="batch_closes_after_call",
                condition=Q(called_at=None) | Q(closes_at__gt=F("called_at")),
            ),
            models.CheckConstraint(
                name="batch_announced_whole",
                condition=Q(announced_at=None, announced_by=None)
                | (
                    Q(announced_at__isnull=False, announced_by__isnull=False)
                    & ~Q(announcement_number="")
                ),
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="batch_call_is_frozen",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__called_at__isnull=False)
                & (
                    pgtrigger.Q(new__number__df=pgtrigger.F("old__number"))
                    | pgtrigger.Q(new__text__df=pgtrigger.F("old__text"))
                    | pgtrigger.Q(new__call_number__df=pgtrigger.F("old__call_number"))
                    | pgtrigger.Q(new__closes_at__lt=pgtrigger.F("old__closes_at"))
                ),
            ),
            pgtrigger.Protect(name="batch_is_not_deleted", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.title


class BatchDemandQuerySet(models.QuerySet["BatchDemand"]):
    def visible_to(self, actor: Actor) -> BatchDemandQuerySet:
        """Where both are seen: a demand on its way is told to its owner and the office alone."""
        demands = Scenario.objects.visible_to(actor)
        batches = Batch.objects.visible_to(actor)
        return self.filter(scenario__in=demands.values("pk"), batch__in=batches.values("pk"))


class BatchDemand(Recorded):
    """A demand under a call. At most one batch per demand; it may leave until the announcement."""

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="demands")
    scenario = models.OneToOneField(Scenario, on_delete=models.CASCADE, related_name="in_batch")
    filed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    filed_at = models.DateTimeField()

    objects = BatchDemandQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(name="batch_demand_by_batch", fields=["batch", "id"])]


class BatchTask(Recorded):
    """A line of the task list: who is responsible, until when, how far it is."""

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="tasks")
    title = models.CharField(_("task"), max_length=200)
    # A person of the office, or an office outside by its name.
    responsible = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    responsible_office = models.CharField(_("responsible office"), max_length=120, blank=True)
    due_date = models.DateField(_("due"))
    progress = models.PositiveSmallIntegerField(_("progress"), default=0)
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="batch_task_progress_is_percent", condition=Q(progress__range=(0, 100))
            ),
            models.CheckConstraint(
                name="batch_task_has_somebody",
                condition=Q(responsible__isnull=False) | ~Q(responsible_office=""),
            ),
        ]
        indexes = [models.Index(name="batch_task_by_batch", fields=["batch", "due_date", "id"])]

    def light(self, today: date) -> str:
        begun = self.created_at.astimezone(SHANGHAI).date()
        return light(today=today, begun=begun, due=self.due_date, progress=self.progress)


class TaskReport(Recorded):
    """What somebody reported of a task: progress, and in words."""

    append_only = True

    task = models.ForeignKey(BatchTask, on_delete=models.PROTECT, related_name="reports")
    progress = models.PositiveSmallIntegerField()
    words = models.TextField(max_length=2000, blank=True)
    reported_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        triggers = append_only("task_report")
