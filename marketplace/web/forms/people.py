"""What is typed about people and organisations; the actions judge it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Organisation
from marketplace.accounts.organisations.models import RelationKind
from marketplace.base.actor import Role
from marketplace.scenarios.reference import Term
from marketplace.web.forms.typed import TypedForm, offer
from marketplace.web.templatetags.jiebang import term as term_name


def line(label: Any, *, required: bool = False, note: Any = "", **attrs: Any) -> forms.CharField:
    widget = forms.TextInput(attrs=attrs)
    return forms.CharField(label=label, required=required, help_text=note, widget=widget)


def lines(label: Any, *, required: bool = False, note: Any = "", rows: int = 4) -> Any:
    widget = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(label=label, required=required, help_text=note, widget=widget)


def day(label: Any, *, note: Any = "") -> forms.CharField:
    widget = forms.TextInput(attrs={"type": "date"})
    return forms.CharField(label=label, required=False, help_text=note, widget=widget)


def email(label: Any, note: Any = "") -> forms.CharField:
    widget = forms.TextInput(attrs={"type": "email", "autocomplete": "email"})
    return forms.CharField(label=label, help_text=note, widget=widget)


def password() -> forms.CharField:
    return forms.CharField(
        label=_("Password"),
        help_text=_("At least 8 characters, not only digits, and none that everybody uses."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        strip=False,
    )


def language() -> forms.ChoiceField:
    return forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)


class PeopleForm(TypedForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""

    def typed(self) -> dict[str, Any]:
        """What was typed, field by field, as it came."""
        return {name: self[name].value() for name in self.fields}


class InviteForm(PeopleForm):
    email = email(_("E-mail"))
    role = forms.ChoiceField(label=_("Acts as"))
    language = language()

    def __init__(self, *args: Any, roles: Sequence[Role], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "role", [(role.value, role.label) for role in roles])


class RoleForm(forms.Form):
    role = forms.ChoiceField(label=_("Acts as"))

    def __init__(self, *args: Any, roles: Sequence[Role], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        offer(self, "role", [(role.value, role.label) for role in roles])


class AccountForm(PeopleForm):
    """A new account for an address that is known already."""

    name = line(_("Your name"), required=True, autocomplete="name", maxlength=80)
    password = password()
    language = language()


class RegisterOrganisationForm(PeopleForm):
    uscc = line(
        _("Unified social credit code"),
        required=True,
        note=_("18 characters, as on the business licence."),
        maxlength=18,
        autocomplete="off",
    )
    name = line(_("Name of the organisation"), required=True, maxlength=120)
    name_en = line(_("English name"), maxlength=200)
    is_owner = forms.BooleanField(label=_("It posts demands"), required=False)
    is_vendor = forms.BooleanField(label=_("It bids for demands"), required=False)


class RegisterForm(RegisterOrganisationForm):
    person_name = line(_("Your name"), required=True, autocomplete="name", maxlength=80)
    email = email(_("E-mail"), note=_("You sign in with it."))
    password = password()
    language = language()

    def person(self) -> dict[str, Any]:
        typed = self.typed()
        known = ("email", "password", "language")
        return {"name": typed["person_name"]} | {name: typed[name] for name in known}


class ProfileForm(PeopleForm):
    name = line(_("Name of the organisation"), required=True, maxlength=120)
    name_en = line(_("English name"), maxlength=200)
    is_owner = forms.BooleanField(label=_("It posts demands"), required=False)
    is_vendor = forms.BooleanField(label=_("It bids for demands"), required=False)
    profile_zh = lines(_("What it does"), note=_("Everybody can read this."), rows=5)
    profile_en = lines(_("What it does, in English"), rows=5)
    capabilities = forms.MultipleChoiceField(
        label=_("Capabilities"), required=False, widget=forms.CheckboxSelectMultiple
    )
    contact = line(
        _("Contact"), note=_("An office, its telephone or e-mail. Everybody can read this.")
    )
    revision = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, organisation: Organisation, **kwargs: Any) -> None:
        names = [*self.base_fields]
        given = {name: getattr(organisation, name) for name in names}
        super().__init__(*args, initial=given, **kwargs)
        known = capability_terms()
        offer(self, "capabilities", known.items())
        self.known = set(known)
        if organisation.is_office:
            del self.fields["is_owner"], self.fields["is_vendor"]

    def unknown_capabilities(self) -> bool:
        """The vocabulary lives in a room above that of organisations, so it is asked here."""
        return not set(self["capabilities"].value() or []) <= self.known


def capability_terms() -> dict[str, str]:
    """{code: its word} of what an organisation may say it can do: the technologies."""
    rows = Term.objects.filter(vocabulary="technology").order_by("position", "pk")
    return {row.code: term_name(row) for row in rows}


class ControlForm(PeopleForm):
    name = line(_("Who controls it"), required=True, maxlength=120)
    uscc = line(
        _("Its unified social credit code"), note=_("If it is an organisation."), maxlength=18
    )
    identity_number = line(
        _("Number of the identity document"),
        note=_("If it is a person. It is not kept: only a mark by which the same is recognised."),
        autocomplete="off",
    )
    from_date = day(_("Since"))


class RelationForm(PeopleForm):
    other_name = line(_("The other organisation"), required=True, maxlength=120)
    other_uscc = line(_("Its unified social credit code"), required=True, maxlength=18)
    kind = forms.ChoiceField(label=_("Kind"), choices=[("", "—"), *RelationKind.choices])
    from_date = day(_("Since"))


class EvidenceForm(PeopleForm):
    licence_number = line(
        _("Number of the business licence"), required=True, maxlength=60, autocomplete="off"
    )
    legal_representative = line(
        _("Legal representative"), required=True, maxlength=80, autocomplete="off"
    )
    registry_url = line(
        _("Entry in the public registry"), note=_("Its web address."), maxlength=400
    )
    evidence_number = line(
        _("Reference of the document"),
        note=_("Under which the office finds the scan or the letter that you sent."),
        maxlength=120,
    )
    evidence_sha256 = line(
        _("SHA-256 of the document"), maxlength=64, autocomplete="off", spellcheck="false"
    )
    note = lines(_("Remarks"), rows=3)


class VerdictForm(EvidenceForm):
    """What the office says; the evidence only where nothing waits."""

    in_lingang = forms.BooleanField(label=_("Its site lies in Lingang"), required=False)

    def __init__(self, *args: Any, filed: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if filed:
            for name in EvidenceForm.base_fields:
                del self.fields[name]

    def evidence(self) -> dict[str, Any]:
        typed = self.typed()
        return {name: typed[name] for name in EvidenceForm.base_fields if name in typed}


class RefuseVerificationForm(forms.Form):
    reason = lines(
        _("Reason"), required=True, note=_("The organisation reads it and may ask again."), rows=3
    )
