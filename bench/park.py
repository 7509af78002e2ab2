"""As many demands as asked for, made by SQL."""

from __future__ import annotations

import psycopg

ORGANISATIONS = 2_000
# Of a hundred demands: on their way, open, and the rest somewhere after their deadline.
BEFORE, OPEN = 4, 3
AFTER = "closed opened eligibility review decision publicity awarded accepted failed withdrawn"


def fill(url: str, rows: int) -> None:
    """Demands by `generate_series`: as many columns as the model has, whatever is added to it.

    url: of the superuser, who alone may leave the triggers out; others take longer.
    """
    from marketplace.indicators import tallies as demands
    from marketplace.scenarios import tallies as board
    from marketplace.scenarios.models import Scenario
    from marketplace.scenarios.search import facts

    values = columns()
    for field in Scenario._meta.concrete_fields:
        if field.column in values or field.primary_key or field.has_db_default():
            continue
        default = None if field.null else field.get_default()
        values[field.column] = "NULL" if default is None else f"'{default}'"
    insert = (
        f"INSERT INTO marketplace_scenario ({', '.join(values)})"
        f" SELECT {', '.join(values.values())} FROM generate_series(1, {rows}) i"
    )
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(PEOPLE)
        if owner.execute(SUPERUSER).fetchone() == (True,):
            # Neither our triggers nor eight look-ups of foreign keys a row.
            owner.execute("SET session_replication_role = replica")
        owner.execute(insert)
        owner.execute(OPENED)
        owner.execute(TAGS)
        owner.execute(entries())
        owner.execute(facts.RECOUNT)
        owner.execute(board.RECOUNT)
        owner.execute(demands.RECOUNT)
        owner.execute(EVENTS)
        owner.execute("VACUUM ANALYZE")


SUPERUSER = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
# What the projections keep of each, one in eight taken back and one in ten from outside.
OPENED = """
INSERT INTO marketplace_opendemand
    (uid, root_uid, scenario_uid, ref, title, title_en, published_at, deadline_at, withdrawn_at,
     profile_code, profile_version, counts_in_demo_only, domain_code, carrier_code, area_code,
     organising_mode, owner_in_lingang, summary_counts_at, publication_sha256)
SELECT gen_random_uuid(), s.uid, s.uid, s.ref, s.title, s.title_en, s.published_at, s.deadline_at,
       CASE WHEN s.id % 8 = 0 THEN s.published_at + interval '1 day' END, 'A', 'A/1', false,
       coalesce(d.code, ''), coalesce(c.code, ''), coalesce(a.code, ''), s.organising_mode,
       s.id % 10 <> 0,
       (date_trunc('day', s.published_at AT TIME ZONE 'Asia/Shanghai') + interval '6 days')
           AT TIME ZONE 'Asia/Shanghai',
       repeat('ab', 32)
FROM marketplace_scenario s
LEFT JOIN marketplace_term d ON d.id = s.domain_id
LEFT JOIN marketplace_term c ON c.id = s.carrier_id
LEFT JOIN marketplace_term a ON a.id = s.area_id
WHERE s.published_at IS NOT NULL
"""
# One line in the history of each, as its page reads it.
EVENTS = """
INSERT INTO marketplace_event
    (uid, kind, schema_version, at, role, subjects, audience, from_state, to_state, reason_hash,
     profile_version, input_hash, data, salt, body)
SELECT gen_random_uuid(), 'scenario.published', 1, s.published_at, 'officer', ARRAY[s.uid], 'public',
       'submitted', 'published', '', 'A/1', '', '{}', decode(repeat('00', 32), 'hex'), '{}'
FROM marketplace_scenario s WHERE s.published_at IS NOT NULL
"""
WORDS = ("数据质量", "跨境合规", "模型攻防", "工业控制", "隐私计算", "漏洞挖掘", "日志审计")
# Two characters each; with so many, one stands in about a thousand of a million demands.
TOPICS = 997
TAGS = """
INSERT INTO marketplace_scenario_technologies (scenario_id, term_id)
SELECT s.id, t.id FROM marketplace_scenario s JOIN marketplace_term t
    ON t.vocabulary = 'technology' AND t.position = s.id % 13;
INSERT INTO marketplace_scenario_platforms (scenario_id, term_id)
SELECT s.id, t.id FROM marketplace_scenario s JOIN marketplace_term t
    ON t.vocabulary = 'linked_platform' AND t.position = s.id % 70
"""
PEOPLE = f"""
INSERT INTO marketplace_organisation
    (uid, uscc, name, name_en, is_owner, is_vendor, is_office, in_lingang, profile_zh, profile_en)
SELECT gen_random_uuid(), lpad(i::text, 18, '0'), '临港示范企业' || i || '有限公司',
       'Lingang Example ' || i, true, false, false, true, '', ''
FROM generate_series(1, {ORGANISATIONS}) i;
INSERT INTO marketplace_user (uid, email, name, name_en, password, is_active, language)
SELECT gen_random_uuid(), 'p' || i || '@example.invalid', '人' || i, 'P' || i, '!', true, 'zh-hans'
FROM generate_series(1, 2) i;
"""


