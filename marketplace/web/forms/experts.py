"""What is typed about experts; the actions judge it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from marketplace.base import clock
from marketplace.experts.models import Expert, ExpertKind, Grade, InterestKind, Relation
from marketplace.web.forms.people import PeopleForm, day, line, lines
from marketplace.web.forms.people import email as address
from marketplace.web.forms.typed import offer

FREE = [("", "—")]


def whole(label: Any, note: Any = "") -> forms.CharField:
    widget = forms.TextInput(attrs={"inputmode": "numeric", "maxlength": 4})
    return forms.CharField(label=label, required=False, help_text=note, widget=widget)


class EntryForm(PeopleForm):
    number = line(_("Number in the pool"), maxlength=40, autocomplete="off")
    title = line(_("Professional title"), maxlength=80)
    title_en = line(_("Title in English"), maxlength=120)
    grade = forms.ChoiceField(label=_("Level"), choices=[*FREE, *Grade.choices[1:]])
    kind = forms.ChoiceField(label=_("Kind of expert"), choices=ExpertKind.choices)
    specialties = forms.MultipleChoiceField(
        label=_("Specialties"), widget=forms.CheckboxSelectMultiple
    )
    years = whole(_("Years in the field"))
    valid_until = day(_("Valid until"), note=_("From this day on the entry no longer stands."))
    panels_most = whole(
        _("Panels in twelve months, at most"), note=_("Empty: as many as the rules allow.")
    )

    def __init__(self, *args: Any, specialties: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "specialties", specialties.items())


class NewExpertForm(EntryForm):
    email = address(_("E-mail"), note=_("An account is made for it where there is none."))
    name = line(_("Name"), required=True, maxlength=80)
    name_en = line(_("Name in English"), maxlength=120)
    field_order = ("email", "name", "name_en")


class TieForm(PeopleForm):
    kind = forms.ChoiceField(label=_("Kind"), choices=[*FREE, *InterestKind.choices])
    relation = forms.ChoiceField(
        label=_("Which relative"),
        required=False,
        choices=[*FREE, *Relation.choices],
        help_text=_("Only for a near relative. The name is not asked for."),
    )
    party_name = line(_("Organisation"), required=True, maxlength=120)
    party_uscc = line(_("Its unified social credit code"), maxlength=18, autocomplete="off")
    from_date = day(_("Since when"))
    until_date = day(_("Until when"), note=_("Empty while it lasts."))


class UntilForm(PeopleForm):
    until_date = day(_("Ended on"), note=_("Empty: today."))


class SuspendForm(PeopleForm):
    reason = lines(_("Reason"), required=True, note=_("The office and the expert read it."), rows=3)


class ConsentForm(PeopleForm):
    consent_number = line(
        _("Reference of the people's consent"),
        required=True,
        maxlength=120,
        note=_("Under which the office keeps that these people agree to the use of their data."),
    )


def stands(expert: Expert) -> dict[str, Any]:
    """What an entry says, as one would type it."""
    since = expert.field_from_year
    return {
        "number": expert.number,
        "title": expert.title,
        "title_en": expert.title_en,
        "grade": expert.grade,
        "kind": expert.kind,
        "specialties": expert.specialties,
        "years": "" if since is None else clock.today().year - since,
        "valid_until": expert.valid_until.isoformat() if expert.valid_until else "",
        "panels_most": "" if expert.panels_most is None else expert.panels_most,
    }
