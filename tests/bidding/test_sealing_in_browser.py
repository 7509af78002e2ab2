"""The scripts that check and seal, in a real browser, held against the Python that does the same."""

from __future__ import annotations

import base64
import copy
import hashlib
import io
import json
import random
from uuid import uuid4

import pyrage
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from marketplace.accounts import uscc
from marketplace.base import packer, sealing
from marketplace.base.canonical import canonical
from marketplace.base.errors import DomainError
from marketplace.base.packer import names_found, safe_name
from marketplace.bidding import sentences
from marketplace.bidding.anonymity import telling_names
from marketplace.bidding.forms_schema import check_bid, normalised
from marketplace.bidding.sheet import sealing_sheet
from tests import world
from tests.bidding import bids

pytestmark = pytest.mark.browser

PACK = """
async ([form, files, told]) => {
  const { digested, manifestOf, packed, packedSize } = await import("/static/jiebang/seal/pack.js");
  const chosen = files.map(([name, text]) => ({
    name, blob: new Blob([Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0))]),
  }));
  const entries = await digested(form, chosen);
  const manifest = manifestOf(entries, told);
  const pieces = [];
  for await (const piece of packed(manifest, entries)) pieces.push(piece.slice());
  const whole = new Uint8Array(await new Blob(pieces).arrayBuffer());
  let text = "";
  for (let at = 0; at < whole.length; at += 8192) {
    text += String.fromCharCode(...whole.subarray(at, at + 8192));
  }
  return [btoa(text), packedSize(manifest, entries)];
}
"""


@pytest.fixture
def scripts(site, page):
    """A page of ours from which the scripts can be imported."""
    broken = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.goto(f"{site}/en/verify/")
    yield page
    assert broken == []


def packed_there(page, form, files, told):
    given = [[name, base64.b64encode(body).decode()] for name, body in files.items()]
    text, size = page.evaluate(PACK, [form, given, told])
    whole = base64.b64decode(text)
    assert len(whole) == size
    return whole


def told(**more):
    return {"scenario": str(uuid4()), "organisation": str(uuid4()), "envelope": "price"} | more


FILES = [
    {},
    {"a.txt": b"a"},
    {"证照（副本）.pdf": b"%PDF" * 300, "x" * 116 + ".bin": b"\0" * 512, "é.txt": b"\xff" * 513},
    {"长" * 40 + ".txt": b"1" * 70_000, "😀.txt": b""},
]


@pytest.mark.parametrize("files", FILES)
def test_a_package_is_the_same_byte_for_byte(scripts, files):
    form = {"note": "含税 \u2028 “x” \x7f é", "n": 3, "é": [True, None], "😀": {"b": 1, "a": ""}}
    about = told(nonce="0" * 32)
    there = packed_there(scripts, form, files, about)
    here = sealing.pack({packer.FORM: canonical(form), **files}, **about)
    assert hashlib.sha256(there).hexdigest() == hashlib.sha256(here).hexdigest()


def test_sizes_are_padme_s(scripts):
    chance = random.Random(5)
    sizes = [0, 1, 65535, 65536, 65537, 2**31 - 1, 2**31, 2**31 + 1, 2**40 + 7]
    sizes += [chance.randrange(1, 2 ** chance.randrange(17, 50)) for _ in range(500)]
    there = scripts.evaluate(
        """async (sizes) => {
          const { padme } = await import("/static/jiebang/seal/pack.js");
          return sizes.map(padme);
        }""",
        sizes,
    )
    assert there == [packer.padme(size) for size in sizes]


SEAL = """
async ([forms, sizes, about, recipients, worker]) => {
  const files = Object.fromEntries(Object.entries(sizes).map(([envelope, rows]) => [
    envelope, rows.map(([name, size, seed]) => {
      const bytes = new Uint8Array(size);
      for (let at = 0; at < size; at += 1) bytes[at] = (at * seed + (at >> 9)) & 255;
      return new File([bytes], name);
    }),
  ]));
  const { workshop } = await import("/static/jiebang/seal/work.js");
  const { sealedFile, clearShelf } = await import("/static/jiebang/seal/shelf.js");
  const work = workshop("/static/jiebang/seal/worker.js");
  const shares = [];
  const plan = { forms, files, ...about, recipients };
  const tried = await work("rehearse", { plan });
  const told = await work("seal", { plan, key: "test" }, ({ share }) => shares.push(share));
  const sealed = {};
  for (const { envelope } of told) {
    const url = URL.createObjectURL(await sealedFile("test", `${envelope}.age`));
    const bytes = new Uint8Array(await (await sealedFile("test", `${envelope}.age`)).arrayBuffer());
    let text = "";
    for (let at = 0; at < bytes.length; at += 8192) {
      text += String.fromCharCode(...bytes.subarray(at, at + 8192));
    }
    sealed[envelope] = btoa(text);
    URL.revokeObjectURL(url);
  }
  await clearShelf("test");
  return { tried, told, sealed, shares };
}
"""


