"""What the application's database role may do: rows, never tables; never rewrite history."""

from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connections
from psycopg import sql

READ = "SELECT"
APPEND = "SELECT, INSERT"
WRITE = "SELECT, INSERT, UPDATE, DELETE"


def privileges(model: Any) -> str:
    """A model says `append_only = True` when its rows are history."""
    return APPEND if getattr(model, "append_only", False) else WRITE


def grant_application_role(*, using: str, **_: Any) -> None:
    """Give the application role exactly its rights. Runs after every migrate, as the owner."""
    role = settings.DATABASE_APP_ROLE
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT current_user")
        if cursor.fetchone()[0] == role:
            return
        name = sql.Identifier(role)
        cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(name))
        cursor.execute(sql.SQL("REVOKE CREATE ON SCHEMA public FROM PUBLIC"))
        cursor.execute(sql.SQL("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {}").format(name))
        for model in apps.get_models(include_auto_created=True):
            table = sql.Identifier(model._meta.db_table)
            cursor.execute(sql.SQL("REVOKE ALL ON {} FROM {}").format(table, name))
            cursor.execute(
                sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(privileges(model)), table, name)
            )
        cursor.execute(sql.SQL("GRANT SELECT ON django_migrations TO {}").format(name))
