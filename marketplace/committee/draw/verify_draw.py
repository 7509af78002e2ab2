"""Replay a drawing of lots without asking the platform that ran it 离线重演评委抽取.

    verify_draw.py REPLAY [--log-key VKEY]

REPLAY is the file that the platform publishes with the result 结果公布后提供的重演文件. Needs only this
file and Python 3.9, no network and no packages. It computes everything anew: the commitment of the
candidate list, both nonces, the entry and its place in the log, the seed, the order, who was asked
and who sat. With --log-key (the log's key as published elsewhere) the checkpoint's signature is
checked too; without, compare size and root with what you or a witness kept.

Exit code: 0 everything held; 1 something does not hold; 2 the file cannot be read.
Written apart from the platform's own code, so that an error in one shows in the other.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import sys
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any, TextIO, Tuple

ALGORITHM = "jiebang-draw/1"
FORMAT = "jiebang-draw-replay/1"

# X, Y, Z, T of a point; what was found: whether it holds, its sentence, what the sentence names.
Point = Tuple[int, int, int, int]
Found = Tuple[bool, str, Any]

# code: (Chinese, English)
# fmt: off
SAYS = {
    "document": ("候选名单与承诺值相符：名单在抽取之前已经固定。", "The candidate list is the committed one: it was fixed before the draw."),
    "document.not": ("候选名单与承诺值不符。", "The candidate list is not the committed one."),
    "document.form": ("候选名单不是规则所定的格式。", "The candidate list does not have the form that the rule names."),
    "leaf": ("公开日志条目写的正是这次抽取、这一承诺值和两份随机数的散列值。", "The public entry names this draw, this commitment and the hashes of both nonces."),
    "leaf.not": ("公开日志条目与本文件不符：{what}。", "The public entry says something else than this file: {what}."),
    "nonce": ("{role} 存入的随机数与事先公布的散列值相符。", "The nonce of the {role} is the one whose hash was published before."),
    "nonce.not": ("{role} 的随机数与事先公布的散列值不符。", "The nonce of the {role} is not the one whose hash was published before."),
    "included": ("该条目是检查点（共 {size} 条）中的第 {index} 条。", "The entry is number {index} under the checkpoint of {size} entries."),
    "included.not": ("无法证明该条目在检查点之中。", "The entry is not proven to lie under the checkpoint."),
    "fallback": ("期限内没有新的检查点，按公布的后备规则取用此前的检查点和该条目。", "No checkpoint came in time: by the published fallback the earlier one and the entry were used."),
    "signed": ("检查点由给定的日志公钥签名。", "The checkpoint is signed by the log key that was given."),
    "signed.not": ("检查点不是由给定的日志公钥签名。", "The checkpoint is not signed by the log key that was given."),
    "signed.unchecked": ("未给出日志公钥：请自行比对检查点 {size} 条、根 {root}。", "No log key was given: compare the checkpoint yourself, {size} entries, root {root}."),
    "seed": ("随机种子由承诺值、两份随机数和检查点重新算出，一致。", "The seed, computed anew from commitment, nonces and checkpoint, is the same."),
    "seed.not": ("重新计算的随机种子不一致。", "The seed, computed anew, is another one."),
    "order": ("按算法重新抽取，{count} 人的次序完全一致。", "Drawn anew by the rule, the order of {count} people is the same."),
    "order.not": ("重新抽取的次序不一致：{stratum}。", "Drawn anew, the order is another one: {stratum}."),
    "asked": ("{count} 次邀请都按次序发出，没有跳过任何人。", "All {count} invitations went out in that order; nobody was passed over."),
    "asked.not": ("第 {number} 次邀请没有按次序发出。", "Invitation {number} did not go to whoever was next."),
    "seated": ("入席的 {count} 人都是被抽中并接受邀请的人。", "All {count} who sat were drawn and had accepted."),
    "seated.not": ("{name} 入席，但并非被抽中并接受邀请的人。", "{name} sat without having been drawn and having accepted."),
    "unreadable": ("无法读取该文件：{why}", "This file cannot be read: {why}"),
    "holds": ("结论：这次抽取可以重演，结果一致。", "Verdict: the draw replays, with the same result."),
    "fails": ("结论：这次抽取不能按公布的规则重演。", "Verdict: the draw does not replay by the published rule."),
}
ROLES = {"secretary": ("秘书", "secretary"), "witness": ("见证员", "witness")}
# fmt: on


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


class Failed(Exception):
    def __init__(self, code: str, **values: Any) -> None:
        self.code, self.values = code, values
        super().__init__(code)


def need(truth: Any, code: str, **values: Any) -> None:
    if not truth:
        raise Failed(code, **values)


def check(replay: dict[str, Any], log_key: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (code, values) for each thing that holds. Raises Failed at the first that does not."""
    uid = replay["draw"]
    text = replay["document"]
    promised = bytes.fromhex(replay["commitment"])
    need(sha256(bytes.fromhex(replay["document_salt"]), text.encode()) == promised, "document.not")
    listed = json.loads(text)
    again = json.dumps(listed, sort_keys=True, separators=(",", ":"))
    form = listed["algorithm"] == ALGORITHM and listed["draw"] == uid and again == text
    need(
        form and [s["code"] for s in listed["strata"]] == sorted(strata_of(listed)), "document.form"
    )
    for stratum in listed["strata"]:
        rows = stratum["candidates"]
        whole = all(type(weight) is int and weight >= 1 for _code, weight in rows)
        codes = [code for code, _weight in rows]
        need(whole and codes == sorted(set(codes)), "document.form")
    yield "document", {}

    data = base64.b64decode(replay["leaf"]["data"])
    said = json.loads(data)
    need(said["kind"] == "draw.committed", "leaf.not", what="kind")
    need(uid in said["subjects"], "leaf.not", what="draw")
    need(said["data"]["commitment"] == promised.hex(), "leaf.not", what="commitment")
    nonces = {}
    for role, called in ROLES.items():
        nonces[role] = bytes.fromhex(replay["nonces"][role])
        hashed = sha256(nonces[role], uid.encode(), role.encode())
        need(said["data"]["nonces"][role] == hashed.hex(), "nonce.not", role=called)
        yield "nonce", {"role": called}
    yield "leaf", {}

    leaf = sha256(b"\x00", data)
    if replay["fallback"]:
        checkpoint = replay["checkpoint"]
        size, root = note_of(checkpoint) if checkpoint else (0, sha256())
        beacon = sha256(ALGORITHM.encode(), b"/fallback", root, leaf)
        yield "fallback", {}
    else:
        checkpoint = replay["checkpoint"]
        size, root = note_of(checkpoint)
        index = replay["leaf"]["index"]
        path = [base64.b64decode(step) for step in replay["leaf"]["hashes"]]
        need(climb(leaf, index, size, path) == root, "included.not")
        yield "included", {"index": index, "size": size}
        beacon = root
    if log_key and checkpoint:
        need(signed(checkpoint, log_key), "signed.not")
        yield "signed", {}
    elif checkpoint:
        yield "signed.unchecked", {"size": size, "root": base64.b64encode(root).decode()}

    made = sha256(
        ALGORITHM.encode(), uid.encode(), promised, nonces["secretary"], nonces["witness"], beacon
    )
    need(made.hex() == replay["seed"], "seed.not")
    yield "seed", {}

    orders: dict[str, list[str]] = {}
    taken: set[str] = set()
    for stratum in listed["strata"]:
        pool = [(code, weight) for code, weight in stratum["candidates"] if code not in taken]
        wanted = stratum["seats"] + stratum["reserve"]
        row = orders[stratum["code"]] = draw(made, stratum["code"], pool, wanted)
        taken |= set(row[: stratum["seats"]])
        need(row == replay["order"].get(stratum["code"]), "order.not", stratum=stratum["code"])
    need(set(orders) == set(replay["order"]), "order.not", stratum="+")
    yield "order", {"count": sum(map(len, orders.values()))}

    asked: set[str] = set()
    accepted: set[str] = set()
    for place, invitation in enumerate(replay["invitations"], start=1):
        due = [code for code in orders[invitation["stratum"]] if code not in asked]
        right = invitation["number"] == place and due and due[0] == invitation["code"]
        need(right, "asked.not", number=place)
        asked.add(invitation["code"])
        if invitation["answer"] == "accepted":
            accepted.add(invitation["code"])
    yield "asked", {"count": len(asked)}

    for seat in replay["seated"]:
        salted = sha256(bytes.fromhex(replay["code_salt"]), seat["expert"].encode())
        known = salted[:16].hex() == seat["code"] and seat["code"] in accepted
        need(known, "seated.not", name=seat["name"])
    yield "seated", {"count": len(replay["seated"])}


