"""Check a receipt, and the log that it points into, without asking the platform that issued them.

    verify.py RECEIPT [--keys keys.json | --key BASE64]   a receipt, and its proof if it has one
    verify.py receipt RECEIPT --mirror DIR                ... and look for it in a mirrored log
    verify.py fetch URL DIR                               mirror a log (or what is new of it)
    verify.py mirror DIR                                  every entry of a mirror, up to the root
    verify.py consistency OLD NEW --mirror DIR            two checkpoints that somebody saved
    verify.py proof FILE --keys keys.json                 a public entry with its proof

(Or python -m marketplace.ledger.verify.) Needs only this file, Python 3.11 and `cryptography`; all
but `fetch` run offline. Exit code: 0 everything held, 1 something failed, 2 it could not be
checked. Three parts: the sentences that it says; the arithmetic of hashes, proofs and signed notes
(RFC 9162 §2.1; C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-tiles), which reads and
prints nothing; and the questions that it puts, one after another. docs/log.md tells the formats.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import io
import itertools
import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

# In this order; each is asked only when those before it hold.
CHECKS = ("format", "key", "signature", "reading", "event", "inclusion", "checkpoint", "witness")
# What a statement calls the time at which it was made.
SIGNED_AT = ("received_at", "committed_at", "finished_at", "certified_at")
HASH = 32  # bytes of a SHA-256
TILE = 256  # hashes in a full tile
LARGEST_SIZE = 2**63 - 1
SIGNATURES_IN_A_NOTE = 100
LOG_SIGNATURE, COSIGNATURE = 0x01, 0x04  # C2SP signature types, both Ed25519

# code: (Chinese, English). One plain sentence each; what {…} stands for is filled in.
# fmt: off
SAYS = {
    "format.held": ("这是本平台格式的回执。", "It has the form of a receipt of this platform."),
    "format": ("这不是本平台的回执，或者缺少一部分。", "This is not a receipt of this platform, or a part of it is missing."),
    "key.held": ("签名公钥是已公布的公钥。", "It names a key that the platform publishes."),
    "key.unchecked": ("未提供已公布的公钥，只能用回执自带的公钥核对；请另行比对该公钥。", "No published key was given, so the key inside the receipt is used; compare it with the published one."),
    "key": ("回执所写的签名公钥不是已公布的公钥：由他人签名，或未经签名。", "The receipt names another signing key: somebody else signed it, or nobody."),
    "key.retired": ("该公钥已于 {until} 停用，而回执所写时间更晚。", "That key was retired at {until}, and the receipt says that it is later."),
    "signature.held": ("签名与签名原文相符，一字未改。", "The signature fits the signed text: not a letter was changed."),
    "signature": ("签名不符：签名原文被改动。", "The signature does not fit: the text was changed."),
    "reading.held": ("可读部分与签名原文一致。", "The readable part says the same as the signed text."),
    "reading": ("可读部分与签名原文不一致。", "The readable part differs from what was signed."),
    "event.held": ("回执对应的登记事件，正是其中承诺写入日志的那一条。", "The recorded event of this receipt is the very one whose commitment was promised to the log."),
    "event.absent": ("回执未附登记事件，只能核对签名。", "The receipt carries no recorded event; only its signature can be checked."),
    "event.input": ("登记事件记载的不是这份回执的内容。", "The recorded event is about something else than what this receipt states."),
    "event.leaf": ("登记事件与回执中签名承诺的日志条目不符。", "The recorded event does not give the log entry that was signed into the receipt."),
    "inclusion.held": ("包含证明成立：该条目是日志前 {size} 条中的第 {index} 条（从 0 起）。", "The inclusion proof holds: the entry is number {index} (from 0) of the first {size} of the log."),
    "inclusion.absent": ("回执尚未附包含证明；承诺的并入时限为 {delay} 秒，过后请重新下载回执，或在日志镜像中查找。", "The receipt carries no inclusion proof yet; it is promised within {delay} seconds. After that download it again, or look into a mirror of the log."),
    "inclusion.old": ("这份回执签发于日志启用之前，没有包含证明。", "This receipt is from before the log; there is no proof of inclusion."),
    "inclusion.leaf": ("包含证明针对的是另一条目，不是这份回执的条目。", "The inclusion proof is about another entry than this receipt's."),
    "inclusion.readable": ("日志中的公开条目与登记事件的内容不同。", "The readable entry in the log says something else than the recorded event."),
    "inclusion.origin": ("检查点属于另一日志（{origin}）。", "The checkpoint belongs to another log ({origin})."),
    "inclusion": ("包含证明不成立：按证明算出的默克尔树根与检查点不同。", "The inclusion proof does not hold: it leads to another Merkle root than the checkpoint's."),
    "checkpoint.held": ("检查点由日志公钥签名：{origin}，共 {size} 条。", "The checkpoint is signed with the log's key: {origin}, {size} entries."),
    "checkpoint.unchecked": ("未提供日志公钥，检查点的签名未核对。", "No key of the log was given, so the checkpoint's signature was not checked."),
    "checkpoint.absent": ("没有可核对的检查点。", "There is no checkpoint to check."),
    "checkpoint": ("检查点的签名不符：内容被改动。", "The signature of the checkpoint does not fit: it was changed."),
    "checkpoint.unsigned": ("检查点没有已知日志公钥的签名。", "The checkpoint carries no signature of a known key of the log."),
    "checkpoint.format": ("这不是日志检查点（C2SP tlog-checkpoint 格式）。", "This is not a checkpoint of a log (C2SP tlog-checkpoint)."),
    "witness.held": ("有见证签名：{names}。", "Witnesses cosigned it: {names}."),
    "witness.absent": ("没有已知见证方的见证签名。", "No known witness has cosigned it."),
    "witness": ("见证方 {name} 的见证签名不符。", "The cosignature of the witness {name} does not fit."),
    "entry.held": ("可读内容与日志条目一致。", "What can be read is what the entry of the log says."),
    "entry": ("这不是带证明的公开日志条目，或可读内容与条目不同。", "This is no public entry with its proof, or what can be read differs from the entry."),
    "proof.index": ("序号 {index} 不在 {size} 条的树内。", "Index {index} is not in a tree of {size}."),
    "proof.size": ("树的大小不是有效的数：{size}。", "The size of the tree is not a valid number: {size}."),
    "proof.length": ("证明的长度与树的大小不符：应为 {wanted} 个散列，实有 {found} 个。", "The proof's length does not fit the sizes: {wanted} hashes are needed, {found} are there."),
    "proof.hash": ("证明中有一项不是 32 字节的散列。", "The proof has something in it that is not a hash of 32 bytes."),
    "consistency": ("一致性证明不成立：后来的树没有原样包含先前的树。", "The consistency proof does not hold: the later tree does not contain the earlier one unchanged."),
    "consistency.shrunk": ("日志变小了：先前 {size1} 条，后来 {size2} 条。", "The log shrank: {size1} entries before, {size2} after."),
    "consistency.split": ("同为 {size1} 条却有两个不同的默克尔树根：对不同的人出示了不同的历史。", "Two different Merkle roots for one size ({size1}): different histories are shown to different people."),
    "consistency.held": ("前后一致：后来的 {size2} 条原样包含先前的 {size1} 条。", "Consistent: the later {size2} entries begin with the earlier {size1}, unchanged."),
    "consistency.mirror": ("日志镜像只有 {have} 条，核对需要 {need} 条；请先用 fetch 更新镜像。", "The mirror has {have} entries and {need} are needed; update it with fetch first."),
    "mirror.held": ("镜像中的 {size} 条全部核对：每条的散列、各级瓦片与默克尔树根都与检查点相符。", "All {size} entries of the mirror were checked: their hashes, the tiles of every level and the root fit the checkpoint."),
    "mirror.keys": ("公钥取自镜像自身；请与另行公布的公钥比对，或用 --keys 提供。", "The keys come from the mirror itself; compare them with those published elsewhere, or give --keys."),
    "mirror.root": ("按镜像算出的默克尔树根与检查点不同：对这一大小出现了两个根。", "The root computed from the mirror is not the checkpoint's: there are two roots for this size."),
    "mirror.entry": ("第 {index} 条（从 0 起）与瓦片 {path} 中的散列不符：其中之一被改动。", "Entry {index} (from 0) does not fit its hash in {path}: one of them was changed."),
    "mirror.tile": ("瓦片 {path} 中的散列与下一级瓦片不符：其中之一被改动。", "A hash in {path} does not fit the tile below it: one of them was changed."),
    "mirror.length": ("{path} 的长度不符：应为 {wanted}，实为 {found}，可能被截断。", "{path} has the wrong length: {wanted} wanted, {found} found; it may have been cut short."),
    "mirror.missing": ("镜像缺少 {path}。", "The mirror lacks {path}."),
    "story.held": ("公开条目前后不矛盾：共 {demands} 个榜单的发布、截止、延期、评分锁定与启封。", "The public entries do not contradict one another: publication, closing, extension, locking and opening of {demands} demands."),
    "story.published_twice": ("第 {index} 条再次发布榜单 {demand}：一个榜单只发布一次，密封前请先问明。", "Entry {index} publishes the demand {demand} a second time: it is published once, so ask before you seal."),
    "story.recipients": ("第 {index} 条公布的收件公钥属于另一榜单（{demand}）。", "Entry {index} announces recipients that belong to another demand ({demand})."),
    "story.closed_early": ("第 {index} 条在已公布的截止时间之前记载榜单 {demand} 截止，或所写截止时间不同。", "Entry {index} closes the demand {demand} before its announced deadline, or names another one."),
    "story.closed_twice": ("第 {index} 条再次记载榜单 {demand} 截止，其间没有延期。", "Entry {index} closes the demand {demand} again, with no extension in between."),
    "story.extension": ("第 {index} 条对榜单 {demand} 的延期不符合已公布的规则，或与所列故障时段、原截止时间不符。", "Entry {index} moves the deadline of the demand {demand} otherwise than the announced rule does, or than its own outages and the deadline before give."),
    "story.extended_late": ("第 {index} 条在启封之后仍对榜单 {demand} 延期。", "Entry {index} moves the deadline of the demand {demand} after its bids were opened."),
    "story.opened_early": ("第 {index} 条记载启封，而榜单 {demand} 尚未截止，或报价启封先于评分锁定。", "Entry {index} tells of an opening while the demand {demand} was not closed, or of prices before the scores were locked."),
    "story.locked_early": ("第 {index} 条在启封之前记载榜单 {demand} 的评分已锁定。", "Entry {index} says that scores of the demand {demand} are locked before anything was opened."),
    "story.locked_twice": ("第 {index} 条再次记载榜单 {demand} 的评分已锁定。", "Entry {index} says a second time that the scores of the demand {demand} are locked."),
    "story": ("第 {index} 条（榜单 {demand}）缺少应有内容，无法理解。", "Entry {index} (demand {demand}) lacks what it should say and cannot be understood."),
    "found.held": ("日志中有这份回执的条目：第 {index} 条（从 0 起）。", "The log has the entry of this receipt: number {index} (from 0)."),
    "found.old": ("这份回执未写明日志条目，无法在日志中查找。", "This receipt names no entry of the log; it cannot be looked up."),
    "found.index": ("包含证明说是第 {said} 条，日志镜像中却是第 {found} 条。", "The inclusion proof says number {said}, the mirror has it as number {found}."),
    "found.late": ("承诺最迟于 {until} 并入日志，而 {seen} 取得的日志（共 {size} 条）中没有这一条：这是运营方违背承诺的证据，请保存本回执与该检查点。", "It was promised to be in the log by {until}, and the log as seen at {seen} ({size} entries) does not have it: evidence against the operator. Keep this receipt and that checkpoint."),
    "found.early": ("镜像中还没有这一条；承诺的并入时限为 {until}，镜像取于 {seen}。请在时限之后更新镜像再查。", "The mirror does not have it yet; it is promised by {until} and the mirror is of {seen}. Update the mirror after that and look again."),
    "found.unknown": ("镜像中没有这一条，但无从得知镜像取于何时或时限何时届满。", "The mirror does not have it, but when the mirror was taken or when the promise ends is not known."),
    "fetch.held": ("已取得 {size} 条日志（新增文件 {files} 个），存于 {folder}。", "Fetched the log of {size} entries ({files} new files) into {folder}."),
    "fetch.refused": ("未更新镜像；服务器出示的检查点存为 {path}，请保存作为证据。", "The mirror was not updated; the checkpoint that the server showed is kept as {path}: it is evidence."),
    "fetch.failed": ("无法取得 {url}：{error}。", "{url} could not be fetched: {error}."),
    "unreadable": ("无法读取 {name}：{error}。", "{name} cannot be read: {error}."),
    "keys": ("{name} 不是有效的公钥或公钥文件。", "{name} is not a valid key or file of keys."),
    "vkey": ("不是有效的验证公钥（vkey）：{vkey}。", "This is not a valid verifier key (vkey): {vkey}."),
    "algorithm": ("本程序不认识算法 {name}，无法核对；请使用更新的程序。", "This program does not know the algorithm {name} and cannot check it; use a newer one."),
}
# fmt: on


class NotValid(Exception):
    """It does not hold. `code` is a key of SAYS, `check` which of CHECKS failed."""

    def __init__(self, code: str, check: str = "", /, **values: Any) -> None:
        self.code, self.check, self.values = code, check or code.partition(".")[0], values
        super().__init__(self.said("en"))

    def said(self, lang: str) -> str:
        return sentence(self.code, lang, **self.values)


class CannotCheck(NotValid):
    """Neither proved nor disproved: this program lacks what it takes."""


def sentence(code: str, lang: str, **values: Any) -> str:
    return SAYS[code][0 if lang.startswith("zh") else 1].format(**values)


# -- Bytes and texts -----------------------------------------------------------------------------


def unbase64(text: Any) -> bytes:
    """Standard base64 in its one canonical spelling. Raises ValueError, TypeError."""
    raw = base64.b64decode(text, validate=True)
    if base64.b64encode(raw).decode() != text:
        raise ValueError("not canonical base64")
    return raw


def base64_of(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def canonical(value: Any) -> bytes:
    """RFC 8785 JSON of our values: objects, lists, texts, whole numbers, true, false, null."""
    return _canonical(value).encode()


def _canonical(value: Any) -> str:
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(f"{_canonical(n)}:{_canonical(value[n])}" for n in names) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_canonical, value)) + "]"
    if isinstance(value, float) or (isinstance(value, int) and abs(value) >= 2**53):
        # Numbers that languages print differently; our documents write them as text.
        raise ValueError("only whole numbers below 2^53")
    return json.dumps(value, ensure_ascii=False)


# -- The tree (RFC 9162 §2.1) --------------------------------------------------------------------


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_root(leaf_hashes: Iterable[bytes]) -> bytes:
    """The root over leaf hashes that may come one by one: keeps one hash per level."""
    peaks: list[tuple[int, bytes]] = []  # (leaves below, hash), from left to right, ever smaller
    for leaf in leaf_hashes:
        count, node = 1, leaf
        while peaks and peaks[-1][0] == count:
            node, count = node_hash(peaks.pop()[1], node), count * 2
        peaks.append((count, node))
    if not peaks:
        return hashlib.sha256().digest()
    root = peaks.pop()[1]
    while peaks:
        root = node_hash(peaks.pop()[1], root)
    return root


def _whole(size: Any) -> int:
    if type(size) is not int or not 0 <= size <= LARGEST_SIZE:
        raise NotValid("proof.size", "inclusion", size=size)
    return size


def _hashes(hashes: list[bytes], wanted: int) -> list[bytes]:
    if len(hashes) != wanted:
        raise NotValid("proof.length", "inclusion", wanted=wanted, found=len(hashes))
    if any(not isinstance(item, bytes) or len(item) != HASH for item in hashes):
        raise NotValid("proof.hash", "inclusion")
    return hashes


def _siblings(node: int, last: int) -> list[bool]:
    """Whether each sibling stands to the left, on the way up from a node to the root.

    last: the rightmost node of the same level; it has no sibling where it is a left child.
    """
    sides = []
    while last:
        if node & 1 or node < last:
            sides.append(bool(node & 1))
        node, last = node >> 1, last >> 1
    return sides


def inclusion_root(leaf: bytes, index: int, size: int, hashes: list[bytes]) -> bytes:
    """The root to which a proof leads (RFC 9162 §2.1.3.2). leaf: a leaf hash. Raises NotValid.

    Index and size decide how many hashes there must be and on which side each stands, so a proof
    for another place cannot pass.
    """
    if type(index) is not int or not 0 <= index < _whole(size):
        raise NotValid("proof.index", "inclusion", index=index, size=size)
    root = _hashes([leaf], 1)[0]
    sides = _siblings(index, size - 1)
    for left, item in zip(sides, _hashes(hashes, len(sides)), strict=True):
        root = node_hash(item, root) if left else node_hash(root, item)
    return root


def verify_inclusion(leaf: bytes, index: int, size: int, hashes: list[bytes], root: bytes) -> None:
    if inclusion_root(leaf, index, size, hashes) != root:
        raise NotValid("inclusion")


def verify_consistency(
    size1: int, root1: bytes, size2: int, root2: bytes, hashes: list[bytes]
) -> None:
    """The tree of size2 begins with the tree of size1 (RFC 9162 §2.1.4.2). Raises NotValid."""
    sizes = {"size1": _whole(size1), "size2": _whole(size2)}
    if size1 > size2:
        raise NotValid("consistency.shrunk", **sizes)
    if size1 == size2 and root1 != root2:
        raise NotValid("consistency.split", **sizes)
    if size1 in {0, size2}:
        _hashes(hashes, 0)
        if size1 == 0 and root1 != tree_root([]):
            raise NotValid("consistency")
        return
    # From the largest whole subtree that ends with the old tree's last leaf: it is the first hash
    # of the proof, or left out where it is the whole old tree.
    node, last = size1 - 1, size2 - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    sides, left_out = _siblings(node, last), node == 0
    rest = list(_hashes(hashes, len(sides) + (0 if left_out else 1)))
    old = new = root1 if left_out else rest.pop(0)
    for left, item in zip(sides, rest, strict=True):
        if left:  # in both trees; what stands to the right came later
            old = node_hash(item, old)
        new = node_hash(item, new) if left else node_hash(new, item)
    if (old, new) != (root1, root2):
        raise NotValid("consistency")


# -- Tiles (C2SP tlog-tiles) ---------------------------------------------------------------------

# Gives the hashes of tile (level, index), one after another; at least those that the tree has.
ReadTile = Callable[[int, int], bytes]


def tile_width(level: int, index: int, size: int) -> int:
    """How many hashes tile (level, index) has in a tree of that size: 0 to 256."""
    return max(0, min(TILE, (size >> 8 * level) - index * TILE))


def tile_path(level: int | str, index: int, width: int = TILE) -> str:
    """tile/0/x001/x234/067.p/12; level "entries" for the bundles of entries."""
    groups: list[str] = []
    rest = index
    while rest or not groups:
        rest, group = divmod(rest, 1000)
        groups.insert(0, f"x{group:03d}" if groups else f"{group:03d}")
    return f"tile/{level}/{'/'.join(groups)}" + (f".p/{width}" if width < TILE else "")


def entries_of(bundle: bytes) -> list[bytes]:
    """The leaf datas of an entry bundle. Raises ValueError when it is cut short."""
    entries, at = [], 0
    while at < len(bundle):
        end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
        if at + 2 > len(bundle) or end > len(bundle):
            raise ValueError("an entry is cut short")
        entries.append(bundle[at + 2 : end])
        at = end
    return entries


def bundle_of(entries: Iterable[bytes]) -> bytes:
    return b"".join(len(data).to_bytes(2, "big") + data for data in entries)


def range_root(read: ReadTile, start: int, end: int) -> bytes:
    """The hash over the leaves [start, end), which must be a subtree of the log.

    Raises ValueError when a tile is too short.
    """
    size = end - start
    if size == 0:
        return tree_root([])
    if size & (size - 1):
        middle = start + (1 << (size - 1).bit_length() - 1)
        return node_hash(range_root(read, start, middle), range_root(read, middle, end))
    level, height = divmod(size.bit_length() - 1, 8)
    tile, first = divmod(start >> 8 * level, TILE)
    count = 1 << height
    raw = read(level, tile)[first * HASH : (first + count) * HASH]
    if len(raw) != count * HASH:
        raise ValueError(f"tile {tile_path(level, tile)} is too short")
    return tree_root(raw[at : at + HASH] for at in range(0, len(raw), HASH))


def inclusion_proof(read: ReadTile, index: int, size: int) -> list[bytes]:
    """The hashes that lead from leaf `index` to the root of the tree of `size` leaves."""
    start, end, path = 0, size, []
    while end - start > 1:
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        if index < middle:
            path.append(range_root(read, middle, end))
            end = middle
        else:
            path.append(range_root(read, start, middle))
            start = middle
    return path[::-1]


def consistency_proof(read: ReadTile, size1: int, size2: int) -> list[bytes]:
    """The hashes that show that the first size1 leaves are those of the earlier tree."""
    if size1 in {0, size2}:
        return []
    start, end, path = 0, size2, []
    while end != size1:
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        if size1 <= middle:
            path.append(range_root(read, middle, end))
            end = middle
        else:
            path.append(range_root(read, start, middle))
            start = middle
    if start:  # else the subtree is the whole old tree, whose root is known
        path.append(range_root(read, start, end))
    return path[::-1]


# -- Signed notes, checkpoints, cosignatures -----------------------------------------------------


class VKey(NamedTuple):
    """A public key with the name under which it signs notes."""

    name: str
    id: bytes
    kind: int
    public: bytes

    def text(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64_of(bytes([self.kind]) + self.public)}"


class Signature(NamedTuple):
    """A line below a note. `at`: the witness's time in unix seconds, for cosignatures."""

    name: str
    id: bytes
    raw: bytes
    kind: int = 0
    at: int | None = None


