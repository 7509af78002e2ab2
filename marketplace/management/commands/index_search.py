from marketplace.management.filling import FillingCommand
from marketplace.scenarios.search.indexing import index_again


class Command(FillingCommand):
    help = (
        "Index posted demands for the board's search: those that have no words yet, or --all of"
        " them anew, after texts of organisations or terms have changed. In batches beside"
        " everything else; may be stopped and run again."
    )
    fill = staticmethod(index_again)
    done = "demands indexed"