def topic(number: int) -> str:
    """A word of two characters that nobody uses."""
    return chr(0x6000 + number % TOPICS) + chr(0x6800 + number % TOPICS)


def entries() -> str:
    """What the projection keeps for the search: the words of each are one of a few texts of ours,
    its number, its topic, and for one in fifty thousand a rare word."""
    from marketplace.scenarios.search.facts import BEFORE as NOT_POSTED
    from marketplace.scenarios.search.facts import FACTS
    from marketplace.scenarios.search.words import vector

    made = [
        vector(
            [
                ("A", f"{WORDS[first]}能力验证与{WORDS[second]}第号 demand number"),
                ("B", WORDS[first] + "，" + "a demand in words. " * 6),
                ("C", "需求"),
            ]
        )
        for first in range(7)
        for second in range(5)
    ]
    texts = ",".join("'" + text.replace("'", "''") + "'" for text in made)
    topics = ",".join(f"'{topic(number)}'" for number in range(TOPICS))
    number = "substring(s.title_en from '[0-9]+')::int"
    return f"""
        INSERT INTO marketplace_searchentry (scenario_id, words, tokens, facts, deadline_at)
        SELECT s.id, '', (m.texts)[1 + n.i % 7 * 5 + n.i % 5]
            || ('''' || n.i || ''':1A ''' || (m.topics)[1 + n.i % {TOPICS}] || ''':9C')::tsvector
            || CASE WHEN n.i % 50000 = 7 THEN '''稀有'':5C'::tsvector ELSE ''::tsvector END,
            {FACTS.format(row="s")}, s.deadline_at
        FROM marketplace_scenario s CROSS JOIN LATERAL (SELECT {number} AS i) n
        CROSS JOIN (SELECT ARRAY[{texts}]::tsvector[] AS texts, ARRAY[{topics}] AS topics) m
        WHERE s.state NOT IN {NOT_POSTED}
        -- Where the triggers were not left out, they have made the rows.
        ON CONFLICT (scenario_id) DO UPDATE
            SET (words, tokens, facts, deadline_at)
                = (excluded.words, excluded.tokens, excluded.facts, excluded.deadline_at)
    """


def columns() -> dict[str, str]:
    """{column: SQL of the i-th row}. Two years of publications; a deadline after thirty days."""
    kind = "(i::bigint * 7919) % 100"
    early = f"{kind} < {BEFORE}"
    is_open = f"{kind} < {BEFORE + OPEN}"
    after = "(ARRAY['" + "','".join(AFTER.split()) + "'])[1 + i % 10]"
    words = "(ARRAY['" + "','".join(WORDS) + "'])"
    published = f"CASE WHEN {is_open} THEN now() - (i % 20) * interval '1 day'"
    published += " ELSE now() - interval '60 days' - (i % 700) * interval '1 day' END"
    deadline = f"({published}) + interval '30 days' + (i % 1000) * interval '1 second'"

    def term(vocabulary: str) -> str:
        ids = f"SELECT array_agg(id ORDER BY id) FROM marketplace_term WHERE vocabulary='{vocabulary}'"
        return f"(({ids})::bigint[])[1 + i % (SELECT count(*) FROM marketplace_term WHERE vocabulary='{vocabulary}')]"

    return {
        "uid": "gen_random_uuid()",
        "ref": f"CASE WHEN NOT {early} THEN 'LG-2026-' || lpad(i::text, 7, '0') END",
        "organisation_id": "(SELECT min(id) FROM marketplace_organisation WHERE is_owner)"
        f" + i % {ORGANISATIONS}",
        "author_id": "(SELECT min(id) FROM marketplace_user)",
        "published_by_id": f"CASE WHEN NOT {early} THEN (SELECT max(id) FROM marketplace_user) END",
        "state": f"CASE WHEN {early} THEN 'draft' WHEN {is_open} THEN 'published' ELSE {after} END",
        "title": f"{words}[1 + i % 7] || '能力验证与' || {words}[1 + i % 5] || '第' || i || '号'",
        "title_en": "'Demand number ' || i",
        "summary": f"repeat({words}[1 + i % 7] || '，', 12) || i",
        "summary_en": "repeat('A demand in words. ', 6)",
        "need": "'需求'",
        "domain_id": term("domain"),
        "carrier_id": term("carrier"),
        "area_id": term("area"),
        "focus_id": term("focus"),
        "organising_mode": "CASE WHEN i % 5 = 0 THEN 'race' ELSE 'best' END",
        "race_entrants": "CASE WHEN i % 5 = 0 THEN 3 END",
        "budget_cny": "(100000 + (i::bigint * 37) % 5000000)::numeric",
        "duration_months": "6 + i % 12",
        "profile_id": "(SELECT id FROM marketplace_ruleprofile WHERE code = 'A' LIMIT 1)",
        "published_at": f"CASE WHEN NOT {early} THEN {published} END",
        "deadline_at": f"CASE WHEN NOT {early} THEN {deadline} END",
    }