class Note(NamedTuple):
    text: str
    signatures: list[Signature]


class Checkpoint(NamedTuple):
    """What the log signed; `signatures` are those that were verified."""

    origin: str
    size: int
    root: bytes
    signatures: list[Signature]
    text: str


def named(name: str, public: bytes, kind: int = LOG_SIGNATURE) -> VKey:
    """The vkey of an Ed25519 key (32 raw bytes) that signs under `name`."""
    if not name or "+" in name or re.search(r"\s", name) or len(public) != HASH:
        raise NotValid("vkey", vkey=name)
    digest = hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()
    return VKey(name, digest[:4], kind, public)


def parse_vkey(text: str) -> VKey:
    try:
        name, key_hex, encoded = text.split("+", 2)
        raw = unbase64(encoded)
    except ValueError as error:
        raise NotValid("vkey", vkey=text) from error
    if raw and raw[0] not in {LOG_SIGNATURE, COSIGNATURE}:
        raise CannotCheck("algorithm", name=f"0x{raw[0]:02x} ({name})")
    key = named(name, raw[1:], raw[0] if raw else 0)
    if key.text() != text or key.id.hex() != key_hex:
        raise NotValid("vkey", vkey=text)
    return key


def parse_note(note: str) -> Note:
    """Splits; verifies nothing. Raises NotValid."""
    text, blank, lines = note.rpartition("\n\n")
    if not blank or not lines.endswith("\n") or re.search(r"[\x00-\x09\x0b-\x1f]", note):
        raise NotValid("checkpoint.format")
    signatures = []
    for line in lines[:-1].split("\n")[:SIGNATURES_IN_A_NOTE]:
        found = re.fullmatch(r"— ([^\s+]+) (\S+)", line)
        try:
            raw = unbase64(found[2]) if found else b""
        except ValueError:
            raw = b""
        if not found or len(raw) < 5:
            raise NotValid("checkpoint.format")
        signatures.append(Signature(found[1], raw[:4], raw[4:]))
    return Note(text + "\n", signatures)


