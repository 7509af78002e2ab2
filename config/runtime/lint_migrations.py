"""Whether any migration after the first would break a site that is being upgraded."""

import sys

import django
from django_migration_linter import MigrationLinter

django.setup()
linter = MigrationLinter(
    include_apps=["marketplace"],
    database="owner",
    analyser_string="postgresql",  # our backend is a thin layer over it
    no_cache=True,
    quiet=["ignore", "ok"],
    ignore_initial_migrations=True,
    warnings_as_errors_tests=["RUNPYTHON_REVERSIBLE"],
)
linter.lint_all_migrations()
linter.print_summary()
sys.exit(1 if linter.has_errors else 0)
