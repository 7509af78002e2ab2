"""The shapes of what the API says, for the schema.

Rows are written by hand, without serialising objects one by one; the tests hold every answer
against the schema.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers as s

from marketplace.indicators.k4 import Reason
from marketplace.indicators.models import Strength
from marketplace.scenarios.content import RESTRICTABLE
from marketplace.scenarios.models import (
    AwardMode,
    CriterionKind,
    Operator,
    OrganisingMode,
    SealingMode,
    State,
)

STATE = State.choices
MODE = OrganisingMode.choices


class Shape(s.Serializer):
    """Read only: every field is always there."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.read_only = True


@extend_schema_field({"type": "object", "additionalProperties": True})
class Free(s.JSONField):
    """An object whose shape another document says."""


def text(help_text: str = "") -> s.CharField:
    return s.CharField(help_text=help_text)


def code_or_null(help_text: str) -> s.CharField:
    return s.CharField(allow_null=True, help_text=help_text)


def instant(help_text: str = "", *, null: bool = False) -> s.DateTimeField:
    return s.DateTimeField(allow_null=null, help_text=help_text or "UTC, to the millisecond.")


class Links(Shape):
    self = s.URLField(help_text="The record in the API.")
    html = s.URLField(help_text="Its page.")


class MoveShape(Shape):
    name = s.CharField(help_text="Stable, for programs; such as publish_scenario.")
    method = s.ChoiceField(["POST", "PUT", "PATCH", "DELETE"])
    href = s.URLField()


def actions() -> MoveShape:
    return MoveShape(many=True, help_text="The moves that the present user may make now.")


class Party(Shape):
    uid = s.UUIDField()
    name = text()
    name_en = text()


class Subject(Shape):
    """The demand that an object is about."""

    uid = s.UUIDField()
    ref = code_or_null("The reference, from publication on.")
    title = text()
    title_en = text()
    href = s.URLField()


class Owner(Shape):
    """The demand owner; without uid and under its mask where this reader may not know it."""

    uid = s.UUIDField(allow_null=True)
    name = text()
    name_en = text()


class ScenarioRow(Shape):
    uid = s.UUIDField()
    ref = code_or_null("The reference, from publication on.")
    state = s.ChoiceField(STATE)
    open = s.BooleanField(help_text="Takes bids at the time of this answer.")
    title = text()
    title_en = text()
    language = text("Of the free text.")
    summary = text()
    summary_en = text()
    organisation = Owner()
    domain = code_or_null("Code in the vocabulary `domain`.")
    carrier = code_or_null("Code in the vocabulary `carrier`.")
    area = code_or_null("Code in the vocabulary `area`.")
    focus = code_or_null("Code in the vocabulary `focus`.")
    organising_mode = s.ChoiceField(MODE)
    race_entrants = s.IntegerField(allow_null=True)
    budget_cny = s.DecimalField(14, 2, allow_null=True, help_text="CNY, as text.")
    duration_months = s.IntegerField(allow_null=True)
    profile = code_or_null("The rule profile and its version, such as A/1.")
    award_mode = s.ChoiceField(AwardMode.choices)
    published_at = instant(null=True)
    deadline_at = instant("Half-open: a bid is in time strictly before it.", null=True)
    closed_at = instant(null=True)
    ended_at = instant(null=True)
    failure = text("Why there was no award, as a code; empty otherwise.")
    links = Links()
    actions = actions()


class MetricSerializer(Shape):
    code = text()
    name = text()
    name_en = text()
    operator = s.ChoiceField(Operator.choices)
    value = text("A decimal, as text.")
    unit = text()
    test_method = text()
    dataset = text()
    tester = text()
    critical = s.BooleanField()


class LevelSerializer(Shape):
    points_percent = text("Of the criterion's full points, a decimal as text.")
    text = s.CharField()


class CriterionSerializer(Shape):
    code = text()
    name = text()
    name_en = text()
    kind = s.ChoiceField(CriterionKind.choices)
    weight = text("Of 100, a decimal as text.")
    guidance = text()
    levels = LevelSerializer(many=True)
    veto = s.BooleanField(help_text="Whether judges may veto a bid over it.")
    minimum = code_or_null("The least mean of its points, a decimal as text.")


class PaymentSerializer(Shape):
    name = text()
    percent = text("A decimal, as text.")
    condition = text()


class MilestoneSerializer(Shape):
    name = text()
    month = s.IntegerField()


class ConditionSerializer(Shape):
    code = text()
    text = text()
    text_en = s.CharField()
    evidence = s.CharField()


class RuleSerializer(Shape):
    value = s.JSONField()
    unit = text()
    source = text()  # type: ignore[assignment]
    unconfirmed = s.BooleanField(help_text="待核: to be confirmed by the administration.")