def verify_line(line: Signature, key: VKey, text: str) -> Signature:
    """That line holds over the note text, by that key. Raises NotValid."""
    signed, raw, at = text.encode(), line.raw, None
    if key.kind == COSIGNATURE:
        at, raw = int.from_bytes(raw[:8], "big"), raw[8:]
        raw = raw if at <= LARGEST_SIZE else b""
        signed = cosigned_text(text, at)
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(raw, signed)
    except (InvalidSignature, ValueError) as error:
        code = "checkpoint" if key.kind == LOG_SIGNATURE else "witness"
        raise NotValid(code, name=key.name) from error
    return line._replace(kind=key.kind, at=at)


def cosigned_text(text: str, at: int) -> bytes:
    """What a witness signs: that it saw this note text (ends in a newline) at unix time `at`."""
    return f"cosignature/v1\ntime {at}\n{text}".encode()


def parse_checkpoint(text: str) -> tuple[str, int, bytes]:
    """Origin, size and root of a note text. Raises NotValid."""
    lines = text.split("\n")
    try:
        origin, size, root = lines[:3]
        raw = unbase64(root)
    except ValueError as error:
        raise NotValid("checkpoint.format") from error
    whole = re.fullmatch(r"0|[1-9][0-9]{0,18}", size) and int(size) <= LARGEST_SIZE
    if not origin or not whole or len(raw) != HASH or "" in lines[3:-1] or lines[-1]:
        raise NotValid("checkpoint.format")
    return origin, int(size), raw


