"""What a bid's transaction need not ask: look-ups of rows that nobody can delete, and covered indexes."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

# As things stand by the caller's snapshot. One organisation's controllers at a time, and only where
# there are any is more asked.
ARE_RELATED = """
CREATE FUNCTION marketplace_are_related(p_one bigint, p_other bigint, p_kinds text[])
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    today date := (marketplace_now() AT TIME ZONE 'Asia/Shanghai')::date;
    ones text[];
    others text[];
BEGIN
    IF p_one = p_other THEN
        RETURN false;
    END IF;
    SELECT array_agg(controller_code) FILTER (WHERE organisation_id = p_one),
        array_agg(controller_code) FILTER (WHERE organisation_id = p_other)
    INTO ones, others
    FROM marketplace_control
    WHERE organisation_id IN (p_one, p_other)
        AND NOT statement_waits AND (from_date IS NULL OR from_date <= today)
        AND (until_date IS NULL OR until_date > today OR end_waits);
    IF ones && others THEN
        RETURN true;
    END IF;
    IF (ones IS NOT NULL OR others IS NOT NULL) AND EXISTS (
        SELECT FROM marketplace_organisation controller
        WHERE controller.id = p_other AND controller.uscc = ANY (ones)
            OR controller.id = p_one AND controller.uscc = ANY (others)
    ) THEN
        RETURN true;
    END IF;
    RETURN EXISTS (
        SELECT FROM marketplace_organisationrelation tie
        JOIN marketplace_organisation other ON other.uscc = tie.other_uscc
        WHERE tie.organisation_id IN (p_one, p_other)
            AND other.id IN (p_one, p_other)
            AND other.id <> tie.organisation_id
            AND NOT tie.statement_waits AND (tie.from_date IS NULL OR tie.from_date <= today)
            AND (tie.until_date IS NULL OR tie.until_date > today OR tie.end_waits)
            AND tie.kind = ANY (p_kinds)
    );
END
$$
"""
# Django's for texts that are looked for by their beginning, as these never are.
BY_BEGINNING = "marketplace_sealedenvelope_stored_name_edd72c0a_like"


class Migration(migrations.Migration):

    dependencies = [
        ('marketplace', '0056_signals'),
    ]

    operations = [
        migrations.RunSQL(
            ARE_RELATED, "DROP FUNCTION marketplace_are_related(bigint, bigint, text[])"
        ),
        migrations.RunSQL(
            f"DROP INDEX IF EXISTS {BY_BEGINNING}",
            f"CREATE INDEX {BY_BEGINNING} ON marketplace_sealedenvelope"
            " (stored_name varchar_pattern_ops)",
        ),
        migrations.AlterField(
            model_name='bid',
            name='organisation',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='bids', to='marketplace.organisation'),
        ),
        migrations.AlterField(
            model_name='bid',
            name='scenario',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='bids', to='marketplace.scenario'),
        ),
        migrations.AlterField(
            model_name='bidversion',
            name='bid',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='marketplace.bid'),
        ),
        migrations.AlterField(
            model_name='bidversion',
            name='user',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AlterField(
            model_name='receipt',
            name='subject_uid',
            field=models.UUIDField(),
        ),
        migrations.AlterField(
            model_name='sealedenvelope',
            name='version',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='envelopes', to='marketplace.bidversion'),
        ),
        migrations.AlterField(
            model_name='sealedpackage',
            name='user',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='bid',
            trigger=pgtrigger.compiler.Trigger(name='bid_is_not_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='03528bc78171aeb412f137b134f5e6d417345fb8', operation='DELETE', pgid='pgtrigger_bid_is_not_deleted_c709b', table='marketplace_bid', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='organisation',
            trigger=pgtrigger.compiler.Trigger(name='organisation_is_not_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='5e299d14960588cef5aceb049c4f434a7aec8f34', operation='DELETE', pgid='pgtrigger_organisation_is_not_deleted_5f554', table='marketplace_organisation', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='user',
            trigger=pgtrigger.compiler.Trigger(name='user_is_not_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='9b65636a20c7b6a4137336bd5685ff18f92ae778', operation='DELETE', pgid='pgtrigger_user_is_not_deleted_a79f9', table='marketplace_user', when='BEFORE')),
        ),
    ]