def body_of(size, seed):
    return bytes((at * seed + (at >> 9)) & 255 for at in range(size))


def test_python_opens_what_the_browser_sealed(scripts, tmp_path):
    pairs = {name: pyrage.x25519.Identity.generate() for name in ("business", "technical", "price")}
    about = {"scenario": str(uuid4()), "organisation": str(uuid4())}
    sizes = {
        "business": [["证照.pdf", 100_000, 3]],
        "technical": [["方案.bin", 5 * 1024 * 1024 + 11, 7], ["b.txt", 1, 1]],
        "price": [],
    }
    forms = bids.forms()
    recipients = {name: str(pair.to_public()) for name, pair in pairs.items()}
    made = scripts.evaluate(SEAL, [forms, sizes, about, recipients, ""])
    assert [one["whole"] for one in made["tried"]] == [True] * 3
    assert made["shares"] == sorted(made["shares"])
    for row in made["told"]:
        envelope = row["envelope"]
        raw = base64.b64decode(made["sealed"][envelope])
        assert (hashlib.sha256(raw).hexdigest(), len(raw)) == (row["sha256"], row["size"])
        sealing.check_form(raw)
        wanted = {name: body_of(size, seed) for name, size, seed in sizes[envelope]}
        key = {"identity": str(pairs[envelope]), "folder": tmp_path, "envelope": envelope}
        with sealing.unseal(io.BytesIO(raw), **key, **about) as opened:
            found = {name: b"".join(opened.pieces(name)) for name in opened.names}
        assert found == {packer.FORM: canonical(forms[envelope]), **wanted}
        tried = next(one for one in made["tried"] if one["envelope"] == envelope)
        assert {one["name"]: one["sha256"] for one in tried["files"]} == {
            name: entry["sha256"] for name, entry in opened.manifest["files"].items()
        }


# -- Checking --------------------------------------------------------------------------------------
CHECK = """
async ([sheet, sentences, cases]) => {
  const { check, normalised, said } = await import("/static/jiebang/seal/check.js");
  return cases.map(([forms, names]) => {
    const clean = normalised(forms);
    const files = Object.fromEntries(Object.entries(names).map(
      ([envelope, rows]) => [envelope, rows.map(([name, size]) => ({ name, size }))]));
    const faults = check(sheet, clean, files);
    return [clean, Object.fromEntries([...faults].map(
      ([path, told]) => [path, told.map((one) => said(sentences, one)).sort()]))];
  });
}
"""


def by_the_server(scenario, organisation, forms, names):
    files = {
        envelope: [(name, b"x" * size) for name, size in rows] for envelope, rows in names.items()
    }
    clean = normalised(forms)
    try:
        check_bid(scenario=scenario, organisation=organisation, forms=forms, files=files)
    except DomainError as error:
        return clean, {path: sorted(map(str, told)) for path, told in error.errors.items()}
    return clean, {}


def plain(value):
    return json.loads(canonical(value))


class Compared:
    def __init__(self, page, **scenario):
        self.page = page
        self.scenario = world.published_scenario(**scenario)
        self.vendor = world.vendor()
        self.sheet = plain(sealing_sheet(self.vendor, self.scenario))

    def __call__(self, cases):
        said = sentences.all_sentences()
        found = self.page.evaluate(CHECK, [self.sheet, said, cases])
        seen = set()
        differing = []
        for (forms, names), (clean, faults) in zip(cases, found, strict=True):
            wanted = by_the_server(self.scenario, self.vendor.organisation, forms, names)
            if (clean, faults) != (plain(wanted[0]), wanted[1]):
                differing.append((forms, names, faults, wanted[1]))
            seen |= {text for told in faults.values() for text in told}
        assert differing == []
        return seen


def case(names=None, **changes):
    return bids.forms(**changes), names or {}


def variations(organisation):
    """One form after the other, each with something wrong, and right ones of many writings."""
    yield case()
    yield {}, {}
    yield {"business": [], "technical": {}, "price": None}, {}
    yield from other_values()
    yield from other_figures()
    yield from partners(organisation)
    yield from tellings(organisation)
    yield from several_at_once(organisation)


