"""The folder that `towpath init` makes: a project that runs as it is."""

from __future__ import annotations

import csv
from pathlib import Path
from string import Template

from towpath.core.errors import Conflict, InvalidName
from towpath.core.refs import check_name

_TEMPLATES = Path(__file__).resolve().parent / "templates"


def scaffold(name: str, into: Path) -> Path:
    """Write the folder `into/name` and return it.

    The sample data are the 569 tumour measurements that ship with scikit-learn (Breast Cancer
    Wisconsin, CC BY 4.0), with a made-up patient number, so that there is somebody who may withdraw.

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
    if folder.exists() and any(folder.iterdir()):
        raise Conflict(f"{folder} exists and is not empty", remedy="Choose another name.")
    values = {"name": name, "module": module}
    for template in sorted(_TEMPLATES.iterdir()):
        target = folder / Template(template.stem).substitute(values)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(Template(template.read_text("utf-8")).substitute(values), "utf-8")
    _write_sample(folder / "data" / "measurements.csv")
    return folder


def _write_sample(path: Path) -> None:
    from sklearn.datasets import load_breast_cancer  # noqa: PLC0415 - heavy, and only needed here

    sample = load_breast_cancer()
    names = [name.replace(" ", "_") for name in sample.feature_names[:10]]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["sample", "patient", "taken", *names, "malignant"])
        for number, (row, benign) in enumerate(zip(sample.data, sample.target, strict=True)):
            day = f"2024-{number // 48 + 1:02d}-{number % 28 + 1:02d}T08:00:00Z"
            patient = f"p{number // 2:04d}"
            writer.writerow([f"s{number:04d}", patient, day, *row[:10], 1 - int(benign)])
