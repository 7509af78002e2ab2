"""Forms of the named stage: times of defences, attendance, questions, answers, findings."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from marketplace.committee.defence.actions import (
    ANSWER_MOST,
    ATTENDANCE_MOST,
    MINUTES_MOST,
    PAUSE_MOST,
    QUESTION_MOST,
    REASON_MOST,
)
from marketplace.committee.defence.models import DefenceOrder


def words(rows: int = 3) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class PlanForm(forms.Form):
    first_at = forms.DateTimeField(
        label=_("The first begins"),
        help_text=_("Beijing time."),
        widget=forms.TextInput(attrs={"type": "datetime-local"}),
    )
    minutes = forms.IntegerField(
        label=_("Minutes each"), min_value=1, max_value=MINUTES_MOST, initial=30
    )
    pause = forms.IntegerField(
        label=_("Minutes between two"), min_value=0, max_value=PAUSE_MOST, initial=10
    )
    order = forms.ChoiceField(
        label=_("Order"),
        choices=DefenceOrder.choices,
        initial=DefenceOrder.LOT,
        widget=forms.RadioSelect,
    )
    place = forms.CharField(label=pgettext_lazy("where", "Place"), required=False, max_length=200)
    link = forms.CharField(
        label=_("Link of the meeting"),
        help_text=_("Every bidder sees it with its own time: use a waiting room."),
        required=False,
        max_length=500,
    )


class AttendanceForm(forms.Form):
    attended = forms.ChoiceField(
        label=_("Did they come?"),
        choices=[("yes", _("Came")), ("no", _("Did not come"))],
        widget=forms.RadioSelect,
    )
    attendance = forms.CharField(
        label=_("Who came, or why nobody did"), max_length=ATTENDANCE_MOST, widget=words(2)
    )

    def given(self) -> dict[str, Any]:
        return {**self.cleaned_data, "attended": self.cleaned_data["attended"] == "yes"}


class AskForm(forms.Form):
    text = forms.CharField(
        label=_("Your question"),
        help_text=_(
            "The bidder reads it without your name or code. Ask for what is there to be explained,"
            " not for what would change the bid."
        ),
        max_length=QUESTION_MOST,
        widget=words(),
    )


class AnswerForm(forms.Form):
    answer = forms.CharField(
        label=_("Your answer"),
        help_text=_("Once, in writing. What changes the substance of your bid does not count."),
        max_length=ANSWER_MOST,
        widget=words(5),
    )


class AsideForm(forms.Form):
    reason = forms.CharField(
        label=_("What it changes in substance"), max_length=REASON_MOST, widget=words(2)
    )
