"""The packer as a bidder runs it: its own file, in its own folder, with the ordinary age command."""

import ast
import hashlib
import io
import json
import os
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.base import packer, sealing
from marketplace.bidding.forms_schema import SCHEMA_FILE

IDENTITY = pyrage.x25519.Identity.generate()
PLACE = {"scenario": "7f3d5a10-0000-4000-8000-000000000001", "organisation": "org"}
FORMS = {
    "business": {
        "legal_representative": "赵代一",
        "contact_name": "钱联一",
        "contact_phone": "021-00000701",
        "contact_email": "bid@test.invalid",
        "project_leader": "孙项一",
        "team": [{"name": "孙项一", "role": "项目负责人", "years": 9}],
        "consortium": [],
        "condition_statements": {},
        "related_parties": "无利害关系。",
        "accepts_terms": True,
    },
    "technical": {
        "approach": "以被动方式采集，离线建模。",
        "commitments": {},
        "plan": [{"month": 2, "result": "样机"}],
        "risks": "数据不足。",
        "resources": "六人。",
    },
    "price": {
        "total_cny": "900000.00",
        "tax_rate_percent": "6",
        "nodes": [{"name": "签约", "amount_cny": "900000.00"}],
        "note": "",
    },
}


# -- Padmé -----------------------------------------------------------------------------------------
def padme_by_counting(size):
    """The paper's definition, word by word: the S low bits of E - S are zero, rounding up."""
    exponent = len(bin(size)) - 3
    bits_of_exponent = len(bin(exponent)) - 2
    step = 2 ** (exponent - bits_of_exponent)
    steps, rest = divmod(size, step)
    return (steps + bool(rest)) * step


@given(st.integers(min_value=packer.SMALLEST + 1, max_value=2**40))
def test_padme_is_the_paper_s(size):
    assert packer.padme(size) == padme_by_counting(size)


@given(st.integers(min_value=0, max_value=2**40))
def test_padme_holds_the_size_and_wastes_little(size):
    padded = packer.padme(size)
    assert padded >= size
    assert padded <= max(packer.SMALLEST, size * 1.12)
    assert packer.padme(padded) == padded


@given(st.integers(min_value=1, max_value=2**40), st.integers(min_value=1, max_value=2**40))
def test_padme_keeps_order(one, other):
    low, high = sorted((one, other))
    assert packer.padme(low) <= packer.padme(high)


@given(st.lists(st.integers(0, 3000), max_size=4))
@settings(max_examples=40, deadline=None)
def test_the_size_is_known_before_packing(sizes):
    parts = [
        packer.part_of(f"{n}{'名' * (40 * n)}.bin", b"x" * size) for n, size in enumerate(sizes)
    ]
    manifest = packer.manifest_of(parts, **PLACE, envelope="price")
    assert sum(map(len, packer.package(parts, manifest))) == packer.packed_size(parts, manifest)


# -- As a program ----------------------------------------------------------------------------------
def test_it_needs_no_more_than_python_3_9():
    text = Path(packer.__file__).read_text("utf-8")
    ast.parse(text, feature_version=(3, 9))
    imported = {
        name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    }
    assert {name.partition(".")[0] for name in imported} - set(sys.stdlib_module_names) == set()


def test_every_sentence_has_both_languages():
    for chinese, english in packer.SAYS.values():
        assert (
            any("\u4e00" <= sign <= "\u9fff" for sign in chinese)
            or chinese == "{name}：{path}：{error}"
        )
        assert english.isascii() or "“" in english


@pytest.fixture
def desk(tmp_path):
    """A bidder's folder: the packer as downloaded, a sheet, and a bid."""
    shutil.copy(packer.__file__, tmp_path / "packer.py")
    bid = tmp_path / "bid"
    bid.mkdir()
    for envelope, form in FORMS.items():
        (bid / f"{envelope}.json").write_text(json.dumps(form), "utf-8")
    (bid / "technical").mkdir()
    (bid / "technical" / "方案.bin").write_bytes(bytes(range(256)) * 3000)
    write_sheet(tmp_path)
    return tmp_path


def write_sheet(desk, **changes):
    schema = json.loads(SCHEMA_FILE.read_text("utf-8"))
    sheet = {
        "format": "jiebang-sealing/1",
        **PLACE,
        "recipients": dict.fromkeys(packer.ENVELOPES, str(IDENTITY.to_public())),
        "schema": {e: {"$ref": f"#/$defs/{e}", "$defs": schema["$defs"]} for e in packer.ENVELOPES},
        "rules": {"budget_cny": "1000000.00", "uscc": "91310000MA1K001703"},
        "names": ["示盾安全（虚构）有限公司", "示盾安全", "Shidun"],
        "limits": {"files": 5, "file_name": 120, "envelope_bytes": 2**31, "chunk_bytes": 2**20},
        "publication": None,
        "key": "",
    }
    (desk / "sealing.json").write_text(json.dumps(sheet | changes), "utf-8")


