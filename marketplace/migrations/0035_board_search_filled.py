import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, transaction

STEP = 10_000
# The facts of what is posted already, counted by the triggers. As
# marketplace.scenarios.search.facts.REFRESH was when this was written.
FILL = """
INSERT INTO marketplace_searchentry AS e (scenario_id, facts, deadline_at)
SELECT s.id, array_remove(ARRAY[s.domain_id, s.carrier_id, s.area_id, s.focus_id,
        CASE s.organising_mode WHEN 'race' THEN -2 ELSE -1 END,
        CASE WHEN s.state = 'published' THEN -11
            WHEN s.state IN
                ('awarded','implementing','accepted','withdrawn','failed','terminated') THEN -13
            ELSE -12 END,
        CASE WHEN s.budget_cny IS NULL THEN NULL WHEN s.budget_cny < 500000 THEN -21
            WHEN s.budget_cny < 1000000 THEN -22 WHEN s.budget_cny < 2000000 THEN -23
            WHEN s.budget_cny < 5000000 THEN -24 ELSE -25 END]::int[]
    || ARRAY(SELECT term_id::int FROM marketplace_scenario_technologies WHERE scenario_id = s.id),
    NULL), s.deadline_at
FROM marketplace_scenario s
WHERE s.state NOT IN ('draft','submitted','demonstrating','returned','rejected','demonstrated')
    AND s.id BETWEEN %s AND %s
ON CONFLICT (scenario_id) DO UPDATE
    SET facts = excluded.facts, deadline_at = excluded.deadline_at
    WHERE (e.facts, e.deadline_at) IS DISTINCT FROM (excluded.facts, excluded.deadline_at)
"""


def fill(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM marketplace_scenario")
        (last,) = cursor.fetchone()
        for low in range(1, last + 1, STEP):
            with transaction.atomic(using=schema_editor.connection.alias):
                cursor.execute(FILL, [low, low + STEP - 1])


class Migration(migrations.Migration):
    # Nobody who writes waits: rows are filled some at a time, indexes built beside.
    atomic = False

    dependencies = [
        ('marketplace', '0034_board_search'),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
        AddIndexConcurrently(
            model_name='searchentry',
            index=django.contrib.postgres.indexes.GinIndex(fastupdate=False, fields=['tokens', 'facts'], name='search_tokens_facts'),
        ),
        AddIndexConcurrently(
            model_name='searchword',
            index=django.contrib.postgres.indexes.GinIndex(fields=['word'], name='search_word_near', opclasses=['gin_trgm_ops']),
        ),
        RemoveIndexConcurrently(model_name='searchentry', name='search_words'),
    ]
