"""Searches with two Optuna worker processes on one SQLite study; runs outside our environment.

Prints the seconds from the start of the workers' first trial to the end of the last.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

import optuna

STEPS = 3


def objective(trial: optuna.Trial) -> float:
    x = trial.suggest_float("x", 0.0, 1.0)
    y = trial.suggest_float("y", 0.001, 1.0, log=True)
    trial.suggest_categorical("kind", ["a", "b"])
    for step in range(STEPS):
        trial.report(-((x - 0.7) ** 2) - (y - 0.1) ** 2 + step / 100, step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return -((x - 0.7) ** 2) - (y - 0.1) ** 2


def work(storage: str, trials: int, ready: object, go: object, times: object) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.load_study(
        study_name="bench", storage=storage, pruner=optuna.pruners.MedianPruner()
    )
    enough = optuna.study.MaxTrialsCallback(trials, states=None)
    ready.put(1)
    go.wait()
    began = time.time()
    study.optimize(objective, callbacks=[enough])
    times.put((began, time.time()))


def main() -> None:
    trials = int(sys.argv[1])
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        storage = f"sqlite:///{Path(folder) / 'study.db'}"
        study = optuna.create_study(study_name="bench", storage=storage, direction="maximize")
        context = multiprocessing.get_context("spawn")
        ready, times, go = context.Queue(), context.Queue(), context.Event()
        workers = [
            context.Process(target=work, args=(storage, trials, ready, go, times)) for _ in range(2)
        ]
        for worker in workers:
            worker.start()
        for _ in workers:
            ready.get()
        go.set()
        spans = [times.get() for _ in workers]
        for worker in workers:
            worker.join()
        done = len(study.trials)
    seconds = max(end for _, end in spans) - min(began for began, _ in spans)
    print(json.dumps({"seconds": seconds, "trials": done}))


if __name__ == "__main__":
    main()