def run(desk, command, *more, without=(), **env):
    """As `python packer.py` in that folder. without: packages that are not installed there."""
    start = "import sys, runpy; sys.modules.update(dict.fromkeys({!r})); sys.argv = sys.argv[1:]; "
    start += "runpy.run_path('packer.py', run_name='__main__')"
    given = ["sealing.json", "bid"] if command in {"check", "pack", "try"} else []
    return subprocess.run(
        [sys.executable, "-c", start.format(list(without)), "packer.py", command, *given, *more],
        cwd=desk,
        env={"PATH": os.environ["PATH"], "HOME": str(desk), "PYTHONUTF8": "1"} | env,
        capture_output=True,
        text=True,
        check=False,
    )


def opened(desk, envelope, tmp_path, identity=IDENTITY):
    with (
        (desk / "out" / f"{envelope}.age").open("rb") as sealed,
        sealing.unseal(
            sealed, identity=str(identity), folder=tmp_path, **PLACE, envelope=envelope
        ) as found,
    ):
        return {name: b"".join(found.pieces(name)) for name in found.names}


def test_the_age_command_is_there():
    """Without it the tests below would prove nothing: .ci/run installs it."""
    assert shutil.which("age")
    assert shutil.which("age-keygen")


def test_what_the_age_command_sealed_opens(desk, tmp_path):
    done = run(desk, "pack", "-o", "out", without=["pyrage"])
    assert done.returncode == 0, done.stdout + done.stderr
    found = opened(desk, "technical", tmp_path)
    assert json.loads(found.pop("form.json")) == FORMS["technical"]
    assert found == {"方案.bin": bytes(range(256)) * 3000}
    for envelope in ("business", "price"):
        assert json.loads(opened(desk, envelope, tmp_path)["form.json"]) == FORMS[envelope]
    rows = json.loads((desk / "out" / "hashes.json").read_text())
    assert rows["scenario"] == PLACE["scenario"]
    for row in rows["envelopes"]:
        raw = (desk / "out" / f"{row['envelope']}.age").read_bytes()
        assert (row["sha256"], row["size"]) == (hashlib.sha256(raw).hexdigest(), len(raw))
        assert sealing.check_form(raw[:4096]) is None
        assert f"SHA-256 {row['sha256']}  {len(raw)} bytes" in done.stdout
    assert sorted(p.name for p in (desk / "out").iterdir()) == [
        "business.age",
        "hashes.json",
        "price.age",
        "technical.age",
    ]
    again = run(desk, "hash", "out")
    assert [row["sha256"] in again.stdout for row in rows["envelopes"]] == [True] * 3
    assert run(desk, "pack", "-o", "out").returncode == 1  # nothing is overwritten


def test_pyrage_seals_where_there_is_no_age(desk, tmp_path):
    done = run(desk, "pack", "-o", "out", PATH=str(desk))
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(opened(desk, "price", tmp_path)["form.json"]) == FORMS["price"]
    tried = run(desk, "try", PATH=str(desk))
    assert tried.returncode == 0, tried.stdout + tried.stderr
    neither = run(desk, "pack", "-o", "other", without=["pyrage"], PATH=str(desk))
    assert neither.returncode == 2
    assert "Neither the `age` command nor pyrage" in neither.stdout
    assert [p.name for p in (desk / "other").iterdir()] == []


