"""Before its opening nothing readable of a bid lies anywhere: a search that is proven to find."""

import base64
import ctypes
import json
import os
import secrets
import string
import struct
from pathlib import Path

import psycopg
import pytest
import redis
from psycopg import sql

from config.runtime.postgres import SUPER
from config.runtime.state import State
from marketplace.base import clock as site_clock
from marketplace.bidding.models import Bid, BidState, BidVersion, Opening
from tests import servers_plugin, world
from tests.bidding import bids
from tests.faults.service import wait_until

pytestmark = pytest.mark.slow
BIG = 3 * 1024 * 1024
IN_CREATE = 0x100


def made_up_word():
    return "canary" + "".join(secrets.choice(string.ascii_lowercase) for _ in range(18))


def made_up_number(digits):
    return "".join(secrets.choice("123456789") for _ in range(digits))


def guises(text):
    """The bytes in which a text might lie somewhere: plain, hex, base64 wherever it begins."""
    plain = text.encode()
    found = {plain, plain.hex().encode(), plain.hex().upper().encode()}
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + plain)
        inner = coded[4 * bool(shift) : len(coded) // 4 * 4 - 4]
        found |= {inner, inner.translate(bytes.maketrans(b"+/", b"-_"))}
    return found


def as_numeric(digits):
    """A whole number as PostgreSQL keeps it on the disk: groups of four digits, two bytes each."""
    padded = digits.zfill(-(-len(digits) // 4) * 4)
    groups = [int(padded[place : place + 4]) for place in range(0, len(padded), 4)]
    return struct.pack(f"<{len(groups)}h", *groups)


class Search:
    """Every place that keeps something of this installation, as bytes by the name of the place."""

    def __init__(self, service, database):
        self.service, self.database = service, database
        state = State(servers_plugin.run.folder).values
        home = Path(state.get("pg_home", servers_plugin.run.folder))
        self.data = home / "pg" / "data"
        self.super_url = (
            f"postgresql://{SUPER}:{state[f'pg_password_{SUPER}']}"
            f"@127.0.0.1:{servers_plugin.run.owner_url.rsplit(':', 1)[1]}"
        )

    def where(self, *sought):
        """For each set of needles the places that hold one of them; one walk for all."""
        found = [set() for _needles in sought]
        for place, body in self.places():
            for needles, places in zip(sought, found, strict=True):
                if any(needle in body for needle in needles):
                    places.add(place.split(" ")[0])
        return found

    def places(self):
        yield from self.tables()
        yield from files("data", self.data)
        yield from self.valkey()
        yield from files("valkey-files", servers_plugin.run.folder / "valkey")
        for name in ("storage", "logs", "tmp"):
            yield from files(name, self.service.folder / name)

    def tables(self):
        """Every row of every table, the system's and those of long values included."""
        with psycopg.connect(f"{self.super_url}{self.database.name}", autocommit=True) as db:
            db.execute("CHECKPOINT")
            names = db.execute(
                "SELECT nspname, relname FROM pg_class c JOIN pg_namespace n "
                "ON n.oid = relnamespace WHERE relkind IN ('r', 'm', 't')"
            ).fetchall()
            assert ("public", "marketplace_sealedenvelope") in names
            assert len({schema for schema, _name in names}) >= 4
            for schema, name in names:
                rows = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT").format(
                    sql.Identifier(schema, name)
                )
                with db.cursor().copy(rows) as copy:
                    yield f"tables {schema}.{name}", b"".join(map(bytes, copy))

    def valkey(self):
        """All databases: the queue may use more than its own."""
        address = os.environ["REDIS_URL"].rsplit("/", 1)[0]
        for number in range(16):
            with redis.Redis.from_url(f"{address}/{number}") as client:
                for key in client.scan_iter():
                    yield "valkey", key + b" " + (dump(client, key) or b"")


def dump(client, key):
    """The value as text, by its type; None when it is gone meanwhile."""
    readers = {
        b"string": client.get,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": client.smembers,
        b"hash": client.hgetall,
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
    }
    reader = readers.get(client.type(key))
    return repr(reader(key)).encode() if reader else client.dump(key)


def files(name, folder):
    for path in sorted(folder.rglob("*")):
        try:
            if path.is_file():
                yield f"{name} {path}", path.name.encode() + b" " + path.read_bytes()
        except OSError:  # another test's table was dropped meanwhile
            continue


class Watch:
    """Tells of every file that is made in a folder, also of those that are gone again."""

    def __init__(self, folder):
        libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor = libc.inotify_init1(os.O_NONBLOCK)
        assert libc.inotify_add_watch(self.descriptor, os.fsencode(folder), IN_CREATE) > 0

    def names(self):
        found = []
        try:
            events = os.read(self.descriptor, 65536)
        except BlockingIOError:
            return found
        while events:
            length = struct.unpack_from("iIII", events)[3]
            found.append(events[16 : 16 + length].rstrip(b"\0").decode())
            events = events[16 + length :]
        return found

    def close(self):
        os.close(self.descriptor)


def canary_bid(word, number):
    """A bid whose every free field holds the word, and every long figure the number."""

    def mark(place):
        return f"金丝雀{word}{place}"

    price = f"{number}.37"
    nodes = zip(("签约", "中期", "验收"), (f"{number}.00", "0.30", "0.07"), strict=True)
    forms = bids.forms(
        business__legal_representative=mark("lawful"),
        business__project_leader=mark("leader"),
        business__contact_name=mark("contact"),
        business__contact_phone=f"021-{number}",
        business__contact_email=f"{word}@canary.invalid",
        business__related_parties=mark("related"),
        business__team=[{"name": mark("person"), "role": mark("role"), "years": 9}],
        business__condition_statements={"Q1": mark("first"), "Q2": mark("second")},
        technical__approach=mark("approach") * 400,
        technical__risks=mark("risks"),
        technical__resources=mark("resources"),
        technical__commitments={"M1": f"{number}.25"},
        technical__plan=[{"month": 2, "result": mark("result")}],
        price__note=mark("note"),
        price__total_cny=price,
        price__nodes=[{"name": name, "amount_cny": amount} for name, amount in nodes],
    )
    line = f"{mark('attached')}\n".encode()
    small, big = line * 20, line * (BIG // len(line) + 1)
    attached = {
        "business": {f"business-{word}.txt": small},
        "technical": {f"technical-{word}.txt": big},
        "price": {f"price-{word}.txt": small},
    }
    return forms, attached


def test_the_guises_of_a_text_are_found():
    needles = guises("canaryword")
    for coat in (b"", b"x", b"xy", b"xyz"):
        coded = base64.b64encode(coat + b"a canaryword and")
        assert any(needle in coded for needle in needles)
        assert any(needle in (coat + b"canaryword").hex().encode() for needle in needles)
    assert as_numeric("73519462801") == struct.pack("<3h", 735, 1946, 2801)


def test_nothing_of_a_bid_is_readable_before_its_opening(service, committing_db, clock):
    word, number, title = made_up_word(), made_up_number(10), made_up_word()
    owner, vendor = world.owner(), world.vendor()
    scenario = world.published_scenario(
        owner, title=f"需求{title}", budget_cny=10**10 - 1, consortium_allowed=False
    )
    service.start_worker()
    service.start_beat()
    service.start_opener()
    service.start_web()
    watch = Watch(service.folder / "tmp")
    (service.folder / "tmp" / "proof").write_bytes(b"")
    assert watch.names() == ["proof"]

    session = service.sign_in(vendor)
    forms, attached = canary_bid(word, number)
    answer = service.submit_bid(session, scenario, forms, attached)
    assert answer.status_code == 201, answer.text
    # What nobody takes, a bid in the clear, is refused and leaves no trace either.
    csrf = {"X-CSRFToken": session.cookies["csrftoken"]}
    broken = session.post(
        f"{service.address}/api/v1/scenarios/{scenario.uid}/packages/",
        json={"forms": forms},
        headers=csrf,
        timeout=30,
    )
    assert broken.status_code == 422
    version = BidVersion.objects.select_related("bid").get()
    assert version.envelopes.count() == 3
    assert sum(version.envelopes.values_list("size", flat=True)) > BIG
    # Bodies went through memory: no file was ever made beside the storage.
    assert watch.names() == []
    watch.close()

    search = Search(service, committing_db)
    secret = guises(word) | guises(number) | {as_numeric(number)}
    # The same search finds what is there: in the tables and in PostgreSQL's files.
    assert search.where(secret, guises(title)) == [set(), {"tables", "data"}]

    # After the opening it finds the bid, so it would have found it before.
    clock.move(scenario.deadline_at - site_clock.now())
    opening = wait_until(Opening.objects.filter(scenario=scenario).first, "asked to open")
    assert opening.confirmations_needed == 2
    assert Bid.objects.get().state == BidState.SUBMITTED
    assert search.where(secret) == [set()]
    bids.confirm(scenario)
    wait_until(lambda: Bid.objects.get().state == BidState.OPENED, "opened")
    # The price stays sealed until the sheets are locked.
    price_only = {f"{word}note".encode(), f"price-{word}".encode()}
    opened, price, logs = search.where(guises(word), price_only, {b"opener.started"})
    assert {"tables", "data", "storage"} <= opened
    assert price == set()
    assert "logs" in logs
    receipt = json.loads(bytes(version.receipt.body))
    assert receipt["bid"] == str(version.bid.uid)
