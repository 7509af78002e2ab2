"""Forms of a demonstration: whom the office asks, an expert's opinion, the conclusion."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from marketplace.scenarios.demonstration.conclusion import QUESTIONS
from marketplace.scenarios.demonstration.models import DemonstrationOpinion, Outcome, Verdict
from marketplace.scenarios.demonstration.queries import Candidate
from marketplace.web.forms.typed import TypedForm, offer

YES_NO = [("yes", _("Yes")), ("no", _("No"))]


def lines(label: Any, *, rows: int = 2, **more: Any) -> forms.CharField:
    return forms.CharField(label=label, widget=forms.Textarea(attrs={"rows": rows}), **more)


class InviteForm(TypedForm):
    experts = forms.MultipleChoiceField(label=_("Experts"), widget=forms.CheckboxSelectMultiple)
    due_at = forms.CharField(
        label=_("Opinions until"),
        required=False,
        help_text=_("Beijing time. The usual days where you leave this empty."),
        widget=forms.TextInput(attrs={"type": "datetime-local"}),
    )

    def __init__(self, *args: Any, people: Iterable[Candidate], first: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        offer(self, "experts", [(str(row.user.uid), row.user.name) for row in people])
        if not first:
            del self.fields["due_at"]


class OpinionForm(TypedForm):
    """Two fields per question, then the verdict."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        for name in QUESTIONS:
            field: Any = DemonstrationOpinion._meta.get_field(name)
            self.fields[name] = forms.ChoiceField(
                label=field.verbose_name, widget=forms.RadioSelect, choices=YES_NO
            )
            self.fields[f"{name}_words"] = lines(_("In words"), required=False)
        self.fields["verdict"] = forms.ChoiceField(
            label=_("Your verdict"), widget=forms.RadioSelect, choices=Verdict.choices
        )
        self.fields["words"] = lines(
            _("What is to be revised, or your grounds"), rows=4, required=False
        )

    @property
    def bound_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields]


class DeclineForm(TypedForm):
    reason = lines(_("Why you stand back"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""


class ConcludeForm(TypedForm):
    outcome = forms.ChoiceField(label=_("Outcome"), widget=forms.RadioSelect)
    opinion = lines(
        _("Opinion of the demonstration"),
        rows=5,
        help_text=_("The owner reads it; where it passes it is one of the five documents."),
    )

    def __init__(self, *args: Any, outcomes: Collection[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        offer(self, "outcome", [(o.value, o.label) for o in Outcome if o in outcomes])
