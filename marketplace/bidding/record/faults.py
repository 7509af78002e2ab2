"""Whose fault it is that an envelope could not be opened, in words, and the rule behind it.

Both languages stand in what is signed, so the texts are pairs and not messages to translate. A
changed text of the rule is a new version with a new name.
"""

from __future__ import annotations

import hashlib

from django.utils.translation import get_language

from marketplace.base.canonical import canonical

Words = dict[str, str]  # {"zh", "en"}

NOT_SEALED_TO_US = {
    "zh": "密文与接收时一致，但不是用本榜公布的密钥密封的。",
    "en": "The bytes are as received, but are not sealed to this demand's published key.",
}
DAMAGED = {
    "zh": "密文与接收时一致，但内含的文件包在接收时已损坏。",
    "en": "The bytes are as received, but the package inside was damaged already.",
}
ELSEWHERE = {
    "zh": "密封包属于其他榜单、揭榜方或信封。",
    "en": "The package was made for another demand, bidder or envelope.",
}
INCOMPLETE = {
    "zh": "内含表单不是完整的申报。",
    "en": "The form inside is not a complete bid.",
}
# What the opener writes as the reason of an outcome.
REASONS: dict[str, Words] = {
    "missing": {"zh": "平台保存的密文缺失。", "en": "The stored bytes are gone."},
    "stored_hash": {
        "zh": "平台保存的密文与回执不符。",
        "en": "The stored bytes are not those of the receipt.",
    },
    "not_in_log": {
        "zh": "截止时的日志检查点中没有这份密文的回执。",
        "en": "The log, as it stood at the closing, holds no receipt of these bytes.",
    },
    "not_in_time": {
        "zh": "按签名回执所述时间，这份密文在截止时间之后收到，且没有截止前承诺过相同哈希值的记录，"
        "或已超过宽限期。",
        "en": "By the time its signed receipt states, it came after the deadline: without its"
        " hashes committed before, or after the grace for committed bytes.",
    },
    "never": {
        "zh": "启封已不可能进行；揭榜方没有责任。",
        "en": "The opening can never happen; no bidder is at fault.",
    },
    "no_record": {
        "zh": "平台缺少这份密文的接收记录。",
        "en": "The platform's row of what was received is missing.",
    },
    "not_age": NOT_SEALED_TO_US,
    "stanzas": NOT_SEALED_TO_US,
    "undecryptable": NOT_SEALED_TO_US,
    "not_a_package": DAMAGED,
    "file_hash": DAMAGED,
    "other_scenario": ELSEWHERE,
    "other_organisation": ELSEWHERE,
    "other_envelope": ELSEWHERE,
    "form": INCOMPLETE,
    "schema": INCOMPLETE,
    "not_anonymous": {
        "zh": "技术暗标出现揭榜方信息。",
        "en": "The technical envelope names its bidder.",
    },
}
PRESUMED: Words = {
    "zh": "同一次启封中其他揭榜方的同类信封以同样方式失败，推定为平台责任。",
    "en": "The same envelope of another bidder failed the same way in this opening: the platform's"
    " fault is presumed.",
}
UNKNOWN: Words = {"zh": "无法打开（{}）。", "en": "It could not be opened ({})."}

RULE_NAME = "jiebang-faults/3"
RULE: list[Words] = [
    {
        "zh": "收到什么，以签名回执为准：回执写明每个信封密文的 SHA-256，截止时的日志检查点包含全部有效回执。",
        "en": "What was received is what the signed receipt says: it names the SHA-256 of every"
        " sealed envelope, and the log's checkpoint at the closing covers every valid receipt.",
    },
    {
        "zh": "密文缺失，或其 SHA-256 与回执不同：平台责任。",
        "en": "The stored bytes are gone, or their SHA-256 differs from the receipt's: the"
        " platform's fault.",
    },
    {
        "zh": "截止时的日志检查点中没有该密文的回执，或平台缺少接收记录：平台责任。",
        "en": "The log's checkpoint at the closing holds no receipt of the bytes, or the"
        " platform's row of them is missing: the platform's fault.",
    },
    {
        "zh": "签名回执所述的收到时间不早于当时公布的截止时间的，不予启封，属平台责任；截止前承诺过相同哈希值、"
        "且在公布的宽限期内收到的除外。",
        "en": "Bytes whose signed receipt states a time that is not before the deadline as announced"
        " by then are not opened: the platform's fault, which took them. Excepted are bytes whose"
        " hashes were committed before it and that came within the grace that was announced.",
    },
    {
        "zh": "密文与回执相同，却不能用本榜公布的密钥解开，或解开后的文件包损坏、属于其他榜单、"
        "揭榜方或信封，或表单不完整：揭榜方责任。",
        "en": "The bytes are those of the receipt, but the demand's published key does not open"
        " them, or what is inside is damaged, was made for another demand, bidder or envelope,"
        " or is no complete bid: the bidder's fault.",
    },
    {
        "zh": "例外：同一次启封中，两个以上不同揭榜方的同类信封在解密步骤以同样方式失败的，推定为平台责任，"
        "开标记录予以注明。",
        "en": "Except: where the same envelope of two or more bidders fails the same way at the"
        " step of decryption in one opening, the platform's fault is presumed, and the record says"
        " so.",
    },
    {
        "zh": "技术暗标出现揭榜方信息：揭榜方责任，平台不代为删改。",
        "en": "The technical envelope names its bidder: the bidder's fault. The platform alters"
        " no word of it.",
    },
    {
        "zh": "一份申报同时有两种责任的，按平台责任列示。一份出错不影响其他各份。",
        "en": "Where both are at fault in one bid, the platform's fault is the one shown. What is"
        " wrong with one bid stops no other.",
    },
    {
        "zh": "启封服务自身不能工作（密钥解不开、存储不可用、程序出错）不归责于任何揭榜方：启封继续等待，"
        "待全部申报都已尝试后才形成开标记录。",
        "en": "When the opener itself cannot work (a key that does not unwrap, storage away, an"
        " error) no bidder is to blame: the opening waits, and there is no record until every"
        " bid has been tried.",
    },
    {
        "zh": "主密钥或过多持钥人的密钥遗失，经两名经办人确认启封已不可能的：未启封的申报全部作废，任何揭榜方"
        "均无责任。",
        "en": "Where the master identity or too many holders' keys are lost, and two officers have"
        " found that the opening can never happen: every bid that was not opened is void, by no"
        " bidder's fault.",
    },
]
RULE_SHA256 = hashlib.sha256(canonical({"type": RULE_NAME, "clauses": RULE})).hexdigest()


def why(reason: str, *, presumed: bool = False) -> Words:
    """The words of an opener's reason, in both languages; presumed: others failed alike."""
    words = REASONS.get(reason) or {lang: text.format(reason) for lang, text in UNKNOWN.items()}
    if not presumed:
        return words
    return {
        "zh": words["zh"] + PRESUMED["zh"],
        "en": f"{words['en']} {PRESUMED['en']}",
    }


def in_language(words: Words) -> str:
    return words["zh" if (get_language() or "zh").startswith("zh") else "en"]
