"""Tables whose rows are history: triggers that refuse what it forbids, whichever role asks."""

import pgtrigger


def append_only(name: str) -> list[pgtrigger.Trigger]:
    return [
        pgtrigger.Protect(
            name=f"{name}_is_append_only", operation=pgtrigger.Update | pgtrigger.Delete
        ),
        not_truncated(name),
    ]


def never_deleted(name: str) -> pgtrigger.Trigger:
    return pgtrigger.Protect(name=f"{name}_is_not_deleted", operation=pgtrigger.Delete)


def not_truncated(name: str) -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name=f"{name}_is_not_truncated",
        when=pgtrigger.Before,
        operation=pgtrigger.Truncate,
        level=pgtrigger.Statement,
        func="RAISE EXCEPTION 'history is not truncated';",
    )