def test_trying_seals_and_opens_with_a_key_that_nobody_keeps(desk):
    done = run(desk, "try", without=["pyrage"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "technical: sealed with a throwaway key and opened again; its 2 files" in done.stdout
    assert not list(desk.glob("**/*.age"))


def test_5_0_and_5_4_kilobytes_are_stored_in_one_size(desk):
    sizes = set()
    for place, length in enumerate((5000, 5400)):
        form = FORMS["price"] | {"note": ""}
        form["nodes"] = [{"name": "x", "amount_cny": "900000.00"}]
        (desk / "bid" / "price.json").write_text(json.dumps(form))
        (desk / "bid" / "price").mkdir(exist_ok=True)
        (desk / "bid" / "price" / "a.bin").write_bytes(b"x" * length)
        assert run(desk, "pack", "-o", f"out{place}").returncode == 0
        sizes.add((desk / f"out{place}" / "price.age").stat().st_size)
    assert len(sizes) == 1


def test_grease_is_accepted():
    """age and rage add stanzas of no meaning, so that readers get used to skipping them."""
    sealed = io.BytesIO()
    sealing.seal(b"x", recipient=str(IDENTITY.to_public()), into=sealed)
    version, rest = sealed.getvalue().split(b"\n", 1)
    assert sealing.check_form(version + b"\n-> xyz-grease abc\nAAAA\n" + rest) is None


def test_forms_are_checked(desk):
    price = FORMS["price"] | {"total_cny": "2000000.00", "extra": 1}
    (desk / "bid" / "price.json").write_text(json.dumps(price))
    (desk / "bid" / "technical.json").write_text('{"a": 1, "a": 2}')
    (desk / "bid" / "business.json").unlink()
    done = run(desk, "check", "--lang", "en")
    assert done.returncode == 1
    for said in (
        "business.json is missing",
        "technical.json is not valid JSON, or names a key twice",
        "'extra' was unexpected",
        "at most the budget of CNY 1000000.00",
        "add up to CNY 900000.00, the total is CNY 2000000.00",
    ):
        assert said in done.stdout
    plain = run(desk, "check", "--lang", "en", without=["jsonschema"])
    assert "the forms were NOT held against the JSON Schema" in plain.stdout
    assert plain.returncode == 1
    assert "'extra'" not in plain.stdout


@pytest.mark.parametrize("command", ["check", "try"])
def test_without_jsonschema_nothing_is_called_checked(desk, command):
    done = run(desk, command, "--confirm-anonymous", "--lang", "en", without=["jsonschema"])
    assert done.returncode == 3
    assert "were not held against the JSON Schema (exit code 3)" in done.stdout
    assert "Checked; nothing is wrong." not in done.stdout
    assert run(desk, command, "--confirm-anonymous").returncode == 0


def test_who_packs_without_jsonschema_is_told(desk):
    done = run(
        desk, "pack", "-o", "out", "--confirm-anonymous", "--lang", "en", without=["jsonschema"]
    )
    assert done.returncode == 0
    assert "the forms were NOT held against the JSON Schema" in done.stdout


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("91310000MA1K00337", "has not exactly 18 characters"),
        ("91310000MA1K00I337", "may hold only digits and capitals"),
        ("９1310000MA1K0033", "full-width"),
        ("{}", None),
        ("{}lower", "use capitals"),
        ("{}17", "character 17 of"),
        ("{}18", "character 18 of"),
    ],
)
def test_the_codes_of_members_are_checked(desk, typed, said):
    right = "91310000MA1K00330A"
    odd = {
        "{}": right,
        "{}lower": right.lower(),
        "{}17": right[:16] + ("0" if right[16] != "0" else "1") + right[17],
        "{}18": right[:17] + ("0" if right[17] != "0" else "1"),
    }.get(typed, typed)
    done = check_together(desk, member(odd, "40"))
    assert (done.returncode, said is None or said in done.stdout) == (int(said is not None), True)


def member(uscc, share):
    return {"name": "丙（虚构）", "uscc": uscc, "work": "供货", "share_percent": share}


def check_together(desk, *members, **changes):
    form = FORMS["business"] | {
        "consortium": list(members),
        "lead_work": "总体",
        "lead_share_percent": "60",
        "consortium_agreement": "协议.pdf",
        "joint_liability": True,
    }
    (desk / "bid" / "business.json").write_text(json.dumps(form | changes), "utf-8")
    (desk / "bid" / "business").mkdir(exist_ok=True)
    (desk / "bid" / "business" / "协议.pdf").write_bytes("协议".encode())
    return run(desk, "check", "--lang", "en", "--confirm-anonymous")


def test_a_consortium_s_shares_and_agreement_are_checked(desk):
    one, other = "91310000MA1K00330A", "91310000MA1K00410X"
    done = check_together(desk, member(one, "30.5"), member(other, "9.50"))
    assert (done.returncode, "consortium" in done.stdout) == (0, False)
    done = check_together(desk, member(one, "30.5"), member(other, "9.51"))
    assert done.returncode == 1
    assert "lead_share_percent: the shares of the consortium" in done.stdout
    assert "add up to 100.01 %, not 100 %" in done.stdout
    assert "named twice" not in done.stdout
    assert "no file there" not in done.stdout
    done = check_together(desk, member(one, "40"), consortium_agreement="别的.pdf")
    assert (done.returncode, "no file there has this name" in done.stdout) == (1, True)
    done = check_together(desk, member("91310000MA1K001703", "20"), member(one, "20"))
    assert (done.returncode, "consortium.0.uscc: the consortium member" in done.stdout) == (1, True)


@pytest.mark.parametrize("odd", [None, 40, "x", ["40"], "NaN", "4e1", {}])
def test_what_is_no_share_is_the_schema_s_matter(desk, odd):
    """And stops no check, also where the schema is not held."""
    told = [*packer.consortium_faults({"consortium": [{"share_percent": odd}, 3]}, "x", ["a"])]
    assert told == [("consortium_agreement", "agreement_file", {})]
    assert list(packer.consortium_faults({"consortium": odd}, "x", [])) == []


