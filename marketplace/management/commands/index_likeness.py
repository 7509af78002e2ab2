from marketplace.management.filling import FillingCommand
from marketplace.scenarios.likeness.keeping import sketch_again


class Command(FillingCommand):
    help = (
        "Sketch demands for the comparison with earlier ones: those that have no sketch yet, or"
        " --all of them anew. In batches beside everything else; may be stopped and run again."
    )
    fill = staticmethod(sketch_again)
    done = "demands sketched"
