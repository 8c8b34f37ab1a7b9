"""Alibi Detect's TabularDrift on two frames; runs outside our environment."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from alibi_detect.cd import TabularDrift

folder = Path(sys.argv[1])
before, now = (pd.read_parquet(folder / f"{name}.parquet") for name in ("before", "now"))
categories = {at: None for at, name in enumerate(before.columns) if name.startswith("c")}
sides = []
for frame in (before, now):
    columns = [
        frame[name].astype("category").cat.codes if name.startswith("c") else frame[name]
        for name in frame.columns
    ]
    sides.append(np.column_stack(columns))
detector = TabularDrift(sides[0], p_val=0.05, categories_per_feature=categories)
wall, cpu = time.perf_counter(), time.process_time()
detector.predict(sides[1], drift_type="feature")
print(json.dumps({"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}))
