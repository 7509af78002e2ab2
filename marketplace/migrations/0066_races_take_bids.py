"""Races take bids as other demands do: the deadline's function asks for the mode no more."""

from django.db import migrations

CLAUSE = "AND demand.organising_mode <> ''race''"
REPLACE = """
DO $do$
DECLARE
    body text := pg_get_functiondef('marketplace_receive_bid'::regproc);
BEGIN
    IF position({before} IN body) = 0 THEN
        RAISE EXCEPTION 'marketplace_receive_bid is not as this migration knows it';
    END IF;
    EXECUTE replace(body, {before}, {after});
END
$do$
"""
WITHOUT = REPLACE.format(
    before=f"'{CLAUSE}'", after="'AND demand.organising_mode IS NOT NULL'"
)
WITH = REPLACE.format(before="'AND demand.organising_mode IS NOT NULL'", after=f"'{CLAUSE}'")


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0065_scans_and_fees")]
    operations = [migrations.RunSQL(WITHOUT, WITH)]