def open_checkpoint(note: str, keys: Iterable[str | VKey] | str | bytes) -> Checkpoint:
    """A checkpoint that the log signed. Raises NotValid.

    keys: vkeys of the log and of witnesses, or the log's one key as 32 raw bytes (then the name is
    the origin). Signatures of unknown keys are passed over; a known key's signature must fit.
    """
    parsed = parse_note(note)
    origin, size, root = parse_checkpoint(parsed.text)
    if isinstance(keys, bytes):
        keys = [named(origin, keys)]
    elif isinstance(keys, str):
        keys = [keys]
    known = {
        (key.name, key.id): key
        for key in (item if isinstance(item, VKey) else parse_vkey(item) for item in keys)
    }
    verified = [
        verify_line(line, known[line.name, line.id], parsed.text)
        for line in parsed.signatures
        if (line.name, line.id) in known
    ]
    if not any(line.kind == LOG_SIGNATURE and line.name == origin for line in verified):
        raise NotValid("checkpoint.unsigned")
    return Checkpoint(origin, size, root, verified, parsed.text)


# -- Leaves and receipts -------------------------------------------------------------------------


def public_text(key: Ed25519PublicKey) -> str:
    return base64_of(key.public_bytes(Encoding.Raw, PublicFormat.Raw))


def key_id(key: Ed25519PublicKey) -> str:
    """How receipts name their key."""
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def commitment(body: bytes, salt: bytes) -> bytes:
    """What the log shows of a confidential event: 32 bytes that say nothing without the salt."""
    return hashlib.sha256(b"jiebang-leaf/1\n" + salt + body).digest()


def input_of(statement: dict[str, Any], salt: bytes) -> str:
    """How an event refers to what a receipt states (hex); statement: without "type" and "log"."""
    digest = hashlib.sha256(canonical(statement)).hexdigest()
    return hmac.new(salt, digest.encode(), hashlib.sha256).hexdigest()


class Keys:
    """The published keys: those of receipts by their id, those of the log and its witnesses."""

    def __init__(self) -> None:
        self.origins: set[str] = set()  # the log's name, and those before it was begun anew
        self.receipts: dict[str, tuple[Ed25519PublicKey, str | None]] = {}  # (key, retired at)
        self.unknown: dict[str, str] = {}  # key id: algorithm
        self.log: list[VKey] = []
        self.raw: list[bytes] = []  # keys without a name, as given on the command line
        self.witnesses: list[VKey] = []
        self.merge_delay = 0  # seconds

    @classmethod
    def published(cls, document: dict[str, Any]) -> Keys:
        """From keys.json. Raises ValueError and the like when it is not one."""
        keys = cls()
        keys.origins = {document["origin"]}
        keys.merge_delay = int(document["merge_delay_seconds"])
        for entry in document["keys"]:
            if entry["algorithm"] != "Ed25519":
                keys.unknown[entry["key_id"]] = entry["algorithm"]
            elif entry["use"] == "checkpoint":
                keys.log.append(parse_vkey(entry["vkey"]))
            elif entry["use"] == "receipt":
                public = Ed25519PublicKey.from_public_bytes(unbase64(entry["public_key"]))
                keys.receipts[key_id(public)] = public, entry.get("until")
        for former in document.get("former", []):
            keys.origins.add(former["origin"])
            keys.log += [parse_vkey(text) for text in former["vkeys"]]
        for text in document.get("witnesses", []):
            try:
                keys.witnesses.append(parse_vkey(text))
            except CannotCheck:  # as with any unknown signature: passed over, not refused
                continue
        return keys

    @classmethod
    def given(cls, texts: Iterable[str]) -> Keys:
        """From the command line: base64 of a raw key, for receipts and checkpoints, or a vkey."""
        keys = cls()
        for text in filter(None, texts):
            if len(text) != len(base64_of(bytes(HASH))):
                key = parse_vkey(text)
                (keys.log if key.kind == LOG_SIGNATURE else keys.witnesses).append(key)
                continue
            public = Ed25519PublicKey.from_public_bytes(unbase64(text))
            keys.receipts[key_id(public)] = public, None
            keys.raw.append(unbase64(text))
        return keys

    def open(self, note: str) -> Checkpoint:
        """The checkpoint, signed with a key of ours. Raises NotValid, CannotCheck."""
        origin, _size, _root = parse_checkpoint(parse_note(note).text)
        if self.origins and origin not in self.origins:
            raise NotValid("inclusion.origin", origin=origin)
        raw = [named(origin, public) for public in self.raw]
        try:
            return open_checkpoint(note, [*self.log, *raw, *self.witnesses])
        except NotValid as error:
            if error.code == "checkpoint.unsigned" and self.unknown:
                names = ", ".join(sorted(set(self.unknown.values())))
                raise CannotCheck("algorithm", "checkpoint", name=names) from error
            raise


class Finding(NamedTuple):
    """The answer to one check. state: held, failed, absent, unchecked or skipped."""

    check: str
    state: str
    code: str = ""
    values: dict[str, Any] = {}

    def said(self, lang: str) -> str:
        return sentence(self.code, lang, **self.values) if self.code else ""


