"""What demands are like one another: the sketch of each, and what its owner says of a like one."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.base.models import Recorded
from marketplace.scenarios.models import Scenario

REASON_MOST = 4000


class Likeness(models.Model):
    """The sketch of one demand's words (see sketch.py), kept whenever they are written.

    bands and signs are empty where it has no words.
    """

    scenario = models.OneToOneField(
        Scenario, primary_key=True, on_delete=models.CASCADE, related_name="likeness"
    )
    bands = ArrayField(models.IntegerField())
    signs = ArrayField(models.IntegerField())

    class Meta:
        indexes: ClassVar = [GinIndex(name="likeness_bands", fields=["bands"])]


class Verdict(models.TextChoices):
    DIFFERENT = "different", _("It is different")
    DUPLICATE = "duplicate", _("It is the same demand, listed anew")


class LikenessAnswer(Recorded):
    """What the owner says of one that is much alike; the office reads it at the gate."""

    scenario = models.ForeignKey(
        Scenario, on_delete=models.CASCADE, related_name="likeness_answers"
    )
    other = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="+")
    verdict = models.CharField(max_length=16, choices=Verdict.choices)
    reason = models.TextField(max_length=REASON_MOST, blank=True)
    # How much of all words they shared when it was answered.
    percent = models.PositiveSmallIntegerField()
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    answered_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="likeness_answered_once", fields=["scenario", "other"]),
            models.CheckConstraint(name="likeness_of_another", condition=~Q(scenario=F("other"))),
            models.CheckConstraint(
                name="likeness_different_says_why",
                condition=Q(verdict="duplicate") | ~Q(reason=""),
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Trigger(
                name="likeness_answer_stays_once_filed",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                func="""
                    IF EXISTS (SELECT 1 FROM marketplace_scenario
                               WHERE id = COALESCE(NEW.scenario_id, OLD.scenario_id)
                               AND state NOT IN ('draft', 'returned')) THEN
                        RAISE EXCEPTION 'what was said of a filed demand stays';
                    END IF;
                    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
                    RETURN NEW;
                """,
            )
        ]