def strata_of(listed: dict[str, Any]) -> set[str]:
    return {stratum["code"] for stratum in listed["strata"]}


def draw(seed: bytes, stratum: str, pool: list[tuple[str, int]], wanted: int) -> list[str]:
    """The order of one stratum. Each pick: cumulated weights, one number, whoever it falls to."""
    pool = sorted(pool)
    counter, block = 0, b""
    row: list[str] = []
    while pool and len(row) < wanted:
        sums = list(accumulate(weight for _code, weight in pool))
        total = sums[-1]
        while True:
            if not block:
                message = stratum.encode() + b"\x00" + counter.to_bytes(8, "big")
                block = hmac.new(seed, message, hashlib.sha256).digest()
                counter += 1
            number, block = int.from_bytes(block[:8], "big"), block[8:]
            if number < 2**64 // total * total:
                break
        at = bisect_right(sums, number % total)
        row.append(pool.pop(at)[0])
    return row


# -- The log ---------------------------------------------------------------------------------------
def note_of(checkpoint: str) -> tuple[int, bytes]:
    """(size, root) of a signed note."""
    lines = checkpoint.split("\n")
    return int(lines[1]), base64.b64decode(lines[2])


def climb(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """The root that an inclusion proof leads to (RFC 9162 §2.1.3.2); None if it has no such form."""
    if not 0 <= index < size:
        return None
    place, last, at = index, size - 1, leaf
    for step in path:
        if last == 0:
            return None
        if place & 1 or place == last:
            at = sha256(b"\x01", step, at)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            at = sha256(b"\x01", at, step)
        place, last = place >> 1, last >> 1
    return at if last == 0 else None


# -- Ed25519 (RFC 8032), checking only -------------------------------------------------------------
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def signed(checkpoint: str, vkey: str) -> bool:
    """Whether one of the note's signatures is by this key, `name+id+base64` as the log shows it."""
    name, key_id, packed = vkey.strip().split("+", 2)
    key = base64.b64decode(packed)[1:]
    text, _gap, lines = checkpoint.partition("\n\n")
    for line in lines.splitlines():
        dash, by, raw = line.split(" ")
        blob = base64.b64decode(raw)
        if dash == "—" and by == name and blob[:4].hex() == key_id:
            return ed25519(key, (text + "\n").encode(), blob[4:])
    return False


def ed25519(key: bytes, message: bytes, signature: bytes) -> bool:
    if len(signature) != 64 or len(key) != 32:
        return False
    s = int.from_bytes(signature[32:], "little")
    a, r = point(key), point(signature[:32])
    if a is None or r is None or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    base = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    assert base is not None, "the base point of the standard"
    left, right = times(s, base), add(r, times(h, a))
    same_x = (left[0] * right[2] - right[0] * left[2]) % P == 0
    return same_x and (left[1] * right[2] - right[1] * left[2]) % P == 0


def even_x(y: int, sign: int) -> int | None:
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P:
        x = x * ROOT % P
    if (x * x - xx) % P or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


def point(raw: bytes) -> Point | None:
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    x = even_x(y, sign) if y < P else None
    return None if x is None else (x, y, 1, x * y % P)


def add(p: Point, q: Point) -> Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(n: int, p: Point) -> Point:
    q = (0, 1, 1, 0)
    while n:
        if n & 1:
            q = add(q, p)
        p, n = add(p, p), n >> 1
    return q


# -- Saying it -------------------------------------------------------------------------------------
def said(code: str, values: dict[str, Any], place: int) -> str:
    return SAYS[code][place].format(
        **{name: v[place] if isinstance(v, tuple) else v for name, v in values.items()}
    )


def replayed(raw: str, log_key: str = "") -> tuple[list[Found], int]:
    """[(held, code, values)] and the exit code."""
    found: list[Found] = []
    try:
        replay = json.loads(raw)
        if replay["format"] != FORMAT:
            raise ValueError(replay["format"])
        found.extend((True, code, values) for code, values in check(replay, log_key))
    except Failed as failure:
        return [*found, (False, failure.code, failure.values), (False, "fails", {})], 1
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        return [*found, (False, "unreadable", {"why": repr(error)})], 2
    return [*found, (True, "holds", {})], 0


def main(arguments: list[str] | None = None, out: TextIO | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("replay", type=Path)
    parser.add_argument("--log-key", default="")
    parser.add_argument("--lang", choices=["zh", "en"], default="")
    given, out = parser.parse_args(arguments), out or sys.stdout
    found, code = replayed(given.replay.read_text("utf-8"), given.log_key)
    for held, what, values in found:
        mark = "✓" if held else "✗"
        texts = [said(what, values, 0), said(what, values, 1)]
        shown = {"zh": texts[:1], "en": texts[1:]}.get(given.lang, texts)
        print(mark, " / ".join(shown), file=out)
    return code


if __name__ == "__main__":
    raise SystemExit(main())