def held(check: str, **values: Any) -> Finding:
    return Finding(check, "held", f"{check}.held", values)


class Receipt:
    """A receipt document, taken apart. Each method asks one of CHECKS and raises NotValid."""

    def __init__(self, document: dict[str, Any], keys: Keys | None) -> None:
        self.document, self.keys = document, keys
        self.opened: Checkpoint | None = None

    def format(self) -> Finding:
        document = self.document
        if document.get("algorithm", "Ed25519") != "Ed25519":
            raise CannotCheck("algorithm", "format", name=document["algorithm"])
        self.said = unbase64(document["signed_text"])
        self.signature_bytes = unbase64(document["signature"])
        self.signed: dict[str, Any] = dict(json.loads(self.said))
        self.log = self.signed.get("log")
        self.statement = {n: v for n, v in self.signed.items() if n not in {"type", "log"}}
        self.event_body = self.salt = b""
        self.recorded: dict[str, Any] = {}
        if self.keys is None:
            inside = unbase64(document["public_key"])
            self.public = Ed25519PublicKey.from_public_bytes(inside)
        if document.get("event"):
            self.event_body = unbase64(document["event"]["body"])
            self.salt = unbase64(document["event"]["salt"])
            self.recorded = dict(json.loads(self.event_body))
        if self.log:
            self.leaf = bytes.fromhex(self.log["leaf"])
        proof = document.get("inclusion")
        if proof:
            self.proof = [unbase64(item) for item in proof["hashes"]]
            self.note = str(proof["checkpoint"])
            self.index, self.size = proof["index"], proof["size"]
            self.readable = unbase64(proof["leaf"]) if proof.get("leaf") else b""
        self.proved = bool(proof)
        return held("format")

    def key(self) -> Finding:
        name = self.document.get("key_id")
        if self.keys is None:
            if key_id(self.public) != name:
                raise NotValid("key")
            return Finding("key", "unchecked", "key.unchecked")
        if name in self.keys.unknown:
            raise CannotCheck("algorithm", "key", name=self.keys.unknown[name])
        if name not in self.keys.receipts:
            raise NotValid("key")
        self.public, until = self.keys.receipts[name]
        stated = self.stated_at()
        # Processes that still run with the old key may go on for as long as merging may take.
        grace = timedelta(seconds=self.keys.merge_delay)
        if until and stated and instant(stated) >= instant(until) + grace:
            raise NotValid("key.retired", until=until)
        return held("key")

    def stated_at(self) -> Any:
        """When it was made, by its own word: its first time of SIGNED_AT, or the event's."""
        times = [self.statement.get(name) for name in SIGNED_AT]
        return next(filter(None, times), None) or self.recorded.get("at")

    def signature(self) -> Finding:
        try:
            self.public.verify(self.signature_bytes, self.said)
        except InvalidSignature as error:
            raise NotValid("signature") from error
        return held("signature")

    def reading(self) -> Finding:
        # As texts, because Python takes 1, 1.0 and true for equal.
        texts = [json.dumps(v, sort_keys=True) for v in (self.signed, self.document.get("receipt"))]
        if texts[0] != texts[1]:
            raise NotValid("reading")
        return held("reading")

    def event(self) -> Finding:
        """Signature → statement → event → commitment: what was signed is what was recorded."""
        if not self.log or not self.event_body:
            return Finding("event", "absent", "event.absent")
        if len(self.salt) != HASH or commitment(self.event_body, self.salt) != self.leaf:
            raise NotValid("event.leaf")
        if self.recorded.get("input") != input_of(self.statement, self.salt):
            raise NotValid("event.input")
        return held("event")

    def inclusion(self) -> Finding:
        """Commitment → leaf → root: what was recorded is in the log."""
        if not self.log:
            return Finding("inclusion", "absent", "inclusion.old")
        if not self.proved:
            delay = {"delay": self.log["merge_delay_seconds"]}
            return Finding("inclusion", "absent", "inclusion.absent", delay)
        origin, size, root = parse_checkpoint(parse_note(self.note).text)
        if origin != self.log["origin"]:
            raise NotValid("inclusion.origin", origin=origin)
        if size != self.size:
            raise NotValid("inclusion")
        data = self.readable or self.leaf
        if self.readable and leaf_commitment(self.readable) != self.leaf:
            raise NotValid("inclusion.leaf")
        if self.readable and self.event_body:
            shown = json.loads(self.readable)
            if any(shown[name] != self.recorded[name] for name in shown if name in self.recorded):
                raise NotValid("inclusion.readable")
        verify_inclusion(leaf_hash(data), self.index, size, self.proof, root)
        return held("inclusion", index=self.index, size=size)

    def checkpoint(self) -> Finding:
        """Root → the log's signature: everybody is shown this tree."""
        if not self.log or not self.proved:
            return Finding("checkpoint", "absent", "checkpoint.absent")
        if self.keys is None:
            return Finding("checkpoint", "unchecked", "checkpoint.unchecked")
        try:
            self.opened = self.keys.open(self.note)
        except NotValid as error:
            # A raw key from the command line may be the receipts' key only; a named one may not.
            if error.code == "checkpoint.unsigned" and not self.keys.log and self.keys.raw:
                return Finding("checkpoint", "unchecked", "checkpoint.unchecked")
            raise
        return held("checkpoint", origin=self.opened.origin, size=self.opened.size)

    def witness(self) -> Finding:
        return cosigned(self.opened)


def cosigned(checkpoint: Checkpoint | None) -> Finding:
    lines = checkpoint.signatures if checkpoint else []
    names = sorted({line.name for line in lines if line.kind == COSIGNATURE})
    if not names:
        return Finding("witness", "absent", "witness.absent")
    return held("witness", names=", ".join(names))


def leaf_commitment(data: bytes) -> bytes:
    """The commitment that a leaf shows: the leaf itself, or the field of a readable one."""
    if len(data) == HASH:
        return data
    return bytes.fromhex(json.loads(data)["commitment"])


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def examine(
    document: Any, *, keys: Keys | None = None
) -> tuple[list[Finding], dict[str, Any] | None]:
    """A finding for each of CHECKS, in order, and the signed statement if nothing failed.

    Without keys the key inside the receipt is used: it proves that the receipt is whole, not who
    signed it. After a failure the rest is skipped. Raises CannotCheck.
    """
    receipt = Receipt(document, keys)
    findings: list[Finding] = []
    for check in CHECKS:
        try:
            findings.append(getattr(receipt, check)())
        except CannotCheck:
            raise
        except NotValid as error:
            findings.append(Finding(check, "failed", error.code, error.values))
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
            findings.append(Finding(check, "failed", "format"))
        if findings[-1].state == "failed":
            rest = CHECKS[len(findings) :]
            return [*findings, *(Finding(name, "skipped") for name in rest)], None
    return findings, receipt.signed


def verify(
    document: dict[str, Any], *, published_key: str = "", keys: Keys | None = None
) -> dict[str, Any]:
    """The signed statement, if everything that can be checked holds. Raises NotValid."""
    try:
        known = keys or (Keys.given([published_key]) if published_key else None)
    except ValueError as error:
        raise NotValid("key") from error
    findings, signed = examine(document, keys=known)
    for finding in findings:
        if finding.state == "failed":
            raise NotValid(finding.code, finding.check, **finding.values)
    assert signed is not None
    return signed


# -- A mirrored log ------------------------------------------------------------------------------


