"""A network of PyTorch: each worker sees its part of the rows, and all learn from each other's steps."""

import tempfile
from pathlib import Path
from typing import Any

import polars as pl
from data import FEATURES, OUTCOME, is_first, shard, told

import towpath as tp

BATCH = 256
WAVE = 5


def untrained(means: list[float], scales: list[float]) -> Any:
    """Return a network of three numbers in, minutes out, which brings its inputs to one scale itself."""
    import torch

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.in_columns = len(FEATURES)
            self.register_buffer("means", torch.tensor(means))
            self.register_buffer("scales", torch.tensor(scales))
            self.layers = torch.nn.Sequential(
                torch.nn.Linear(len(FEATURES), 32),
                torch.nn.ReLU(),
                torch.nn.Linear(32, 32),
                torch.nn.ReLU(),
                torch.nn.Linear(32, 1),
            )

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            return self.layers((rows - self.means) / self.scales).squeeze(1)

    torch.manual_seed(0)
    return Network()


def learn(config: dict[str, Any]) -> None:
    """What each worker does. `prepare_model` has PyTorch average the gradients of all workers.

    Ray Data gives every worker equally many rows, so all take equally many steps.
    """
    import ray.train
    import torch
    from ray.train.torch import get_device, prepare_model

    torch.set_num_threads(1)
    features, outcome = (torch.from_numpy(one).float().to(get_device()) for one in shard())
    network = prepare_model(untrained(config["means"], config["scales"]))
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    done = begun_at = restore(ray.train.get_checkpoint(), network, optimiser)
    while done < config["epochs"]:
        until = min(done + WAVE, config["epochs"])
        for epoch in range(done, until):
            order = torch.randperm(len(features), generator=torch.manual_seed(epoch))
            for batch in order.split(BATCH):
                loss = torch.nn.functional.mse_loss(network(features[batch]), outcome[batch])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
        done = until
        with torch.no_grad():
            error = torch.nn.functional.mse_loss(network(features), outcome).sqrt().item()
        state = {"network": bare(network).state_dict(), "optimiser": optimiser.state_dict()}
        with tempfile.TemporaryDirectory() as folder:
            torch.save({**state, "done": done}, Path(folder, "state.pt"))
            checkpoint = ray.train.Checkpoint.from_directory(folder) if is_first() else None
            ray.train.report(
                {"rmse": error, "done": done, "begun_at": begun_at}, checkpoint=checkpoint
            )


def bare(network: Any) -> Any:
    """Return the network inside of what shares it between workers."""
    return getattr(network, "module", network)


def restore(checkpoint: Any, network: Any, optimiser: Any = None) -> int:
    """Take over what a checkpoint holds, and return how many epochs that is; 0 without one."""
    import torch

    if checkpoint is None:
        return 0
    with checkpoint.as_directory() as folder:
        state = torch.load(Path(folder, "state.pt"), weights_only=True)
    bare(network).load_state_dict(state["network"])
    if optimiser is not None:
        optimiser.load_state_dict(state["optimiser"])
    return state["done"]


@tp.step(cpus=3, spread=True)
def fit_network(past: tp.Shards, *, epochs: int = 30) -> tp.Model:
    """Train on two workers; the third core reads the rows for them."""
    rows = past.polars().select(pl.col(FEATURES).cast(pl.Float64))
    means = list(rows.mean().collect().row(0))
    scales = list(rows.std().collect().row(0))
    with tp.cluster() as cluster:
        from ray.train.torch import TorchTrainer

        result = TorchTrainer(
            learn,
            train_loop_config={"epochs": epochs, "means": means, "scales": scales},
            datasets={"rows": past.ray()},
            scaling_config=cluster.scaling(workers=2, placement_strategy="SPREAD"),
            run_config=cluster.running(),
        ).fit()
        network = untrained(means, scales)
        restore(result.checkpoint, network)
    told(result.metrics, unit="epochs")
    some = past.polars().select(FEATURES).head(1_000).collect()
    return tp.Model(network, inputs=some, outcome=OUTCOME, task="regression")
