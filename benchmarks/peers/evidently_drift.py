"""Evidently's drift preset on two frames; runs outside our environment."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset

folder = Path(sys.argv[1])
before, now = (pd.read_parquet(folder / f"{name}.parquet") for name in ("before", "now"))
wall, cpu = time.perf_counter(), time.process_time()
Report([DataDriftPreset()]).run(now, before).dict()
print(json.dumps({"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}))
