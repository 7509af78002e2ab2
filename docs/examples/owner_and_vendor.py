"""A demand owner and a vendor through the API: draft, publish, seal, bid, keep the receipt.

    python docs/examples/owner_and_vendor.py http://localhost:8000 --password PASSWORD

Needs httpx and the repository, for the packer and the verifier, which work offline; the packer
needs the `age` command or pyrage. The defaults name
accounts of the demo; `--help` lists them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from base64 import b64encode
from datetime import datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import httpx

BEIJING = timezone(timedelta(hours=8))


def sign_in(base: str, email: str, password: str) -> httpx.Client:
    """A session, as a browser has it: cookie, CSRF token and the page it comes from."""
    client = httpx.Client(base_url=base, headers={"Referer": base, "Accept-Language": "en"})
    client.get("/accounts/login/").raise_for_status()
    form = {"login": email, "password": password}
    form["csrfmiddlewaretoken"] = client.cookies["csrftoken"]
    answer = client.post("/accounts/login/", data=form)
    if answer.status_code != httpx.codes.FOUND:
        sys.exit(f"{email} could not sign in")
    client.headers["X-CSRFToken"] = client.cookies["csrftoken"]
    return client


def with_token(session: httpx.Client, *scopes: str) -> httpx.Client:
    """A program's own client: an API token for some scopes, shown once, valid for a day."""
    body = {"name": f"example {uuid4().hex[:6]}", "scopes": ["read", *scopes], "days": 1}
    made = done(session.post("/api/v1/tokens/", json=body))
    headers = {"Authorization": f"Bearer {made['token']}", "Accept-Language": "en"}
    return httpx.Client(base_url=session.base_url, headers=headers)


def done(answer: httpx.Response) -> Any:
    """The body of a success; a refusal ends the script with its problem document."""
    if answer.is_error:
        sys.exit(f"{answer.request.method} {answer.request.url}: {answer.text}")
    return answer.json()


def move(client: httpx.Client, body: dict[str, Any], name: str, **sent: Any) -> Any:
    """Make a move that an object offers. A key of its own makes it safe to repeat."""
    offered = {row["name"]: row for row in body["actions"]}
    if name not in offered:
        sys.exit(f"{name} is not offered now, only {sorted(offered)}")
    headers = {"Idempotency-Key": uuid4().hex}
    if "revision" in body:
        headers["If-Match"] = f'"r{body["revision"]}"'
    row = offered[name]
    return done(client.request(row["method"], row["href"], headers=headers, **sent))


DEMAND = {
    "title": "Anomaly detection in plant networks (API example)",
    "summary": "A plant needs detection that can be measured and does not disturb production.",
    "pain": "Too many false alarms.",
    "need": "Passive detection, measured by a third party.",
    "deliverables": "A system and its documents.",
    "ip_terms": "New results belong to the vendor; the owner may use them for good.",
    "data_terms": "Tests use synthetic data.",
    "contact": "Zhang San 021-00000000",
    "domain": "industrial_internet",
    "area": "innovation_zone",
    "funding": "own",
    "budget_cny": "1000000.00",
    "duration_months": 6,
    "profile": "A",
    "metrics": [
        {
            "name": "Detection rate",
            "operator": ">=",
            "value": "98",
            "unit": "%",
            "test_method": "Third-party test",
            "tester": "A third party",
            "critical": True,
        }
    ],
    "criteria": [
        {"name": "Technical approach", "kind": "technical", "weight": "70"},
        {"name": "Team and record", "kind": "team", "weight": "20"},
        {"name": "Price", "kind": "price", "weight": "10"},
    ],
    "payment_nodes": [
        {"name": "Contract", "percent": "30"},
        {"name": "Midterm", "percent": "40"},
        {"name": "Acceptance", "percent": "30"},
    ],
    "milestones": [{"name": "Acceptance", "month": 6}],
    "conditions": [{"text": "Experience with a comparable project"}],
}
BID = {
    "business": {
        "legal_representative": "Zhao Daiyi",
        "contact_name": "Qian Lianyi",
        "contact_phone": "021-00000701",
        "contact_email": "bid@vendor.invalid",
        "project_leader": "Sun Xiangyi",
        "team": [{"name": "Sun Xiangyi", "role": "Project leader", "years": 9}],
        "consortium": [],
        "condition_statements": {"Q1": "Three comparable projects."},
        "related_parties": "None.",
        "accepts_terms": True,
    },
    "technical": {
        "approach": "Passive capture, models built off-line.",
        "commitments": {"M1": "99.2"},
        "plan": [{"month": 6, "result": "Acceptance"}],
        "risks": "Little data.",
        "resources": "Six people.",
    },
    "price": {
        "total_cny": "900000.00",
        "tax_rate_percent": "6",
        "nodes": [{"name": "Acceptance", "amount_cny": "900000.00"}],
        "note": "",
    },
}