class Mirror:
    """A folder with what the log publishes, under the same names."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.size = folder, size

    def _read(self, level: int | str, index: int) -> tuple[str, bytes, int]:
        """The file of a tile, how many it should hold; a full one serves for a partial one."""
        width = tile_width(0 if level == "entries" else int(level), index, self.size)
        for path in (tile_path(level, index, width), tile_path(level, index)):
            if (self.folder / path).is_file():
                return path, (self.folder / path).read_bytes(), width
        raise CannotCheck("mirror.missing", path=tile_path(level, index, width))

    def tile(self, level: int, index: int) -> bytes:
        path, raw, width = self._read(level, index)
        if len(raw) != width * HASH and not (
            path == tile_path(level, index) and len(raw) == TILE * HASH
        ):
            raise NotValid("mirror.length", path=path, wanted=width * HASH, found=len(raw))
        return raw[: width * HASH]

    def entries(self, index: int) -> list[bytes]:
        path, raw, width = self._read("entries", index)
        try:
            entries = entries_of(raw)
        except ValueError:
            entries = []
        if len(entries) != width and not (
            path == tile_path("entries", index) and len(entries) == TILE
        ):
            raise NotValid("mirror.length", path=path, wanted=width, found=len(entries))
        return entries[:width]

    def leaves(self, look: Callable[[int, bytes], None]) -> Iterator[bytes]:
        """Every leaf hash, in order, each held against the tiles. Keeps one tile per level."""
        waiting: list[list[bytes]] = [[]]  # per level, the hashes of the tile that is being filled
        for index in range(self.size):
            bundle, place = divmod(index, TILE)
            if place == 0:
                entries, tile = self.entries(bundle), self.tile(0, bundle)
            leaf = leaf_hash(entries[place])
            if leaf != tile[place * HASH : (place + 1) * HASH]:
                path = tile_path(0, bundle, tile_width(0, bundle, self.size))
                raise NotValid("mirror.entry", index=index, path=path)
            look(index, entries[place])
            yield leaf
            waiting[0].append(leaf)
            level = 0
            while len(waiting[level]) == TILE:
                if level + 1 == len(waiting):
                    waiting.append([])
                self._hold(level, (index >> 8 * (level + 1)), waiting[level])
                waiting[level + 1].append(tree_root(waiting[level]))
                waiting[level].clear()
                level += 1
        for level, hashes in enumerate(waiting):
            if hashes:
                self._hold(level, self.size >> 8 * (level + 1), hashes)

    def _hold(self, level: int, index: int, hashes: list[bytes]) -> None:
        if self.tile(level, index) != b"".join(hashes):
            path = tile_path(level, index, tile_width(level, index, self.size))
            raise NotValid("mirror.tile", path=path)


def publications(folder: Path, keys: Iterable[str | VKey], demand: str) -> tuple[int, list[int]]:
    """(entries of the mirror, which of them publish this demand). Raises NotValid.

    The whole mirror is checked under a checkpoint of these keys: none is left out.
    """
    checkpoint = open_checkpoint((folder / "checkpoint").read_text("utf-8"), keys)
    places = []

    def look(index: int, data: bytes) -> None:
        if len(data) != HASH:
            said = json.loads(data)
            if said["kind"] == "scenario.published" and said["subjects"][-1] == demand:
                places.append(index)

    if tree_root(Mirror(folder, checkpoint.size).leaves(look)) != checkpoint.root:
        raise NotValid("mirror.root")
    return checkpoint.size, places


# -- What the public entries say of each demand ----------------------------------------------------


class Story:
    """One demand as its public entries tell it."""

    def __init__(self) -> None:
        self.published = self.closed = self.opened = self.locked = False
        self.deadline: datetime | None = None
        self.rule: dict[str, int] | None = None


def outages_give(data: dict[str, Any], rule: dict[str, int] | None) -> bool:
    """Whether the outages of an extension are in order and give it, by the rule if there is one."""
    before, new = instant(data["before"]), instant(data["deadline_at"])
    spans = [(instant(one["from_at"]), instant(one["until_at"])) for one in data["outages"]]
    if not spans or not all(start < end <= before for start, end in spans):
        return False
    if not all(one[1] <= two[0] for one, two in itertools.pairwise(spans)):
        return False
    # Instants are told in milliseconds: a second more or less is none.
    seconds = sum((end - start for start, end in spans), timedelta()).total_seconds()
    if abs(seconds - data["seconds"]) > 1:
        return False
    if rule is None:
        return True
    first = before - timedelta(seconds=rule["window_seconds"])
    step = timedelta(seconds=rule["extension_seconds"])
    whole = (new - before) % step == timedelta()
    return seconds + 1 >= rule["total_seconds"] and first <= spans[0][0] and whole


class Stories:
    """Whether the public entries of a log contradict one another.

    Who appends an entry is not proved by it. But a false one stands for good, and beside the true
    ones it tells a story that cannot be: a second publication, a closing before the deadline, a
    deadline that moves otherwise than by the announced rule, scores locked twice. The opener, the
    nightly check and `mirror` ask the same questions.
    """

    def __init__(self) -> None:
        self.demands: dict[str, Story] = {}
        self._owners: dict[str, str] = {}  # {recipient: the demand that announced it first}
        self.tellers = {
            "scenario.published": self._published,
            "scenario.deadline_extended": self._extended,
            "scenario.closed": self._closed,
            "opening.finished": self._opened,
            "panel.technical_locked": self._locked,
        }

    def told(self, index: int, data: bytes) -> NotValid | None:
        """The contradiction of this entry with those before it, in the order of the log.

        Every entry is given, opaque ones too, which say nothing.
        """
        if len(data) == HASH:
            return None
        try:
            said = json.loads(data)
            tell = self.tellers.get(said["kind"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return None  # an entry of another form
        if tell is None:
            return None
        demand = "-"
        try:
            demand = str(said["data"].get("scenario") or said["subjects"][-1])
            story = self.demands.setdefault(demand, Story())
            code = tell(story, demand, instant(said["at"]), said["data"])
        except (LookupError, TypeError, ValueError, AttributeError):
            code = "story"
        return NotValid(code, "story", index=index, demand=demand) if code else None

    def _published(self, story: Story, demand: str, _at: datetime, data: dict[str, Any]) -> str:
        owners = {self._owners.setdefault(key, demand) for key in data["recipients"].values()}
        if story.published:
            return "story.published_twice"
        story.published, story.rule = True, data.get("outage")
        story.deadline = instant(data["deadline_at"]) if data.get("deadline_at") else None
        return "story.recipients" if owners - {demand} else ""

    def _extended(self, story: Story, _demand: str, at: datetime, data: dict[str, Any]) -> str:
        if not story.published:
            return ""  # from before the log
        late, story.closed = story.opened, False
        before, new = story.deadline, instant(data["deadline_at"])
        story.deadline = max(new, before) if before else new
        if late:
            return "story.extended_late"
        fits = before is not None and instant(data["before"]) == before < new and at < new
        if fits and data.get("cause", "outage") == "outage":
            fits = outages_give(data, story.rule)
        return "" if fits else "story.extension"

    def _closed(self, story: Story, _demand: str, at: datetime, data: dict[str, Any]) -> str:
        if not story.published or story.deadline is None:
            return ""
        twice, story.closed = story.closed, True
        if at < story.deadline or instant(data["deadline_at"]) != story.deadline:
            return "story.closed_early"
        return "story.closed_twice" if twice else ""

    def _opened(self, story: Story, _demand: str, _at: datetime, data: dict[str, Any]) -> str:
        ready = story.locked if data["stage"] == "price" else story.closed
        story.opened = True
        return "" if ready or not story.published else "story.opened_early"

    def _locked(self, story: Story, _demand: str, _at: datetime, _data: dict[str, Any]) -> str:
        twice, story.locked = story.locked, True
        if story.published and not story.opened:
            return "story.locked_early"
        return "story.locked_twice" if twice else ""


def tiles_of(size: int) -> Iterator[tuple[int | str, int, int]]:
    """(level, index, width) of everything that a log of that size publishes."""
    level = 0
    while size >> 8 * level:
        for index in range(-(-(size >> 8 * level) // TILE)):
            yield level, index, tile_width(level, index, size)
            if level == 0:
                yield "entries", index, tile_width(0, index, size)
        level += 1


# -- The questions: each command gives its findings one after another ----------------------------


def check_receipt(given: argparse.Namespace) -> Iterator[Finding]:
    try:
        document = json.loads(given.receipt.read_text("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise NotValid("format") from error
    keys = keys_of(given)
    findings, signed = examine(document, keys=keys)
    if signed is not None and not given.quiet:
        print(json.dumps(signed, ensure_ascii=False, indent=2, sort_keys=True))
    yield from findings
    if signed is not None and given.mirror:
        yield from look_up(document, given, keys)


def look_up(
    document: dict[str, Any], given: argparse.Namespace, keys: Keys | None
) -> Iterator[Finding]:
    """The receipt's entry in the mirror, all of which is checked on the way."""
    receipt = Receipt(document, keys)
    receipt.format()
    if not receipt.log:
        raise CannotCheck("found.old")
    found: list[int] = []

    def look(index: int, data: bytes) -> None:
        if data == receipt.leaf or (len(data) != HASH and leaf_is(data, receipt.leaf)):
            found.append(index)

    checkpoint = yield from walk(given, look)
    if checkpoint.origin != receipt.log["origin"]:
        raise NotValid("inclusion.origin", origin=checkpoint.origin)
    if receipt.proved:
        yield from same_history(receipt.note, checkpoint, Mirror(given.mirror, checkpoint.size))
        if receipt.index < checkpoint.size and receipt.index not in found:
            raise NotValid("found.index", said=receipt.index, found=found[0] if found else "-")
    if found:
        yield held("found", index=found[0])
        return
    stated = receipt.stated_at()
    seen = seen_at(checkpoint, given.mirror)
    if not stated or not seen:
        raise CannotCheck("found.unknown")
    until = instant(stated) + timedelta(seconds=receipt.log["merge_delay_seconds"])
    values = {"until": stamp(until), "seen": stamp(seen), "size": checkpoint.size}
    raise NotValid("found.late", **values) if seen > until else CannotCheck("found.early", **values)