def several_at_once(organisation):
    """Faults of several checks at one place, and beside one another."""
    leader = bids.forms()["business"]["project_leader"]
    yield case(technical__commitments={"M1": leader})
    yield case(technical__plan=leader)
    yield case({"technical": [(f"{leader}.txt", 0)]})
    yield case({"technical": [(f"{leader}/x", 1)] * 6})
    partner = bids.member(organisation)
    for name in ("condition_statements", "team"):
        together = bids.consortium(partner | {"uscc": "1" * 18})
        yield case(**together | {f"business__{name}": {}})
    for team in ([], [{"name": "n", "role": "r", "years": 1}]):
        yield case(business__team=team, business__condition_statements={"Q1": "", "Q9": ""})
        yield case(business__team=team, business__condition_statements={"Q1": 5, "Q12345": "x"})
        many = {f"Q{number}": "x" for number in range(60)}
        yield case(business__team=team, business__condition_statements=many)
    yield case(technical__commitments={"M9": "x", "": None}, technical__plan=[])


def other_values():
    for envelope, form in bids.forms().items():
        for name in form:
            without = bids.forms()
            del without[envelope][name]
            yield without, {}
            for value in ("", None, 5, "x", "\x00", [], {}, "长" * 90, "y" * 20_001, True):
                yield case(**{f"{envelope}__{name}": value})
    yield case(business__team=[{"name": "n", "role": "r", "years": 1}] * 51)


def other_figures():
    for typed in ("９０００００", " 900,000.0 ", "900000.001", "-1", "1e5", "٩", "0", "1200000.01"):
        yield case(price__total_cny=typed)
        yield case(price__nodes=[{"name": "一", "amount_cny": typed}], price__total_cny=typed)
    for typed in ("６", "100", "6.125", "%6", "6."):
        yield case(price__tax_rate_percent=typed)
    for typed in ("abc", "021－0000", "1" * 41, "a@b", "ａ＠ｂ．ｃ", "a b@c", "@"):
        yield case(business__contact_phone=typed)
        yield case(business__contact_email=typed)
    for typed in ("viele", "71", "-1", "７", 7, "", None, "1.0", 10**9):
        yield case(business__team=[{"name": "某", "role": "长", "years": typed}])
        yield case(technical__plan=[{"month": typed, "result": "r"}])
    for typed in ("99", "-0.5", "９９.2", "99.1234567", "99%", ""):
        yield case(technical__commitments={"M1": typed})
    yield case(technical__commitments={"M1": "99", "M9": "1"})


def partners(organisation):
    good = bids.member(world.vendor().organisation)
    files = {"business": [(bids.AGREEMENT[0], 1)]}
    yield case(files, **bids.consortium(good))
    for partner in (
        good, good | {"uscc": organisation.uscc}, good | {"uscc": "９1X"}, {"name": "x"},
        good | {"share_percent": "0.00"}, good | {"share_percent": "１０％"}, good | {"work": ""},
    ):  # fmt: skip
        yield case(files, business__consortium=[partner])
        together = bids.consortium(good)
        yield case(files, **together | {"business__consortium": [partner]})
        yield case(files, **together | {"business__consortium": [partner, good]})
    yield case(**bids.consortium(good))
    yield case(business__consortium=[good] * 11)
    for typed in ("89.99", "90", "９０.0", "100", "", None, "90.001", 90):
        yield case(files, **bids.consortium(good, lead_share_percent=typed))
    for name in ("lead_work", "lead_share_percent", "consortium_agreement"):
        yield case(files, **{f"business__{name}": "x"})
        yield case(files, **bids.consortium(good, **{name: ""}))
    for liable in (True, False, None):
        yield case(files, business__joint_liability=liable)
        yield case(files, **bids.consortium(good, joint_liability=liable))
    code = good["uscc"]
    for other in (code[:-1] + "0", code.lower(), "O" * 18, "1" * 18, "９" + code):
        yield case(files, **bids.consortium(good | {"uscc": other}))
    for challenges in ([], [{"who": "某", "reason": "r"}] * 4, [{"who": "", "reason": "r"}], None):
        yield case(business__challenges=challenges)


