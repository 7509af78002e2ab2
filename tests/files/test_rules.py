"""Who may upload what, go on with it, and take evidence back."""

import pytest

from marketplace.base.actor import OPENER, SYSTEM, VISITOR, Role
from marketplace.files.limits import Purpose
from marketplace.files.models import Upload
from marketplace.files.rules import (
    can_attach_evidence,
    can_continue_upload,
    can_remove_evidence,
    can_upload,
)
from tests import world
from tests.matrix import cells, rules_of

pytestmark = pytest.mark.django_db

# maker: an editor of the organisation who began it; owner, viewer: others of that organisation;
# rival: owner of another one.
WHO = (
    "visitor maker owner viewer rival vendor officer secretary"
    " expert evaluator witness complaints inspector operator system opener"
)
#                           vi ma ow ve ri ve of se ex ev wi co in op sy op
MATRIX = {
    can_upload: "           -  +  +  -  +  -  -  -  -  -  -  -  -  -  -  -",
    can_continue_upload: "  -  +  -  -  -  -  -  -  -  -  -  -  -  -  -  -",
    can_remove_evidence: "  -  +  +  -  -  -  -  -  -  -  -  -  -  -  -  -",
    can_attach_evidence: "  -  +  +  -  -  -  +  -  -  -  -  -  -  -  -  -",
}


def actor_called(who, maker):
    fixed = {"visitor": VISITOR, "system": SYSTEM, "opener": OPENER, "maker": maker}
    if who in fixed:
        return fixed[who]
    made = {
        "owner": lambda: world.member(maker.organisation),
        "viewer": lambda: world.member(maker.organisation, Role.VIEWER),
        "rival": world.owner,
        "vendor": world.vendor,
        "officer": world.officer,
        "secretary": world.secretary,
    }
    return made[who]() if who in made else world.person(Role(who))


@pytest.mark.parametrize(("rule", "who", "allowed"), cells(WHO, MATRIX))
def test_matrix(rule, who, allowed):
    maker = world.member(world.make_organisation(is_owner=True), Role.EDITOR)
    upload = Upload(user=maker.user, organisation=maker.organisation, purpose=Purpose.EVIDENCE)
    rows = {can_upload: Purpose.ATTACHMENT, can_attach_evidence: maker.organisation}
    assert rule(actor_called(who, maker), rows.get(rule, upload)) is allowed


@pytest.mark.parametrize(
    ("purpose", "owner", "vendor", "office"),
    [
        (Purpose.ATTACHMENT, True, False, False),
        (Purpose.SEALED, False, True, False),
        (Purpose.EVIDENCE, True, True, True),
        (Purpose.DOCUMENT, True, False, True),
        (Purpose.SIGNED, False, False, True),
        (Purpose.COURSE, True, False, False),
        (Purpose.TRUTH, True, False, False),
        (Purpose.RESULT, False, True, False),
    ],
)
def test_each_purpose_has_its_people(purpose, owner, vendor, office):
    assert can_upload(world.owner(), purpose) is owner
    assert can_upload(world.vendor(), purpose) is vendor
    assert can_upload(world.officer(), purpose) is office


def test_an_officer_goes_on_with_his_own_evidence_only():
    officer = world.officer()
    for purpose, may in ((Purpose.EVIDENCE, True), (Purpose.ATTACHMENT, False)):
        upload = Upload(user=officer.user, organisation=officer.organisation, purpose=purpose)
        for rule in (can_continue_upload, can_remove_evidence):
            assert rule(officer, upload) is may
            assert rule(world.secretary(), upload) is False
        assert can_continue_upload(world.officer(), upload) is False


def test_every_rule_has_a_row():
    assert rules_of("files") == set(MATRIX)