def leaf_is(data: bytes, leaf: bytes) -> bool:
    try:
        return leaf_commitment(data) == leaf
    except (ValueError, KeyError, TypeError):
        return False  # a readable entry of another kind


def same_history(note: str, later: Checkpoint, mirror: Mirror) -> Iterator[Finding]:
    """The tree of a receipt's checkpoint is the beginning of the mirrored one."""
    _origin, size, root = parse_checkpoint(parse_note(note).text)
    if size > later.size:
        raise CannotCheck("consistency.mirror", have=later.size, need=size)
    hashes = consistency_proof(mirror.tile, size, later.size)
    verify_consistency(size, root, later.size, later.root, hashes)
    yield held("consistency", size1=size, size2=later.size)


def seen_at(checkpoint: Checkpoint, folder: Path) -> datetime | None:
    """When this tree was seen: as a witness signed it, else as `fetch` noted it."""
    times = [line.at for line in checkpoint.signatures if line.at]
    noted = folder / "fetched.json"
    if noted.is_file():
        said = json.loads(noted.read_text("utf-8"))
        if said["size"] == checkpoint.size:
            times.append(int(instant(said["at"]).timestamp()))
    return datetime.fromtimestamp(max(times), UTC) if times else None


def check_mirror(given: argparse.Namespace) -> Iterator[Finding]:
    yield from walk(given, lambda *_: None)


def walk(
    given: argparse.Namespace, look: Callable[[int, bytes], None]
) -> Generator[Finding, None, Checkpoint]:
    """Checkpoint, then every entry and tile up to its root. Gives findings, returns checkpoint."""
    keys = keys_of(given)
    if keys is None:
        keys = read_keys(given.mirror / "keys.json")
        yield Finding("key", "unchecked", "mirror.keys")
    checkpoint = open_file(given.mirror / "checkpoint", keys)
    yield held("checkpoint", origin=checkpoint.origin, size=checkpoint.size)
    yield cosigned(checkpoint)
    mirror = Mirror(given.mirror, checkpoint.size)
    stories, contradictions = Stories(), []

    def read(index: int, data: bytes) -> None:
        look(index, data)
        if told := stories.told(index, data):
            contradictions.append(Finding("story", "failed", told.code, told.values))

    if tree_root(mirror.leaves(read)) != checkpoint.root:
        raise NotValid("mirror.root")
    yield held("mirror", size=checkpoint.size)
    yield from contradictions or [held("story", demands=len(stories.demands))]
    return checkpoint


def check_consistency(given: argparse.Namespace) -> Iterator[Finding]:
    keys = keys_of(given)
    if keys is None:
        keys = read_keys((given.mirror or Path()) / "keys.json")
        yield Finding("key", "unchecked", "mirror.keys")
    old, new = open_file(given.old, keys), open_file(given.new, keys)
    for checkpoint in (old, new):
        yield held("checkpoint", origin=checkpoint.origin, size=checkpoint.size)
    if old.origin != new.origin:
        raise NotValid("inclusion.origin", origin=new.origin)
    have = open_file(given.mirror / "checkpoint", keys).size if given.mirror else 0
    if old.size < new.size and have < new.size:
        raise CannotCheck("consistency.mirror", have=have, need=new.size)
    hold_together(old, new, Mirror(given.mirror, have).tile)
    yield held("consistency", size1=old.size, size2=new.size)


def hold_together(old: Checkpoint, new: Checkpoint, read: ReadTile) -> None:
    """The proof is made here, from tiles; the server's word for it is not asked. Raises NotValid."""
    hashes = consistency_proof(read, old.size, new.size) if old.size < new.size else []
    verify_consistency(old.size, old.root, new.size, new.root, hashes)


