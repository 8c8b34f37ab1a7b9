"""The folder that `towpath init` makes: a project that runs as it is."""

from __future__ import annotations

import csv
import json
import random
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Template
from typing import Any

from towpath.core.errors import Conflict, InvalidName
from towpath.core.refs import check_name

_TEMPLATES = Path(__file__).resolve().parent / "templates"
_FEATURES = 10
_ASKED_ABOUT = 14
_FIRST_SAMPLE = datetime(2024, 1, 2, 8, tzinfo=UTC)
_BETWEEN_SAMPLES = timedelta(hours=15)  # 569 of them fill a year


def scaffold(name: str, into: Path) -> Path:
    """Write the folder `into/name`, whole or not at all, and return it.

    The sample data are the 569 tumour measurements that ship with scikit-learn (Breast Cancer
    Wisconsin, CC BY 4.0). When they were taken and from whom is made up, so that there are a past to
    learn from, a present to be judged by, and somebody who may withdraw.

    Raises:
        InvalidName: The name can't name a project and a Python module.
        Conflict: The folder exists and is not empty.
    """
    check_name(name, "project name")
    module = name.replace("-", "_").replace(".", "_")
    if not module.isidentifier():
        raise InvalidName(
            f"project name {name!r} does not make a Python module",
            remedy="Begin with a letter, and use letters, digits and '-'.",
        )
    folder = into.resolve() / name
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Conflict(f"{folder} exists and is not empty", remedy="Choose another name.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".towpath-init-", dir=folder.parent) as temporary:
        draft = Path(temporary) / name
        _write_files(draft, {"name": name, "module": module})
        _write_sample(draft / "data")
        if folder.exists():
            folder.rmdir()  # empty, as seen above; a rename can't replace it
        shutil.move(draft, folder)
    return folder


def _write_files(folder: Path, values: dict[str, str]) -> None:
    """Fill in the templates; their names may hold values too."""
    folder.mkdir()
    for template in sorted(_TEMPLATES.iterdir()):
        target = folder / Template(template.stem).substitute(values)
        target.write_text(Template(template.read_text("utf-8")).substitute(values), "utf-8")


def _write_sample(folder: Path) -> None:
    """Write the rows to learn from, and a request about one of their patients."""
    from sklearn.datasets import load_breast_cancer

    sample: Any = load_breast_cancer()
    names = [name.replace(" ", "_") for name in sample.feature_names[:_FEATURES]]
    rows = [
        ([float(one) for one in row[:_FEATURES]], 1 - int(benign))
        for row, benign in zip(sample.data, sample.target, strict=True)
    ]
    # The published order holds most malignant samples early; a clinic's year would not.
    random.Random(0).shuffle(rows)  # noqa: S311 - an order, not a secret
    folder.mkdir()
    with (folder / "measurements.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["sample", "patient", "taken", *names, "malignant"])
        for number, (values, malignant) in enumerate(rows):
            taken = _FIRST_SAMPLE + number * _BETWEEN_SAMPLES
            known = [_sample(number), _patient(number), f"{taken:%Y-%m-%dT%H:%M:%SZ}"]
            writer.writerow([*known, *values, malignant])
    request = {
        "parameters": {"key": _sample(len(rows)), "subject": _patient(_ASKED_ABOUT)},
        "inputs": [
            {"name": name, "shape": [1], "datatype": "FP64", "data": [value]}
            for name, value in zip(names, rows[_ASKED_ABOUT][0], strict=True)
        ],
    }
    (folder / "request.json").write_text(json.dumps(request, indent=1) + "\n", "utf-8")


def _sample(number: int) -> str:
    return f"s{number:04d}"


def _patient(number: int) -> str:
    """Return who gave a sample: each patient gave two."""
    return f"p{number // 2:04d}"
