"""Keys are changed, and nothing that was signed before is spoiled."""

from datetime import timedelta
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from marketplace.base.actor import SYSTEM
from marketplace.ledger import actions as ledger
from marketplace.ledger import keys, receipts, verify
from marketplace.ledger.log import anchor, checking, sequencer, tiles
from marketplace.ledger.log.models import PublishedKey


def new_key(path):
    made = Ed25519PrivateKey.generate()
    path.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


@pytest.fixture
def rotate(settings, tmp_path, clock):
    def change():
        clock.move(timedelta(days=1))
        number = uuid4()
        settings.RECEIPT_KEY_FILE = new_key(tmp_path / f"receipt-{number}.pem")
        settings.LOG_KEY_FILE = new_key(tmp_path / f"log-{number}.pem")

    return change


def receipt():
    body = {"received_at": keys.stamp(checking.tiles.newest().at) if tiles.newest() else "", "n": 1}
    event = ledger.append("a.b", actor=SYSTEM, subjects=[], inputs=body)
    made = receipts.issue("bid", subject_uid=uuid4(), body=body, event=event)
    made.event = None
    return made


def outcome(made, published=None):
    document = receipts.document(made)
    known = verify.Keys.published(published or keys.published())
    findings, signed = verify.examine(document, keys=known)
    states = {finding.check: finding.state for finding in findings}
    return signed is not None, states["key"], states["checkpoint"]


@pytest.mark.django_db
def test_old_and_new_receipts_and_checkpoints_hold(rotate):
    sequencer.seal_batch()
    old = receipt()
    first = sequencer.seal_batch()
    rotate()
    new = receipt()
    second = sequencer.seal_batch()
    assert outcome(old) == outcome(new) == (True, "held", "held")
    told = keys.published()
    assert [(key["use"], bool(key["until"])) for key in told["keys"]] == [
        ("receipt", True), ("receipt", False), ("checkpoint", True), ("checkpoint", False),
    ]  # fmt: skip
    assert (old.key_id, new.key_id) == (told["keys"][0]["key_id"], told["keys"][1]["key_id"])
    assert first.key_id != second.key_id
    known = verify.Keys.published(told)
    for checkpoint in (first, second):
        assert known.open(checkpoint.note).size == checkpoint.size
    assert anchor.remembered().size == second.size
    assert checking.run().problem == ""


@pytest.mark.django_db
def test_whoever_knows_only_the_old_keys_is_told_so(rotate):
    sequencer.seal_batch()
    before = keys.published()
    rotate()
    new = receipt()
    sequencer.seal_batch()
    assert outcome(new, before)[:2] == (False, "failed")


@pytest.mark.django_db
def test_the_new_key_is_in_the_log_before_it_signs(rotate):
    sequencer.seal_batch()
    rotate()
    first = sequencer.seal_batch()
    row = PublishedKey.objects.filter(use="checkpoint").order_by("id").last()
    assert row.key_id == first.key_id
    event = checking.Event.objects.get(kind="key.published", subjects__contains=[row.uid])
    assert checking.Leaf.objects.get(event_id=event.pk).index < first.size


@pytest.mark.django_db
@pytest.mark.parametrize("use", ["receipt", "checkpoint"])
def test_a_key_that_was_replaced_signs_no_more(rotate, settings, use):
    sequencer.seal_batch()
    name = "RECEIPT_KEY_FILE" if use == "receipt" else "LOG_KEY_FILE"
    old = getattr(settings, name)
    rotate()
    sequencer.seal_batch()
    setattr(settings, name, old)
    sentence = (
        f"The {use} key of this process was replaced by a later one: give it the present key."
    )
    with pytest.raises(anchor.LogDamaged, match=sentence):
        sequencer.seal_batch()
    damage = anchor.damage()
    assert (damage.code, str(damage)) == ("key.replaced", sentence)


@pytest.mark.django_db
def test_a_checkpoint_by_a_key_that_was_replaced_is_found(rotate, settings, monkeypatch):
    sequencer.seal_batch()
    old = settings.LOG_KEY_FILE
    rotate()
    sequencer.seal_batch()
    settings.LOG_KEY_FILE = old
    monkeypatch.setattr(anchor, "require_present_keys", lambda: None)
    settings.LOG_BATCH_QUANTUM = 16
    late = sequencer.seal_batch()
    assert checking.run().problem == (
        f"Checkpoint {late.pk} is signed with a key that was replaced before."
    )


@pytest.mark.django_db
def test_room_for_another_algorithm(settings, monkeypatch):
    """SM2 in the column and in keys.json: said plainly by whoever does not know it yet."""
    settings.LOG_BATCH_QUANTUM = 16
    made = receipt()
    with monkeypatch.context() as patch:
        patch.setattr(keys, "ED25519", "SM2")
        keys.read_key.cache_clear()
        late = receipt()
        checkpoint = sequencer.seal_batch()
    keys.read_key.cache_clear()
    assert (late.algorithm, checkpoint.algorithm) == ("SM2", "SM2")
    assert {key["algorithm"] for key in keys.published()["keys"]} == {"SM2"}
    for one in (made, late):
        with pytest.raises(verify.CannotCheck) as caught:
            outcome(one)
        assert caught.value.said("en") == (
            "This program does not know the algorithm SM2 and cannot check it; use a newer one."
        )
    assert checking.run().problem == (
        f"Checkpoint {checkpoint.pk} is signed with SM2, which this program does not know."
    )
