"""What the board's search reads, and the words that mean the same."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Lookup

from marketplace.scenarios.search import facts


class WordsField(models.Field):
    """A tsvector, written and read as its text (see `words.vector`)."""

    def db_type(self, connection: Any) -> str:
        return "tsvector"

    def get_placeholder(self, value: Any, compiler: Any, connection: Any) -> str:
        return "%s::tsvector"


@WordsField.register_lookup
class Holds(Lookup):
    """`words__holds=query.tsquery`."""

    lookup_name = "holds"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        left, params = self.process_lhs(compiler, connection)
        return f"{left} @@ %s::tsquery", [*params, self.rhs]


class SearchEntry(models.Model):
    """A posted demand as the board finds it.

    facts and deadline: kept by a trigger on the scenario. tokens: its public words, kept by a
    projection; null until they are indexed.
    """

    scenario = models.OneToOneField(
        "marketplace.Scenario", primary_key=True, on_delete=models.CASCADE, related_name="search"
    )
    # Not read any more; versions before this one write it.
    words = models.TextField(db_default="", default="")
    tokens = WordsField(null=True, editable=False)
    facts = ArrayField(models.IntegerField(), db_default=[], default=list)
    deadline_at = models.DateTimeField(null=True)

    class Meta:
        # Publications are rare and readers many: nothing waits in a pending list.
        indexes = [
            GinIndex(name="search_tokens_facts", fields=["tokens", "facts"], fastupdate=False),
            # The open ones by deadline, with what is asked of them beside it.
            models.Index(
                name="search_running",
                fields=["deadline_at", "-scenario"],
                include=["facts"],
                condition=models.Q(facts__contains=[facts.PUBLISHED]),
            ),
        ]
        triggers = facts.tally_of_facts()


class SearchWord(models.Model):
    """A word that some demand's title, summary or terms hold: for the nearest spelling."""

    word = models.CharField(primary_key=True, max_length=64)

    class Meta:
        indexes = [GinIndex(name="search_word_near", fields=["word"], opclasses=["gin_trgm_ops"])]


class Synonym(models.Model):
    """A word of a group that means the same. Reference data."""

    id = models.BigAutoField(primary_key=True)
    meaning = models.CharField(max_length=40)
    word = models.CharField(max_length=80)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="synonym_once", fields=["meaning", "word"]),
        ]
