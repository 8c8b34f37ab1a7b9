"""NannyML's univariate drift on two frames, fitted beforehand; runs outside our environment."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"

import nannyml as nml
import pandas as pd

folder = Path(sys.argv[1])
before, now = (pd.read_parquet(folder / f"{name}.parquet") for name in ("before", "now"))
for frame in (before, now):
    for name in frame.columns:
        if name.startswith("c"):
            frame[name] = frame[name].astype("category")
calculator = nml.UnivariateDriftCalculator(
    column_names=list(before.columns),
    continuous_methods=["kolmogorov_smirnov", "jensen_shannon", "wasserstein"],
    categorical_methods=["chi2", "jensen_shannon"],
    chunk_size=len(now),
)
fit = time.perf_counter()
calculator.fit(before)
fit = time.perf_counter() - fit
wall, cpu = time.perf_counter(), time.process_time()
calculator.calculate(now)
found = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu, "fit_s": fit}
print(json.dumps(found))