class ProfileSerializer(Shape):
    code = text()
    version = s.IntegerField()
    name_zh = text()
    name_en = text()
    values = s.DictField(child=RuleSerializer())


class PublicationSerializer(Shape):
    version = s.IntegerField()
    sha256 = text("Of the canonical text (RFC 8785) that was published.")
    published_at = instant()


class NoteSerializer(Shape):
    to_state = s.ChoiceField(STATE)
    text = s.CharField()
    created_at = instant()


class AttachmentRow(Shape):
    uid = s.UUIDField()
    title = text()
    name = text("Of the file.")
    size = s.IntegerField(help_text="Bytes.")
    content_type = text("By its bytes.")
    sha256 = text()
    restricted = s.BooleanField(help_text="Read by those to whom the owner releases it.")
    salt = text("With it a reader checks the published value of a restricted file.")
    undertaking_owed = s.BooleanField(help_text="To be signed before the first download.")
    href = s.URLField(help_text="Downloads it.")
    links = Links()
    actions = actions()


class ScenarioDetail(ScenarioRow):
    revision = s.IntegerField(help_text="Counts the saves; part of the ETag.")
    funding = code_or_null("Code in the vocabulary `funding_source`.")
    pain = text()
    need = text()
    deliverables = text()
    ip_terms = text()
    data_terms = text()
    contact = text()
    technologies = s.ListField(child=s.CharField())
    platforms = s.ListField(child=s.CharField())
    consortium_allowed = s.BooleanField()
    consortium_members_max = s.IntegerField(help_text="The lead included.")
    pass_line_percent = s.DecimalField(5, 2, allow_null=True)
    owner_masked = s.BooleanField(
        help_text="Posted under a mask; the owner is named with the publicity of the award."
    )
    owner_mask = text("How the owner is called until then.")
    restricted_fields = s.ListField(
        child=s.ChoiceField(RESTRICTABLE),
        help_text="Empty here once it is posted: their texts stand in a restricted attachment.",
    )
    sealing_mode = s.ChoiceField(SealingMode.choices)
    metrics = MetricSerializer(many=True)
    criteria = CriterionSerializer(many=True)
    payment_nodes = PaymentSerializer(many=True)
    milestones = MilestoneSerializer(many=True)
    conditions = ConditionSerializer(many=True)
    rules = ProfileSerializer(allow_null=True, help_text="The rules frozen onto it at publication.")
    publications = PublicationSerializer(many=True)
    attachments = AttachmentRow(many=True, help_text="Files, as far as this reader sees them.")
    notes = NoteSerializer(
        many=True, help_text="Why it was returned, rejected, withdrawn or failed."
    )


class CountSerializer(Shape):
    in_period = s.IntegerField(help_text="Published within the plan period.")
    after = s.IntegerField(help_text="Published after it; never stands in for the period's.")
    together = s.IntegerField()


class TallySerializer(Shape):
    rule = text("The rule's version, such as k4/1.")
    as_of = instant()
    strict = CountSerializer()
    broad = CountSerializer()
    withdrawn = s.IntegerField(help_text="Withdrawn before the deadline: in no figure.")
    excluded = s.IntegerField(help_text="In no figure for another reason.")


class IndicatorRow(Shape):
    key = text("K1 to K12.")
    name_zh = text()
    name_en = text()
    comparison = text()
    target = text("A decimal, as text.")
    unit_zh = text()
    unit_en = text()
    strength = s.ChoiceField(Strength.choices)
    evidence_zh = text()
    evidence_en = text()
    clause_zh = text("The wording of the plan, as reported.")
    period_starts_date = s.DateField()
    period_ends_date = s.DateField()
    value = s.IntegerField(
        allow_null=True,
        help_text="The broad count, in the period and after it; null where nothing is counted yet.",
    )
    count = TallySerializer(allow_null=True)
    links = Links()
    actions = actions()


class UnitSerializer(Shape):
    ref = text()
    uid = s.UUIDField(help_text="Of the scenario.")
    title = text()
    title_en = text()
    state = text()
    published_at = instant()
    period = s.ChoiceField([("in", "in the plan period"), ("after", "after it"), ("", "in none")])
    standing = s.ChoiceField([(n, n) for n in ("counted", "withdrawn", "excluded")])
    strict = s.BooleanField()
    reasons = s.ListField(child=s.ChoiceField([(r.value, r.value) for r in Reason]))
    profile = text()
    sha256 = text("Of the publication that counts.")
    links = Links()


class IndicatorDetail(IndicatorRow):
    units = UnitSerializer(many=True, help_text="The list behind the number.")
