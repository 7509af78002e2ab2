"""Before the result no address tells whom the lot fell on: every byte of every answer is looked at.

The pool is known to the office, so a name alone tells nothing; what would tell is an answer that
names who was drawn and not the others.
"""

from contextlib import suppress

import pytest
from django.core import mail
from django.test import Client
from django.urls import NoReverseMatch, get_resolver, reverse
from django.urls.resolvers import URLPattern, URLResolver

from marketplace.base.actor import Role
from marketplace.committee.models import Panel, PanelMember
from tests import world
from tests.api.client import As
from tests.committee import factories
from tests.committee.draw import steps
from tests.committee.test_pages import signed_in
from tests.notices.steps import deliver

pytestmark = pytest.mark.django_db
# What an address may ask for that belongs to this demand.
ASKED = {"address", "uid"}


def names_of_routes(resolver=None, prefix=""):
    """{name: what the address asks for} of everything that is served."""
    found = {}
    for row in (resolver or get_resolver()).url_patterns:
        if isinstance(row, URLResolver):
            if row.namespace is None:
                found |= names_of_routes(row)
        elif isinstance(row, URLPattern) and row.name:
            found[row.name] = set(row.pattern.converters) | set(row.pattern.regex.groupindex)
    return found


def addresses(draw):
    """Every page and operation of this demand, its draw and its panel, and every list."""
    panel = Panel.objects.get(scenario=draw.scenario)
    member = PanelMember.objects.get(panel=panel)
    uids = {
        "draw": [draw.uid, *draw.invitations.values_list("uid", flat=True)],
        "panel": [panel.uid, member.uid],
        "api-draw": [draw.uid, *draw.invitations.values_list("uid", flat=True)],
        "api-panel": [panel.uid],
        "api-scenario": [draw.scenario.uid],
    }
    for name, asked in names_of_routes().items():
        # Signing in and out, and the keys for it, belong to the reader alone.
        if name.startswith(("account", "mfa", "socialaccount", "usersessions")):
            continue
        if "logout" in name or not asked <= ASKED:
            continue
        if not asked:
            with suppress(NoReverseMatch):  # what takes something else has it in its regex
                yield reverse(name)
        elif asked == {"address"}:
            yield reverse(name, args=[draw.scenario.address])
        else:
            for start, values in uids.items():
                if name.startswith(start):
                    yield from (reverse(name, args=[uid]) for uid in values)


@pytest.mark.slow
def test_no_answer_to_anybody_tells_who_was_drawn():
    people = steps.pool(9)
    draw = steps.drawn()
    first = steps.invited(draw)[0]
    steps.answer(first)
    drawn = {row.place.expert.user for row in draw.invitations.all()}
    needles = {user: (user.name, str(user.uid), user.email) for user in drawn}
    others = [actor.user for actor in people if actor.user not in drawn]
    bidder = draw.scenario.bids.order_by("pk")[0].organisation
    readers = {
        "visitor": Client(),
        "bidder": signed_in(world.member(bidder)),
        "officer": signed_in(world.officer()),
        "secretary": signed_in(world.secretary()),
        "witness": signed_in(world.person(Role.WITNESS)),
        "expert": signed_in(world.person(Role.EXPERT)),
    }
    told, answered = [], 0
    routes = sorted(set(addresses(draw)))
    for who, client in readers.items():
        for route in routes:
            answer = client.get(route)
            if answer.status_code != 200:
                continue
            answered += 1
            parts = b"".join(answer.streaming_content) if answer.streaming else answer.content
            text = parts.decode("utf-8", "replace") + str(dict(answer.headers))
            some = [u for u, words in needles.items() if any(word in text for word in words)]
            if some and not (len(some) == len(drawn) and all(u.name in text for u in others)):
                told.append((who, route, [user.name for user in some]))
    assert told == []
    assert answered > 100


def test_messages_go_to_whom_they_name_alone():
    steps.pool(9)
    draw = steps.drawn()
    for invitation in steps.invited(draw):
        steps.answer(invitation)
    deliver()
    drawn = {row.place.expert.user for row in draw.invitations.all()}
    wrong = [
        (user.name, message.to)
        for message in mail.outbox
        for user in drawn
        if user.email not in message.to
        and (user.name in message.body + message.subject or user.email in message.body)
    ]
    assert wrong == []


def test_answers_change_no_tag_that_others_hold():
    steps.pool(9)
    draw = steps.drawn(factories.scenario_in_review())
    bidder = As(world.member(draw.scenario.bids.order_by("pk")[0].organisation))
    path = f"scenarios/{draw.scenario.uid}/"
    before = bidder.get(path)["ETag"]
    for invitation in steps.invited(draw):
        steps.answer(invitation)
    assert bidder.get(path)["ETag"] == before
