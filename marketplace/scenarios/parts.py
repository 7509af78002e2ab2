"""The rows of a posted challenge: metrics, criteria, payment, milestones, conditions."""

from __future__ import annotations

from collections.abc import Sequence

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


def frozen_with_scenario(name: str) -> list[pgtrigger.Trigger]:
    """Rows of a published scenario do not change: what was posted is what is judged and paid.

    But within the transaction that publishes an amendment of it.
    """
    return [
        pgtrigger.Trigger(
            name=f"{name}_frozen",
            when=pgtrigger.Before,
            operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
            declare=[("parent", "bigint")],
            func="""
                IF TG_OP = 'INSERT' THEN parent := NEW.scenario_id;
                ELSE parent := OLD.scenario_id; END IF;
                IF EXISTS (SELECT 1 FROM marketplace_scenario
                           WHERE id = parent AND published_at IS NOT NULL)
                    AND NOT EXISTS (SELECT 1 FROM marketplace_amendment
                                    WHERE scenario_id = parent
                                    AND published_xact = txid_current()) THEN
                    RAISE EXCEPTION 'a published scenario is frozen';
                END IF;
                IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
                RETURN NEW;
            """,
        )
    ]


def changes_by_amendment_alone(name: str, columns: Sequence[str]) -> pgtrigger.Trigger:
    """The same for the scenario's own row, where one of these columns is to change."""
    differs = " OR ".join(f"NEW.{column} IS DISTINCT FROM OLD.{column}" for column in columns)
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        func=f"""
            IF OLD.published_at IS NOT NULL AND ({differs})
                AND NOT EXISTS (SELECT 1 FROM marketplace_amendment
                                WHERE scenario_id = OLD.id
                                AND published_xact = txid_current()) THEN
                RAISE EXCEPTION 'a published scenario is frozen';
            END IF;
            RETURN NEW;
        """,  # noqa: S608  # names of our own columns
    )


def withheld_once_posted(name: str, fields: Sequence[str]) -> pgtrigger.Trigger:
    """What is for released readers alone never stands in a posted demand, and stays what it is."""
    told = " OR ".join(
        f"('{field}' = ANY(NEW.restricted_fields) AND NEW.{field} <> '')" for field in fields
    )
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update,
        func=f"""
            IF NEW.published_at IS NULL THEN RETURN NEW; END IF;
            IF {told} THEN
                RAISE EXCEPTION 'a posted demand holds no restricted text';
            END IF;
            IF TG_OP = 'UPDATE' THEN
                IF OLD.published_at IS NOT NULL
                    AND NEW.restricted_fields IS DISTINCT FROM OLD.restricted_fields THEN
                    RAISE EXCEPTION 'a posted demand keeps the classes of its fields';
                END IF;
            END IF;
            RETURN NEW;
        """,  # names of our own columns
    )


class ScenarioPart(models.Model):
    """A row of a scenario. Replaced as a whole while the owner may still edit."""

    id = models.BigAutoField(primary_key=True)
    position = models.PositiveSmallIntegerField()

    class Meta:
        abstract = True


class Operator(models.TextChoices):
    AT_LEAST = ">=", "≥"
    AT_MOST = "<=", "≤"
    EQUAL = "=", "="


class Metric(ScenarioPart):
    """An acceptance metric 考核指标."""

    scenario = models.ForeignKey(
        "marketplace.Scenario", on_delete=models.CASCADE, related_name="metrics"
    )
    code = models.CharField(max_length=4)
    name = models.CharField(max_length=120)
    name_en = models.CharField(max_length=200, blank=True)
    operator = models.CharField(max_length=2, choices=Operator.choices)
    value = models.DecimalField(max_digits=20, decimal_places=6)
    unit = models.CharField(max_length=40, blank=True)
    test_method = models.TextField(max_length=1000)
    dataset = models.CharField(max_length=400, blank=True)
    tester = models.CharField(max_length=200)
    critical = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="metric_code_once", fields=["scenario", "code"])
        ]
        triggers = frozen_with_scenario("metric")


class CriterionKind(models.TextChoices):
    TECHNICAL = "technical", _("Technical, scored blind")
    TEAM = "team", _("Team and record, scored by name")
    PRICE = "price", _("Price, by formula")


class Criterion(ScenarioPart):
    """What is judged and for how many of the 100 points."""

    scenario = models.ForeignKey(
        "marketplace.Scenario", on_delete=models.CASCADE, related_name="criteria"
    )
    code = models.CharField(max_length=4)
    name = models.CharField(max_length=120)
    name_en = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=16, choices=CriterionKind.choices)
    weight = models.DecimalField(max_digits=5, decimal_places=2)
    guidance = models.TextField(max_length=1000, blank=True)
    levels = models.JSONField(default=list)
    # A judge may veto a bid over it; how many must, says the rule profile.
    veto = models.BooleanField(default=False, db_default=False)
    # The least mean of its points; a bid below it is not ranked.
    minimum = models.DecimalField(max_digits=5, decimal_places=2, null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="criterion_code_once", fields=["scenario", "code"]),
            models.CheckConstraint(
                name="criterion_price_is_a_formula",
                condition=~Q(kind="price") | Q(veto=False, minimum=None),
            ),
            models.CheckConstraint(
                name="criterion_minimum_within_weight",
                condition=Q(minimum=None) | Q(minimum__gt=0, minimum__lte=models.F("weight")),
            ),
            models.CheckConstraint(
                name="criterion_weight_in_range", condition=Q(weight__gt=0, weight__lte=100)
            ),
        ]
        triggers = frozen_with_scenario("criterion")


class PaymentNode(ScenarioPart):
    scenario = models.ForeignKey(
        "marketplace.Scenario", on_delete=models.CASCADE, related_name="payment_nodes"
    )
    name = models.CharField(max_length=120)
    percent = models.DecimalField(max_digits=5, decimal_places=2)
    condition = models.CharField(max_length=400, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="payment_percent_in_range", condition=Q(percent__gt=0, percent__lte=100)
            )
        ]
        triggers = frozen_with_scenario("payment_node")


class Milestone(ScenarioPart):
    scenario = models.ForeignKey(
        "marketplace.Scenario", on_delete=models.CASCADE, related_name="milestones"
    )
    name = models.CharField(max_length=200)
    month = models.PositiveSmallIntegerField()

    class Meta:
        triggers = frozen_with_scenario("milestone")


class Condition(ScenarioPart):
    """A condition that a bidder must meet 揭榜条件."""

    scenario = models.ForeignKey(
        "marketplace.Scenario", on_delete=models.CASCADE, related_name="conditions"
    )
    code = models.CharField(max_length=4)
    text = models.CharField(max_length=400)
    text_en = models.CharField(max_length=600, blank=True)
    evidence = models.CharField(max_length=400, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="condition_code_once", fields=["scenario", "code"])
        ]
        triggers = frozen_with_scenario("condition")