def post_demand(
    owner: httpx.Client,
    office: tuple[httpx.Client, httpx.Client, httpx.Client],
    experts: dict[str, httpx.Client],
    holders: list[str],
) -> dict[str, Any]:
    """Draft, correct, file; the office demonstrates and publishes. Returns what was posted.

    office: an officer, another one, the secretary. experts: by their addresses.

    The five documents are filed by both sides and checked by a second officer, who publishes.
    """
    officer, second, secretary = office
    deadline = datetime.now(BEIJING) + timedelta(days=45)
    body = {**DEMAND, "deadline_at": deadline.isoformat(timespec="seconds")}
    draft = done(owner.post("/api/v1/scenarios/", json=body))
    draft = move(owner, draft, "edit_scenario", json={"title_en": "Plant networks (API example)"})
    filed = move(owner, draft, "submit_scenario")
    print(f"filed {filed['uid']}")
    seen = done(officer.get(filed["links"]["self"]))
    taken = move(officer, seen, "start_demonstration")
    ready = demonstrate(officer, secretary, taken, experts)
    file_documents(owner, ("confidentiality", "funding"), filed["uid"], second)
    file_documents(officer, ("competition", "approval"), filed["uid"], second)
    ready = done(second.get(ready["links"]["self"]))
    people = done(second.get(f"/api/v1/scenarios/{filed['uid']}/key-holders/"))
    chosen = [row["uid"] for row in people if row["uid"] in holders or row["name"] in holders]
    posted = move(second, ready, "publish_scenario", json={"key_holders": chosen})
    print(f"published as {posted['ref']}, open until {posted['deadline_at']}")
    return posted


def demonstrate(
    officer: httpx.Client,
    secretary: httpx.Client,
    taken: dict[str, Any],
    experts: dict[str, httpx.Client],
) -> dict[str, Any]:
    """Experts are asked and answer, each alone; the secretary concludes from their opinions."""
    people = done(officer.get(f"/api/v1/scenarios/{taken['uid']}/demonstration/"))
    uids = [row["uid"] for row in people if row["email"] in experts and not row["barred"]]
    asked = move(officer, taken, "invite_experts", json={"experts": uids})
    answers = {name: {"yes": True} for name in ("real", "tight", "measurable", "neutral")}
    for expert in experts.values():
        seen = done(expert.get(asked["links"]["self"]))
        move(expert, seen, "give_opinion", json={"answers": answers, "verdict": "pass"})
    seen = done(secretary.get(taken["links"]["self"]))
    said = {"outcome": "pass", "opinion": "Real and measurable."}
    return move(secretary, seen, "conclude_demonstration", json=said)


def file_documents(
    client: httpx.Client, kinds: tuple[str, ...], uid: str, second: httpx.Client
) -> None:
    """Affirm every statement of each; the second officer accepts those that ask for it."""
    for kind in kinds:
        papers = done(client.get(f"/api/v1/scenarios/{uid}/documents/"))
        [paper] = [row for row in papers if row["kind"] == kind]
        body: dict[str, Any] = {"kind": kind, "answers": dict.fromkeys(paper["statements"], True)}
        if kind in {"funding", "approval"}:
            body["number"] = "Example 2026-1"
        if kind == "funding":
            body["amount_cny"] = DEMAND["budget_cny"]
        filed = done(client.post(f"/api/v1/scenarios/{uid}/documents/", json=body))
        if kind != "approval":
            seen = done(second.get(filed["links"]["self"]))
            move(second, seen, "check_document", json={"accepted": True})
    print(f"filed {', '.join(kinds)}")


