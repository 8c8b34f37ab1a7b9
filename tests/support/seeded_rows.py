"""The numbers of the seeded home: rows, gate bounds, looks at a rollout, windows of a monitor."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

START = datetime(2013, 3, 1, tzinfo=UTC)


def bound(
    gate: str,
    metric: str,
    value: float,
    *,
    half: float,
    at_least: float | None = None,
    at_most: float | None = None,
) -> dict[str, Any]:
    """A gate's finding: the bound `value ± half` held against one of two limits."""
    direction = "at_least" if at_least is not None else "at_most"
    threshold = at_least if at_least is not None else at_most
    assert threshold is not None
    met = value - half >= threshold if at_least is not None else value + half <= threshold
    return {
        "gate": gate,
        "verdict": "pass" if met else "fail",
        "summary": f"{metric} {value:.4g} [{value - half:.4g}, {value + half:.4g}], "
        f"wanted {direction.replace('_', ' ')} {threshold:g}, on 6,214 rows",
        "evidence": {
            "metric": metric,
            "estimate": value,
            "lower": value - half,
            "upper": value + half,
            "confidence": 0.95,
            "threshold": threshold,
            "direction": direction,
            "rows": 6_214,
        },
    }


def window(rng: np.random.Generator, kind: str, day: int, onset: int) -> dict[str, Any]:
    since = START + timedelta(days=day)
    rise = max(0, day - onset)
    score = abs(float(rng.normal(0.1, 0.06))) + (rise % 9) ** 1.7 / 20 * (kind == "drift")
    return {
        "since": since.isoformat(),
        "until": (since + timedelta(days=1)).isoformat(),
        "rows": int(rng.integers(700, 990)),
        "judged": True,
        "score": score,
        "alarm": score > 1,
        "features": [{"name": "temp", "statistic": "ks", "value": 0.31, "p": 0.0004}]
        if score > 1
        else [],
    }


def flights(rng: np.random.Generator, rows: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "flight_id": np.arange(rows),
            "scheduled": [START + timedelta(minutes=11 * n) for n in range(rows)],
            "tailnum": [f"N{n % 400:05d}" for n in range(rows)],
            "carrier": rng.choice(["UA", "B6", "EV", "DL", "AA", "MQ", "US", "9E"], rows),
            "origin": rng.choice(["EWR", "JFK", "LGA"], rows, p=[0.36, 0.33, 0.31]),
            "distance": np.abs(rng.gamma(2.2, 460, rows)) + 80,
            "hour": rng.integers(5, 24, rows),
            "arr_delay": rng.gumbel(-12, 22, rows),
            "late": rng.random(rows) < 0.24,
        }
    )


def weather(rng: np.random.Generator, rows: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "origin": rng.choice(["EWR", "JFK", "LGA"], rows),
            "observed": [START + timedelta(hours=n) for n in range(rows)],
            "temp": rng.normal(52, 14, rows),
            "wind_speed": np.abs(rng.weibull(1.9, rows) * 11),
            "visib": np.where(rng.random(rows) < 0.8, 10.0, rng.random(rows) * 10),
        }
    )


def plain(kind: pl.DataType) -> str:
    return str(kind).partition("(")[0].lower()


SAID = {
    "flight_id": "Carrier, number and scheduled departure",
    "scheduled": "Scheduled departure, UTC",
    "tailnum": "Aeroplane; stands in for a data subject",
    "distance": "Miles between the airports",
    "arr_delay": "Minutes late at the gate; negative is early",
    "temp": "Degrees Fahrenheit",
    "wind_speed": "Miles per hour",
    "visib": "Miles",
}

REPORT = """# late@{number}: {verdict}

| gate | verdict | finding |
|---|---|---|
| roc_auc of late | {verdict} | 0.71 [0.70, 0.72], wanted at least 0.68 |
| log_loss beside the champion | pass | −0.006 [−0.011, −0.001], wanted at most 0.01 |

Judged on **6,214** held-back rows that neither model was trained on.
"""
