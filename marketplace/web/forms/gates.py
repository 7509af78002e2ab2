"""The forms of the office's steps, and of the owner who takes a demand back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.scenarios.models import Scenario
from marketplace.web.forms.scenarios import lines, shown
from marketplace.web.forms.typed import TypedForm, offer


class GateForm(TypedForm):
    """One step of the office, with the words that belong to it."""

    step = forms.ChoiceField(label=_("What the office does"), widget=forms.RadioSelect)
    words = lines(
        _("Reason or opinion"),
        note=_("The owner reads it. Needed for everything but taking the demand up."),
        rows=5,
    )

    def __init__(self, *args: Any, steps: list[tuple[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        offer(self, "step", steps)


class PublishForm(TypedForm):
    deadline_at = forms.CharField(
        label=_("Deadline for bids"),
        help_text=_("Beijing time. It may be put off later, never brought forward."),
        widget=forms.TextInput(attrs={"type": "datetime-local", "step": "1"}),
    )
    key_holders = forms.MultipleChoiceField(
        label=_("Key holders"), widget=forms.CheckboxSelectMultiple
    )
    sure = forms.BooleanField(
        label=_("I have read what is frozen, and know that publication cannot be undone.")
    )

    def __init__(
        self, *args: Any, scenario: Scenario, people: Iterable[User], **kwargs: Any
    ) -> None:
        kwargs.setdefault("initial", {"deadline_at": shown(scenario.deadline_at)})
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        holders = [(str(person.uid), f"{person.name} · {person.email}") for person in people]
        offer(self, "key_holders", holders)
        if scenario.profile and scenario.profile.takes_bids:
            self.fields["key_holders"].help_text = _(
                "At least %(count)s different people; each confirms the opening alone."
            ) % {"count": scenario.profile.count("open_confirmations")}


class WithdrawForm(TypedForm):
    reason = lines(
        _("Reason"), required=True, note=_("Everybody may read it beside the demand."), rows=5
    )