def check_proof(given: argparse.Namespace) -> Iterator[Finding]:
    """A readable entry, as the log's pages give it: what it says, its place, the signed tree."""
    keys = keys_of(given)
    if keys is None:
        raise CannotCheck("checkpoint.unchecked", "checkpoint")
    try:
        document = json.loads(given.proof.read_text("utf-8-sig"))
        leaf, proof = unbase64(document["leaf"]), document["inclusion"]
        same = canonical(json.loads(leaf)) == canonical(document["text"])
        path, note = [unbase64(item) for item in proof["hashes"]], str(proof["checkpoint"])
        index, size = proof["index"], proof["size"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NotValid("entry") from error
    if not same:
        raise NotValid("entry")
    yield held("entry")
    checkpoint = keys.open(note)
    if checkpoint.size != size:
        raise NotValid("inclusion")
    verify_inclusion(leaf_hash(leaf), index, size, path, checkpoint.root)
    yield held("inclusion", index=index, size=size)
    yield held("checkpoint", origin=checkpoint.origin, size=checkpoint.size)
    yield cosigned(checkpoint)
    print(json.dumps(document["text"], ensure_ascii=False, indent=2, sort_keys=True))


def keys_of(given: argparse.Namespace) -> Keys | None:
    """The keys that the caller trusts, if any were given."""
    if given.keys:
        return read_keys(given.keys)
    try:
        return Keys.given(given.key) if any(given.key) else None
    except CannotCheck:
        raise
    except (ValueError, NotValid) as error:
        raise CannotCheck("keys", name=", ".join(given.key)) from error


def read_keys(file: Path) -> Keys:
    try:
        return Keys.published(json.loads(file.read_text("utf-8-sig")))
    except (ValueError, KeyError, TypeError, AttributeError, NotValid) as error:
        raise CannotCheck("keys", name=file) from error


def open_file(file: Path, keys: Keys) -> Checkpoint:
    try:
        note = file.read_text("utf-8")
    except ValueError as error:
        raise NotValid("checkpoint.format") from error
    return keys.open(note)


def stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


# -- Mirroring -----------------------------------------------------------------------------------


def get(url: str, largest: int) -> bytes | None:
    """What stands at an address; None where nothing does."""
    if not url.startswith(("http://", "https://")):
        raise CannotCheck("fetch.failed", url=url, error="http, https")
    request = urllib.request.Request(url, headers={"User-Agent": "jiebang-verify"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            raw: bytes = answer.read(largest + 1)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise CannotCheck("fetch.failed", url=url, error=error) from error
    except (OSError, ValueError) as error:
        raise CannotCheck("fetch.failed", url=url, error=error) from error
    if len(raw) > largest:
        raise CannotCheck("fetch.failed", url=url, error=f"> {largest}")
    return raw


def must_get(url: str, largest: int = 1 << 20) -> bytes:
    raw = get(url, largest)
    if raw is None:
        raise CannotCheck("fetch.failed", url=url, error=404)
    return raw


def write(file: Path, raw: bytes) -> None:
    """Whole or not at all: what is there under its name was written to its end."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.part")
    with part.open("wb") as opened:
        opened.write(raw)
        opened.flush()
        os.fsync(opened.fileno())
    part.replace(file)


def fetch(given: argparse.Namespace) -> Iterator[Finding]:
    """Tiles first, the checkpoint last: an interrupted run leaves the older mirror whole."""
    url, folder = given.url.rstrip("/"), given.folder
    published = must_get(f"{url}/keys.json")
    keys = keys_of(given)
    if keys is None:
        try:
            keys = Keys.published(json.loads(published))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CannotCheck("keys", name=f"{url}/keys.json") from error
        yield Finding("key", "unchecked", "mirror.keys")
    note = must_get(f"{url}/checkpoint").decode(errors="replace")
    now = datetime.now(UTC)
    new = keys.open(note)
    yield held("checkpoint", origin=new.origin, size=new.size)
    fetched = [fetch_tile(url, folder, *tile) for tile in tiles_of(new.size)]
    files = [file for file in fetched if file]
    if (folder / "checkpoint").is_file():
        old = open_file(folder / "checkpoint", keys)
        try:
            hold_together(old, new, Mirror(folder, new.size).tile)
        except NotValid as error:
            for file in files:  # of another history: they must not pass for ours later
                file.unlink()
            refused = folder / f"checkpoint.refused.{new.size}"
            write(refused, note.encode())
            yield Finding(error.check, "failed", error.code, error.values)
            raise NotValid("fetch.refused", path=refused) from error
        yield held("consistency", size1=old.size, size2=new.size)
    write(folder / "keys.json", published)
    write(folder / "fetched.json", json.dumps({"size": new.size, "at": stamp(now)}).encode())
    write(folder / "checkpoint", note.encode())
    yield held("fetch", size=new.size, files=len(files), folder=folder)


def get_tile(url: str, level: int | str, index: int, width: int) -> tuple[str, bytes]:
    """A tile or bundle and its name; the full one where the partial one is gone already."""
    full = tile_path(level, index)
    path = tile_path(level, index, width)
    largest = TILE * (2 + 0xFFFF if level == "entries" else HASH)
    raw = get(f"{url}/{path}", largest)
    if raw is None and path != full:
        path, width, raw = full, TILE, get(f"{url}/{full}", largest)
    if raw is None:
        raise CannotCheck("fetch.failed", url=f"{url}/{path}", error=404)
    if level != "entries" and len(raw) != width * HASH:
        raise NotValid("mirror.length", path=path, wanted=width * HASH, found=len(raw))
    return path, raw


def fetch_tile(url: str, folder: Path, level: int | str, index: int, width: int) -> Path | None:
    """One tile or bundle, unless it is here: full ones never change. The file that was written."""
    full = tile_path(level, index)
    path = tile_path(level, index, width)
    if (folder / full).is_file() or (folder / path).is_file():
        return None
    path, raw = get_tile(url, level, index, width)
    write(folder / path, raw)
    return folder / path


# -- The command line ----------------------------------------------------------------------------

COMMANDS: dict[str, Callable[[argparse.Namespace], Iterator[Finding]]] = {
    "receipt": check_receipt,
    "consistency": check_consistency,
    "proof": check_proof,
    "mirror": check_mirror,
    "fetch": fetch,
}
MARKS = {"held": "√", "failed": "×", "absent": "－", "unchecked": "－", "unknown": "？"}


def conclude(findings: Iterable[Finding], lang: str, out: TextIO) -> int:
    """Say each finding as it comes, then the verdict; the exit code."""
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(errors="replace")  # a console without Chinese shows ?, and goes on
    states = set()

    def say(finding: Finding) -> None:
        states.add((finding.check, finding.state))
        texts = [finding.said(one) for one in ("zh", "en") if lang in {one, "both"}]
        if finding.state != "skipped":
            print(MARKS[finding.state], "\n  ".join(texts), file=out)

    try:
        for finding in findings:
            say(finding)
    except NotValid as error:
        state = "unknown" if isinstance(error, CannotCheck) else "failed"
        say(Finding(error.check, state, error.code, error.values))
    except OSError as error:
        values = {"name": error.filename, "error": error.strerror or type(error).__name__}
        say(Finding("", "unknown", "unreadable", values))
    code, verdict = verdict_of(states)
    print(verdict, file=out)
    return code


def verdict_of(states: set[tuple[str, str]]) -> tuple[int, str]:
    """(exit code, last line) of what was found: (check, state) of each finding."""
    found = {state for _check, state in states}
    if "failed" in found:
        return 1, "NOT VALID"
    if "unknown" in found:
        return 2, "CANNOT CHECK"
    if ("key", "unchecked") in states:
        return 0, "VALID for the key inside; compare it with the published key"
    if ("checkpoint", "unchecked") in states:
        return 0, "VALID as a receipt; give the log's key to check its proof too"
    return 0, "VALID"


def arguments(argv: list[str]) -> argparse.Namespace:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--keys", type=Path, help="the published keys.json that you trust")
    common.add_argument("--key", action="append", default=[], help="a key: base64, or a vkey")
    common.add_argument("--lang", choices=["zh", "en", "both"], default="both")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("receipt", parents=[common], help="check a receipt (the default)")
    one.add_argument("receipt", type=Path)
    one.add_argument("--mirror", type=Path, help="look for its entry in this mirror too")
    one.add_argument("--quiet", action="store_true", help="do not print what was signed")
    one = commands.add_parser("consistency", parents=[common], help="compare two checkpoints")
    one.add_argument("old", type=Path)
    one.add_argument("new", type=Path)
    one.add_argument("--mirror", type=Path)
    one = commands.add_parser("mirror", parents=[common], help="check a mirrored log")
    one.add_argument("mirror", type=Path)
    one = commands.add_parser("proof", parents=[common], help="check a public entry of the log")
    one.add_argument("proof", type=Path)
    one = commands.add_parser("fetch", parents=[common], help="mirror a log")
    one.add_argument("url")
    one.add_argument("folder", type=Path)
    if argv and argv[0] not in {*COMMANDS, "-h", "--help"}:
        argv = ["receipt", *argv]
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    given = arguments(sys.argv[1:] if argv is None else argv)
    return conclude(COMMANDS[given.command](given), given.lang, sys.stdout)


if __name__ == "__main__":
    sys.exit(main())
