"""The deadline's transaction as one function: lock, judge, write. How it is called: bidding/deadline.py."""

from django.db import migrations, models

RECEIVE = """
CREATE FUNCTION marketplace_receive_bid(
    p_demand bigint, p_package uuid, p_sealed jsonb, p_version uuid,
    p_organisation bigint, p_organisation_uid uuid, p_user bigint, p_user_uid uuid, p_role text,
    p_may boolean, p_related boolean, p_owed text[],
    p_owner text, p_route text, p_key text, p_body_hash text,
    p_salt bytea, p_inner bytea, p_outer bytea,
    p_said text, p_event text, p_receipt text,
    p_envelopes text[], p_states text[], p_most smallint,
    p_taken_at timestamptz, p_commitment text,
    OUT taken boolean, OUT looked jsonb, OUT demand_pk bigint, OUT received timestamptz, OUT version_number smallint,
    OUT version_pk bigint, OUT bid_pk bigint, OUT bid_uid uuid, OUT left_state text,
    OUT event_pk bigint, OUT event_uid uuid, OUT event_kind text, OUT event_body text,
    OUT receipt_pk bigint, OUT receipt_uid uuid, OUT receipt_body text
) LANGUAGE plpgsql AS $$
DECLARE
    demand record;
    bid record;
    package record;
    at_stamp text;
    input_hash text;
    previous text;
    named text;
BEGIN
    -- Shared: bidders do not wait for one another, and closing waits for them all.
    SELECT s.id, s.uid, s.ref, s.state, s.suspended, s.deadline_at, s.organising_mode,
        s.organisation_id, s.profile_id, p.takes_bids
    INTO demand
    FROM marketplace_scenario s LEFT JOIN marketplace_ruleprofile p ON p.id = s.profile_id
    WHERE s.id = p_demand FOR SHARE OF s;

    demand_pk := demand.id;
    -- Twins queue here, before anything of theirs is locked.
    IF p_key <> '' THEN
        INSERT INTO marketplace_idempotencykey (owner, route, key, body_hash, result_uid)
        VALUES (p_owner, p_route, p_key, p_body_hash, p_version)
        ON CONFLICT ON CONSTRAINT idempotency_one_success_per_key DO NOTHING;
        IF NOT FOUND THEN
            taken := true;
            RETURN;
        END IF;
    END IF;
    taken := false;

    -- One submission of an organisation to a demand at a time, also where no bid is there to lock.
    PERFORM pg_advisory_xact_lock(hashtextextended(demand.id::text, p_organisation));
    SELECT b.id, b.uid, b.state, b.versions_count, b.last_receipt_sha256 INTO bid
    FROM marketplace_bid b
    WHERE b.scenario_id = demand.id AND b.organisation_id = p_organisation FOR UPDATE;
    SELECT k.id, k.version_id, k.envelopes, listed.names, listed.told INTO package
    FROM (SELECT) one LEFT JOIN marketplace_sealedpackage k
        ON k.uid = p_package AND k.organisation_id = p_organisation AND k.scenario_id = demand.id,
    LATERAL (
        SELECT array_agg(e.envelope ORDER BY array_position(p_envelopes, e.envelope)) AS names,
            string_agg(
                format('{"envelope":"%s","sha256":"%s","size":%s}', e.envelope, e.sha256, e.size),
                ',' ORDER BY array_position(p_envelopes, e.envelope)
            ) AS told
        FROM jsonb_to_recordset(CASE WHEN p_package IS NULL THEN p_sealed ELSE k.envelopes END)
            AS e (envelope text, sha256 text, size bigint)
    ) listed;

    -- Every lock is held: this is when the bid was received.
    received := coalesce(p_taken_at, marketplace_now());

    -- A plain yes, or nothing is written and the caller says why, by what was found.
    IF (
        p_may AND NOT p_related AND p_owed = '{}'
        AND demand.state = 'published' AND NOT demand.suspended AND demand.takes_bids
        AND demand.organising_mode <> 'race'
        AND (received < demand.deadline_at OR p_commitment IS NOT NULL)
        AND package.names = p_envelopes
        AND package.version_id IS NULL
        AND (bid.id IS NULL OR bid.state = ANY (p_states) AND bid.versions_count < p_most)
    ) IS NOT TRUE THEN
        looked := jsonb_build_object(
            'demand', to_jsonb(demand), 'bid', to_jsonb(bid), 'package', to_jsonb(package),
            'now', received, 'related', p_related, 'owed', p_owed
        );
        RETURN;
    END IF;

    left_state := coalesce(bid.state, '');
    version_number := coalesce(bid.versions_count, 0) + 1;
    bid_uid := coalesce(bid.uid, gen_random_uuid());
    previous := coalesce('"' || nullif(bid.last_receipt_sha256, '') || '"', 'null');
    named := to_json(demand.ref)::text;
    event_uid := gen_random_uuid();
    event_kind := CASE left_state WHEN 'submitted' THEN 'bid.revised' ELSE 'bid.submitted' END;
    receipt_uid := gen_random_uuid();
    -- Cut, not rounded: a receipt never says later than it was.
    at_stamp := to_char(date_trunc('milliseconds', received) AT TIME ZONE 'UTC',
        'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
    input_hash := encode(sha256(p_outer || sha256(p_inner || convert_to(encode(sha256(convert_to(
        format(p_said, bid_uid, p_commitment, package.told, p_organisation_uid, previous, at_stamp,
            demand.uid, named, version_number),
        'UTF8')), 'hex'), 'UTF8'))), 'hex');
    event_body := format(p_event, event_uid, event_kind, at_stamp, p_user_uid, p_organisation_uid,
        p_role, demand.uid, bid_uid, left_state, input_hash);
    receipt_body := format(p_receipt, bid_uid, p_commitment, package.told, p_organisation_uid, previous,
        at_stamp, demand.uid, named, version_number,
        encode(sha256(convert_to(E'jiebang-leaf/1\\n', 'UTF8') || p_salt
            || convert_to(event_body, 'UTF8')), 'hex'));

    INSERT INTO marketplace_event
        (uid, kind, schema_version, at, actor_uid, organisation_uid, role, subjects, audience,
         from_state, to_state, reason_hash, profile_version, input_hash, data, salt, body)
    VALUES (event_uid, event_kind, 1, received, p_user_uid, p_organisation_uid, p_role,
        ARRAY[demand.uid, bid_uid], 'parties', left_state, 'submitted', '', '', input_hash, '{}',
        p_salt, convert_to(event_body, 'UTF8'))
    RETURNING id INTO event_pk;
    INSERT INTO marketplace_pendingevent (event_id) VALUES (event_pk);
    IF bid.id IS NULL THEN
        INSERT INTO marketplace_bid
            (uid, scenario_id, organisation_id, state, versions_count, blind_code, void_reason,
             last_receipt_sha256)
        VALUES (bid_uid, demand.id, p_organisation, 'submitted', version_number, '', '',
            encode(sha256(convert_to(receipt_body, 'UTF8')), 'hex'))
        RETURNING id INTO bid_pk;
    ELSE
        bid_pk := bid.id;
        UPDATE marketplace_bid SET state = 'submitted', versions_count = version_number,
            last_receipt_sha256 = encode(sha256(convert_to(receipt_body, 'UTF8')), 'hex')
        WHERE id = bid_pk;
    END IF;
    -- The caller signs the receipt and keeps it under this number before the transaction ends.
    receipt_pk := nextval('marketplace_receipt_id_seq');
    INSERT INTO marketplace_bidversion (uid, bid_id, number, kind, received_at, user_id, receipt_id)
    VALUES (p_version, bid_pk, version_number, 'submitted', received, p_user, receipt_pk)
    RETURNING id INTO version_pk;
    INSERT INTO marketplace_sealedenvelope
        (uid, version_id, envelope, stored_name, sha256, size, recipient)
    SELECT gen_random_uuid(), version_pk, e.envelope, e.stored_name, e.sha256, e.size, k.recipient
    FROM jsonb_to_recordset(coalesce(package.envelopes, p_sealed))
        AS e (envelope text, stored_name text, sha256 text, size bigint)
    JOIN marketplace_envelopekey k ON k.scenario_id = demand.id AND k.envelope = e.envelope;
    IF p_package IS NOT NULL THEN
        UPDATE marketplace_sealedpackage SET version_id = version_pk
        WHERE id = package.id AND version_id IS NULL;
        IF NOT FOUND THEN  -- swept away meanwhile
            looked := jsonb_build_object(
                'demand', to_jsonb(demand), 'bid', to_jsonb(bid), 'package', NULL,
                'now', received, 'related', p_related, 'owed', p_owed
            );
        END IF;
    END IF;
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0038_superseded_openings")]

    operations = [
        # Checks that no number is negative, which none can be: each is read and planned anew with
        # every row that is written.
        migrations.AlterField("event", "schema_version", models.SmallIntegerField(default=1)),
        migrations.AlterField("bid", "versions_count", models.SmallIntegerField(default=0)),
        migrations.AlterField("bidversion", "number", models.SmallIntegerField()),
        migrations.AlterField("sealedenvelope", "size", models.BigIntegerField()),
        migrations.RunSQL(RECEIVE, "DROP FUNCTION marketplace_receive_bid"),
    ]