def test_file_names_are_checked(desk):
    files = desk / "bid" / "price"
    files.mkdir()
    (files / ".hidden").write_bytes(b"x")
    (files / "empty.txt").write_bytes(b"")
    (files / "form.json").write_bytes(b"x")
    (files / "a.txt").write_bytes(b"x")
    (files / "A.TXT").write_bytes(b"x")
    (files / "link").symlink_to("a.txt")
    done = run(desk, "check", "--lang", "en")
    assert done.returncode == 1
    for said in (
        "price/.hidden cannot be used as a file name",
        "price/form.json cannot be used as a file name",
        "price/empty.txt is empty",
        "price/link is no plain file",
        "Two files have one name",
        "More than 5 files lie in price/",
    ):
        assert said in done.stdout


def test_an_envelope_larger_than_the_limit_is_refused_before_sealing(desk):
    sheet = json.loads((desk / "sealing.json").read_text())
    write_sheet(desk, limits=sheet["limits"] | {"envelope_bytes": 500_000})
    done = run(desk, "pack", "-o", "out")
    assert done.returncode == 1
    assert "more than the 500000 allowed" in done.stdout


# -- Anonymity -------------------------------------------------------------------------------------
def docx(**parts):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, body in parts.items():
            made.writestr(name.replace("__", "/") + ".xml", body)
    return out.getvalue()


def png(*chunks):
    made = b"\x89PNG\r\n\x1a\n"
    for kind, body in chunks:
        made += (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )
    return made


TELLING = [
    ("示盾安全 方案.txt", b"x", "The name of a technical file tells the bidder"),
    ("a.txt", "由 示 盾 安全 编写".encode(), "contains a name of the bidder: technical/a.txt"),
    ("a.txt", "示盾安全".encode("gb18030"), "contains a name of the bidder"),
    ("a.bin", b"\0" * 300_000 + "示盾安全".encode("utf-16-le"), "contains a name of the bidder"),
    ("a.bin", b"by SHIDUN.", "contains a name of the bidder: technical/a.bin: “Shidun”"),
    ("a.docx", docx(word__document="<w>示盾</w><w>安全</w>"), "contains a name"),
    ("a.docx", docx(docProps__core="<dc:creator>王某</dc:creator>"), "creator: 王某"),
    ("a.docx", docx(docProps__app="<Company>某公司</Company>"), "Company: 某公司"),
    ("a.pdf", b"%PDF-1.7\n<< /Author (Wang) /Producer <feff738b> >>", "Author: Wang"),
    ("a.pdf", b"%PDF-1.7\n<< /Producer <feff738b> >>", "Producer: 王"),
    ("a.pdf", b"%PDF-1.7 <dc:creator><rdf:li>Wang</rdf:li></dc:creator>", "dc:creator: Wang"),
    ("a.png", png((b"IHDR", b"0" * 13), (b"tEXt", b"Author\0Wang")), "tEXt: Author Wang"),
    ("a.jpg", b"\xff\xd8\xff\xfe\x00\x06Wang\xff\xda\x00\x00", "comment: Wang"),
    ("a.jpg", b"\xff\xd8\xff\xe1\x00\x0aExif\0\0Ab\xff\xda\x00\x00", "Exif/XMP: Exif  Ab"),
]


@pytest.mark.parametrize(("name", "body", "said"), TELLING)
def test_what_tells_the_bidder_is_listed_and_has_to_be_confirmed(desk, name, body, said):
    (desk / "bid" / "technical" / name).write_bytes(body)
    done = run(desk, "check", "--lang", "en")
    assert done.returncode == 1
    assert said in done.stdout
    assert "places of the technical envelope may tell who you are" in done.stdout
    confirmed = run(desk, "check", "--lang", "en", "--confirm-anonymous")
    assert (confirmed.returncode, said in confirmed.stdout) == (0, True)


def test_people_of_the_business_form_are_names_too(desk):
    form = FORMS["technical"] | {"risks": "由孙项一负责"}
    (desk / "bid" / "technical.json").write_text(json.dumps(form), "utf-8")
    done = run(desk, "check", "--lang", "en")
    assert (done.returncode, "names the bidder: technical.risks: “孙项一”" in done.stdout) == (
        1,
        True,
    )


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.docx", b"PK\x03\x04 broken"),
        ("a.docx", docx(word__document="text")[:-30]),
        ("a.pdf", b"%PDF" + b"/Author (" * 1000),
        ("a.png", b"\x89PNG\r\n\x1a\n" + b"\xff" * 100),
        ("a.jpg", b"\xff\xd8" + b"\xff" * 100),
        ("a.txt", bytes(range(256))),
    ],
)
def test_broken_files_are_looked_at_and_no_more(desk, name, body):
    (desk / "bid" / "technical" / name).write_bytes(body)
    done = run(desk, "check", "--lang", "en", "--confirm-anonymous")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Looked at technical/{name}" in done.stdout
