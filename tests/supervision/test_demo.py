"""The people of the demo have signed what they owe, and supervision has something to see."""

import pytest

from marketplace.accounts.models import User
from marketplace.accounts.queries import hats
from marketplace.management.commands.load_demo import supervise
from marketplace.management.season.content import Content
from marketplace.management.season.people import load_people
from marketplace.supervision.models import Approach, Inspection, Tip

pytestmark = pytest.mark.django_db


def test_nobody_of_the_demo_owes_a_pledge_and_the_inspector_has_something_to_read():
    people = load_people(Content(), "password")
    owing = [
        (user.email, hat.actor.role)
        for user in User.objects.all()
        for hat in hats(user)
        if hat.actor.owes()
    ]
    assert owing == []
    supervise(people)
    assert Inspection.objects.visible_to(people.actor("inspector")).in_force().count() == 1
    assert (Approach.objects.count(), Tip.objects.count()) == (1, 1)
