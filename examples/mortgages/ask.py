"""Ask for a decision on one application after another, as a branch office would.

python ask.py http://127.0.0.1:8510               # until you stop it
python ask.py http://127.0.0.1:8510 --count 120   # so many, and say who was refused
"""

import argparse
import itertools
import time

import polars as pl
from lending import INPUTS, THRESHOLD

from towpath.client import Client, Prediction
from towpath.core.errors import InfrastructureError, NotFound, Withdrawn

SERVICE = "mortgage-decision"
STARTS_WITHIN_S = 240.0


def ask(client: Client, row: dict[str, object]) -> Prediction | None:
    """Return the answer, as soon as there is a model to give one; None where the applicant withdrew."""
    inputs = {name: row[name] for name in INPUTS}
    application, applicant = str(row["application"]), str(row["applicant"])
    deadline = time.monotonic() + STARTS_WITHIN_S
    while True:
        try:
            return client.predict(SERVICE, inputs, key=application, subject=applicant)
        except Withdrawn:
            return None
        except (InfrastructureError, NotFound):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def main() -> None:
    """Go through the applications as they were filed, again and again."""
    parser = argparse.ArgumentParser()
    parser.add_argument("gateway")
    parser.add_argument("--count", type=int)
    parser.add_argument("--pause-s", type=float, default=0.02)
    told = parser.parse_args()
    rows = pl.read_parquet("applications.parquet").sort("filed").to_dicts()
    with Client(told.gateway) as client:
        for row in itertools.islice(itertools.cycle(rows), told.count):
            said = ask(client, row)
            if said is None:
                print(row["applicant"], "has withdrawn")
            elif said.outputs["granted"] < THRESHOLD:
                print(row["applicant"], "is refused:", said.decision_id)
            time.sleep(told.pause_s)


if __name__ == "__main__":
    main()
