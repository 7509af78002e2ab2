"""Forms of a batch: the call, the joint meeting, the task list, the announcement."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.scenarios.batches.models import Batch
from marketplace.scenarios.batches.queries import Entry
from marketplace.web.forms.scenarios import shown
from marketplace.web.forms.typed import MARKS, TypedForm, offer

MOMENT = {"type": "datetime-local"}


def moment(label: Any, **more: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        widget=forms.TextInput(attrs=MOMENT),
        help_text=more.pop("help_text", _("Beijing time.")),
        **more,
    )


class Plain(TypedForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""

    @property
    def bound_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields]


class CallForm(Plain):
    number = forms.IntegerField(label=_("Number of the batch"))
    title = forms.CharField(label=_("Title"))
    title_en = forms.CharField(label=_("English title"), required=False)
    call_number = forms.CharField(label=_("Document number of the call"), required=False)
    closes_at = moment(_("Demands are filed until"), required=False)
    text = forms.CharField(
        label=_("Text of the call"),
        widget=forms.Textarea(attrs={"rows": 8}),
        required=False,
        help_text=MARKS,
    )
    text_en = forms.CharField(
        label=_("English text"), widget=forms.Textarea(attrs={"rows": 5}), required=False
    )


def initial_of(batch: Batch) -> dict[str, Any]:
    names = ("number", "title", "title_en", "call_number", "text", "text_en")
    values = {name: getattr(batch, name) for name in names}
    return values | {"closes_at": shown(batch.closes_at)}


class MeetingForm(Plain):
    meeting_at = moment(_("When"), required=False)
    meeting_place = forms.CharField(label=_("Where"), required=False)
    minutes_number = forms.CharField(label=_("Number of the minutes"), required=False)


class TaskForm(Plain):
    title = forms.CharField(label=_("What is to be done"))
    responsible = forms.ChoiceField(label=_("Responsible person"), required=False)
    responsible_office = forms.CharField(label=_("Or responsible office"), required=False)
    due_date = forms.CharField(label=_("Due"), widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, people: Iterable[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(str(row.uid), row.name) for row in people]
        offer(self, "responsible", [("", _("Nobody of the park office")), *choices])


class ReportForm(Plain):
    progress = forms.IntegerField(label=_("Progress in percent"))
    words = forms.CharField(label=_("Remarks"), required=False)


class CancelForm(Plain):
    reason = forms.CharField(label=_("Reason"), widget=forms.Textarea(attrs={"rows": 3}))


class AnnounceForm(Plain):
    announcement_number = forms.CharField(label=_("Document number of the announcement"))
    demands = forms.MultipleChoiceField(label=_("Demands"), widget=forms.CheckboxSelectMultiple)
    deadline_at = moment(
        _("Deadline for bids"),
        required=False,
        help_text=_("The same for all; each demand's own where you leave this empty."),
    )
    key_holders = forms.MultipleChoiceField(
        label=_("Key holders"), widget=forms.CheckboxSelectMultiple
    )
    sure = forms.BooleanField(
        label=_("I have read what is frozen, and know that publication cannot be undone.")
    )

    def __init__(
        self, *args: Any, entries: Iterable[Entry], people: Iterable[User], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "demands", [(str(e.scenario.uid), e.scenario.title) for e in entries])
        offer(self, "key_holders", [(str(p.uid), f"{p.name} · {p.email}") for p in people])