def tellings(organisation):
    def rows(*names):
        return {"technical": [(name, 1) for name in names]}

    name = organisation.name
    for text in (
        name, f"由{name}承担", " ".join(name), organisation.uscc.lower(), "孙 项 一", "021－00000701",
        "BID@test.INVALID", "xbid@test.invalid",
    ):  # fmt: skip
        yield case(technical__approach=text)
        yield case(technical__plan=[{"month": 1, "result": text}])
        yield case(rows(f"{text}.pdf"))
    for text in (
        ".a", "", " a", "a ", "a/b", "a\\b", "CON?", "MANIFEST.json", "form.JSON", "a\u202eb",
        "\ue000", "长" * 120, "长" * 121, "😀" * 120, "a\u200b", "ok.pdf",
    ):  # fmt: skip
        yield case(rows(text))
    yield case(rows("a.pdf", "A.PDF", "ß.txt", "SS.txt"))
    yield case(rows(*(f"{n}.txt" for n in range(6))))
    yield case({"price": [("leer.txt", 0)]})


@pytest.mark.parametrize("members", [0, 3])
def test_the_same_faults_read_the_same(scripts, members):
    allowed = {"consortium_allowed": bool(members), "consortium_members_max": members or 1}
    compared = Compared(scripts, **allowed)
    seen = compared(list(variations(compared.vendor.organisation)))
    assert len(seen) > 35


TYPED = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["", "１２", "900000.00", "300,000", "M1", "孙项一", "\u2028", "a@b"]),
    st.integers(-5, 10**7),
    st.booleans(),
    st.none(),
)


@settings(
    max_examples=20,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_forms_made_at_random(scripts, data):
    """Ten at a time: some values of a right bid replaced or taken away, at any depth."""
    if not hasattr(scripts, "compared"):
        scripts.compared = Compared(scripts, consortium_allowed=True, consortium_members_max=4)
    cases = []
    for _ in range(10):
        forms = copy.deepcopy(bids.forms())
        for _ in range(data.draw(st.integers(1, 3))):
            at, steps = forms, 0
            while isinstance(at, dict | list) and at and steps < 4:
                above = at
                places = sorted(at) if isinstance(at, dict) else range(len(at))
                step = data.draw(st.sampled_from(list(places)))
                at, steps = at[step], steps + 1
                if steps > 1 and data.draw(st.booleans()):
                    break
            if data.draw(st.integers(0, 4)):
                above[step] = data.draw(TYPED)
            else:
                del above[step]
        cases.append((forms, {}))
    scripts.compared(cases)


def test_names_and_codes_are_judged_alike(scripts):
    chance = random.Random(32100)
    codes = []
    for _ in range(300):
        code = list(world.make_uscc())
        for _ in range(chance.randrange(3)):
            code[chance.randrange(18)] = chance.choice("0123456789ABXYZIOsv９")
        codes.append("".join(code))
    there = scripts.evaluate(
        """async (codes) => {
          const { usccFaults } = await import("/static/jiebang/seal/uscc.js");
          return codes.map(usccFaults);
        }""",
        codes,
    )
    assert there == [uscc.faults(code) for code in codes]
    names = [
        "".join(chance.choices("ab .长/\t\u00ad\u3000ßẞ", k=chance.randrange(5)))
        for _ in range(300)
    ]
    there = scripts.evaluate(
        """async (names) => {
          const { safeName } = await import("/static/jiebang/seal/check.js");
          return names.map((name) => safeName(name, 120));
        }""",
        names,
    )
    assert there == [safe_name(name) for name in names]


def test_bidders_are_found_in_texts_alike(scripts):
    chance = random.Random(7)
    firm = world.make_organisation(name="示盾安全（虚构）股份有限公司", name_en="Shidun Co., Ltd.")
    business = {"contact_name": "Li", "project_leader": "Straße", "team": [{"name": "王\u3000一"}]}
    names = telling_names(firm, business)
    bits = [
        *names,
        "示盾",
        "安 全",
        "reliable",
        "LI",
        " li ",
        "STRASSE",
        "王一",
        "ｌｉ",
        "。",
        "x",
        "\n",
    ]
    texts = ["".join(chance.choices(bits, k=chance.randrange(1, 6))) for _ in range(400)]
    there = scripts.evaluate(
        """async ([own, business, texts]) => {
          const { tellingNames, namesFound } = await import("/static/jiebang/seal/text.js");
          const names = tellingNames(own, business);
          return [names, texts.map((text) => namesFound(text, names))];
        }""",
        [telling_names(firm, {}), business, texts],
    )
    assert sorted(there[0]) == sorted(names)
    assert [set(found) for found in there[1]] == [set(names_found(text, names)) for text in texts]