def bid(base: str, vendor: httpx.Client, ref: str, keep: Path) -> None:
    """Find the demand as everybody does, seal here, hand in, keep the receipt and check it offline."""
    [found] = done(httpx.get(f"{base}/api/v1/scenarios/", params={"ref": ref}))["results"]
    seen = done(vendor.get(found["links"]["self"]))
    sheet = done(vendor.get(f"/api/v1/scenarios/{seen['uid']}/sealing/"))
    with TemporaryDirectory() as folder:
        sealed = seal(sheet, Path(folder))
        uploads = {name: upload(vendor, file) for name, file in sealed.items()}
    package = move(vendor, seen, "assemble_package", json={"uploads": uploads})
    receipt = move(vendor, package, "submit_package")
    told = receipt["receipt"]
    print(f"version {told['version']} received at {told['received_at']}")
    keep.write_text(json.dumps(receipt, ensure_ascii=False, indent=2), "utf-8")
    print(f"receipt kept in {keep}: {run('ledger/verify.py', keep).splitlines()[-1]}")


def seal(sheet: dict[str, Any], folder: Path) -> dict[str, Path]:
    """{envelope: sealed file}, by the packer that everybody may download; no text leaves here."""
    (folder / "sealing.json").write_text(json.dumps(sheet), "utf-8")
    for name, form in BID.items():
        (folder / f"{name}.json").write_text(json.dumps(form, ensure_ascii=False), "utf-8")
    out = folder / "sealed"
    run("base/packer.py", "pack", folder / "sealing.json", folder, "-o", out)
    return {name: out / f"{name}.age" for name in BID}


def upload(vendor: httpx.Client, file: Path) -> str:
    """In chunks of at most 8 MiB (tus); whoever loses the connection asks HEAD where to go on."""
    size = file.stat().st_size
    told = {"filename": file.name, "purpose": "sealed"}
    metadata = ",".join(
        f"{name} {b64encode(text.encode()).decode()}" for name, text in told.items()
    )
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(size), "Upload-Metadata": metadata}
    place = vendor.post("/api/v1/uploads/", headers=headers).raise_for_status().headers["Location"]
    offset = 0
    with file.open("rb") as stream:
        while chunk := stream.read(8 * 1024 * 1024):
            headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": str(offset)}
            headers["Content-Type"] = "application/offset+octet-stream"
            answer = vendor.patch(place, headers=headers, content=chunk).raise_for_status()
            offset = int(answer.headers["Upload-Offset"])
    return place.rstrip("/").rpartition("/")[2]


def run(program: str, *words: object) -> str:
    """One of the two programs that run without the platform; what it printed."""
    file = Path(__file__).resolve().parents[2] / "marketplace" / program
    given = [sys.executable, str(file), *map(str, words)]
    finished = subprocess.run(given, check=False, capture_output=True, text=True)
    if finished.returncode:
        sys.exit(finished.stdout + finished.stderr)
    return finished.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description="A demand owner and a vendor through the API.")
    parser.add_argument("base", help="such as http://localhost:8000")
    parser.add_argument("--password", required=True)
    parser.add_argument("--owner", default="o3-owner@demo.invalid")
    parser.add_argument("--officer", default="officer@demo.invalid")
    parser.add_argument("--second-officer", default="officer2@demo.invalid")
    parser.add_argument("--secretary", default="secretary@demo.invalid")
    demo = [f"e{number}@demo.invalid" for number in (3, 5, 6)]
    parser.add_argument("--experts", nargs="+", default=demo, help="three to five")
    parser.add_argument("--vendor", default="v5@demo.invalid")
    parser.add_argument("--holders", nargs="+", default=[], help="uids or names of key holders")
    parser.add_argument("--receipt", type=Path, default=Path("receipt.json"))
    given = parser.parse_args()
    base = given.base.rstrip("/")
    owner = with_token(sign_in(base, given.owner, given.password), "scenarios:write")
    officer = sign_in(base, given.officer, given.password)  # publishing is never a token's
    others = (given.second_officer, given.secretary)
    second, secretary = (sign_in(base, email, given.password) for email in others)
    experts = {email: sign_in(base, email, given.password) for email in given.experts}
    posted = post_demand(owner, (officer, second, secretary), experts, given.holders)
    vendor = with_token(sign_in(base, given.vendor, given.password), "bids:write", "uploads:write")
    bid(base, vendor, posted["ref"], given.receipt)


if __name__ == "__main__":
    main()
