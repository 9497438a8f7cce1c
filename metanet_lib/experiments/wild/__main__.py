"""``python -m metanet_lib.experiments.wild results/quick ...``: fetch, read, ask and record.

The results of the first run named are the ones that count.
"""

import sys

from metanet_lib.experiments.wild.listed import listed
from metanet_lib.experiments.wild.recorded import record

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("expected the results of a run, such as results/quick; `make book` makes them")
    try:
        record(sys.argv[1:], listed())
    except (OSError, ValueError) as error:
        sys.exit(str(error))
