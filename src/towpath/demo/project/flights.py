"""Will this flight land more than fifteen minutes late?

Everything about it is in this one file: where the data come from and what they must look like, how a
model is made and what it may cost, what it must prove before it may serve, and what is watched once it
does.
"""

from datetime import datetime
from typing import Annotated

import polars as pl

import towpath as tp

AIRPORTS = tp.Values("EWR", "JFK", "LGA")
LATE_MINUTES = 15
LOSS_USD = 40.0  # made up: travellers who wait for nothing, or miss their flight, per unit of loss
ROUNDS = 20  # trees between two looks at how a trial is doing


class Flight(tp.Schema):
    """A flight that left New York and has landed. It was posted on the board up to three hours before."""

    flight_id: str
    posted: datetime
    scheduled: datetime
    landed: datetime
    tailnum: str
    carrier: str
    origin: Annotated[str, AIRPORTS]
    dest: str
    distance: Annotated[int, tp.Range(1, 6000)]
    minute_of_day: Annotated[int, tp.Range(0, 1439)]
    weekday: Annotated[int, tp.Range(1, 7)]
    arr_delay: int


class Observation(tp.Schema):
    """The weather at one of the three airports, each hour."""

    observation_id: str
    origin: Annotated[str, AIRPORTS]
    observed: datetime
    temp: float | None
    dewp: float | None
    humid: float | None
    wind_speed: float | None
    precip: float | None
    pressure: float | None
    visib: float | None


class Plane(tp.Schema):
    """What is painted on, or bolted into, an aeroplane."""

    tailnum: str
    registered: datetime
    built: int | None
    manufacturer: str
    model: str
    engines: int
    seats: int


flights = tp.Dataset("flights", schema=Flight, key="flight_id", time="scheduled", subject="tailnum")
observations = tp.Dataset(
    "weather",
    schema=Observation,
    key="observation_id",
    time="observed",
    # An anemometer that reads a thousand miles an hour is broken; the other rows are not.
    rules=[tp.rules.Between("wind_speed", 0, 200, policy="quarantine")],
)
planes = tp.Dataset("planes", schema=Plane, key="tailnum", subject="tailnum", buckets=4)

INGESTS = [
    tp.Ingest(planes, tp.sources.Files("planes/*.csv")),
    tp.Ingest(observations, tp.sources.Files("weather/*.csv")),
    tp.Ingest(flights, tp.sources.Files("flights/*.csv")),
]

weather = tp.FeatureView(
    "weather",
    source=observations,
    entity="origin",
    time="observed",
    ttl="2h",
    features=["temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib"],
    description="What an airport observed last.",
)
fleet = tp.FeatureView(
    "fleet",
    source=planes,
    entity="tailnum",
    time="registered",
    features=["built", "seats"],
    description="How old and how large an aeroplane is.",
)
# One name for what a training joins and what the gateway looks up for a request.
board = tp.FeatureService("board", views=[weather, fleet])

FLIGHT = ["carrier", "origin", "dest", "distance", "minute_of_day", "weekday"]
KNOWN = [*fleet.features, *weather.features]
FEATURES = [*FLIGHT, *KNOWN]


@tp.step
def prepare(rows: pl.DataFrame) -> pl.DataFrame:
    """The features, the outcome, and the times that split past from recent."""
    late = (pl.col("arr_delay") > LATE_MINUTES).cast(pl.Int8).alias("late")
    return rows.select("scheduled", *FEATURES, late)


@tp.step(cpus=2, memory="2GiB", timeout="5m")
def fit(
    learn: pl.DataFrame, check: pl.DataFrame, *, leaves: int = 15, rate: float = 0.05
) -> tp.Model:
    """Boosted trees; says on the way how they do on days that they have not learnt from."""
    import lightgbm  # here, because it takes seconds to load and only this step needs it

    inputs = tp.Inputs.of(learn.select(FEATURES), nullable=KNOWN)
    seen = lightgbm.Dataset(
        inputs.matrix(learn), learn["late"].to_numpy(), categorical_feature=inputs.categorical
    )
    unseen = lightgbm.Dataset(inputs.matrix(check), check["late"].to_numpy(), reference=seen)
    settings = {
        "objective": "binary",
        "num_leaves": leaves,
        "learning_rate": rate,
        "min_data_in_leaf": 200,
        "deterministic": True,
        "force_row_wise": True,
        "seed": 0,
        "num_threads": 2,
        "verbose": -1,
    }
    losses: dict[str, dict[str, list[float]]] = {}

    def tell(now: lightgbm.callback.CallbackEnv) -> None:
        done = now.iteration + 1
        if done % ROUNDS == 0:
            tp.report(done // ROUNDS, losses["check"]["binary_logloss"][-1])

    trees = lightgbm.train(
        settings,
        seen,
        num_boost_round=4 * ROUNDS,
        valid_sets=[unseen],
        valid_names=["check"],
        callbacks=[lightgbm.record_evaluation(losses), tell],
    )
    tp.log_metric("log_loss", losses["check"]["binary_logloss"][-1])
    return tp.Model(trees, inputs=inputs, outcome="late")


@tp.pipeline
def train(window: str = "26 weeks", holdout: str = "7d", trials: int = 3):
    """Learn from the last half year, choose by the week before last, be judged by the last."""
    rows = prepare(tp.join(flights.last(window), board, time="posted"))
    past, recent = tp.split(rows, by="scheduled", last=holdout)
    learn, check = tp.split(past, by="scheduled", last=holdout)
    best = tp.search(
        fit,
        learn,
        check,
        leaves=(7, 23),
        rate=tp.Log(0.02, 0.08),
        trials=trials,
        minimize="log_loss",
        prune="asha",
        parallel=1,  # each trial has both cores
        keep=1,
    )
    return tp.candidate("late", best, test=recent)


@tp.step
def punctual(rows: pl.DataFrame) -> dict[str, float]:
    """What share of an airport's flights landed in time."""
    share: float = rows.select((pl.col("arr_delay") <= LATE_MINUTES).mean()).item()
    tp.log_metric(rows["origin"][0], share)
    return {rows["origin"][0]: share}


@tp.pipeline
def review(window: str = "30d"):
    """The month behind us, airport by airport."""
    return tp.map(punctual, flights.last(window), by="origin")


# The program at the airports that shows the answers: what it sends, what it reads, what is looked up for
# it. A release that does not fit is refused before it is in force.
screens = tp.Consumer(
    "board-screens",
    version="1.0.0",
    contracts=[
        tp.Contract(
            "delay-board",
            inputs=dict(zip(FLIGHT, (str, str, str, int, int, int), strict=True)),
            outputs={"late": "binary"},
            features=["board"],
        )
    ],
    description="The screens that show which flights will be late.",
)

# A flight lands when it lands, whatever the board said: both models can be judged by each flight.
# The first challenger only gets copies of the requests, and nobody sees what it answers.
shadow = tp.Rollout(
    strategy="shadow", metric="log_loss", margin=0.02, maturity="1d", max_duration="28d"
)
# Once one has come through that, the next are shown to some travellers straight away.
canary = tp.Rollout(
    stages=[0.2, 0.5],
    metric="log_loss",
    margin=0.02,
    compare="paired",
    maturity="1d",
    max_duration="28d",
)

project = tp.Project(
    "flights",
    owner="ops@example.org",
    risk="limited",
    description="Predicts late arrivals for the delay board.",
    datasets=[flights, observations, planes],
    ingests=INGESTS,
    feature_services=[board],
    pipelines=[train, review],
    # Trainings cost a twentieth of a cent here. Say so as soon as there is anything to say, and again
    # when most of it is gone; more than the whole is never spent.
    budget=tp.Budget(usd_per_month=0.05, warn=[0.0005, 0.8], step_timeout="5m"),
    schedules=[tp.Schedule("monthly", pipeline=review, cron="0 6 1 * *")],
    gates=[
        tp.gates.Quality("roc_auc", at_least=0.55),
        tp.gates.NonInferior("log_loss", margin=0.01),
    ],
    services=[tp.Service("delay-board", model="late", subject="tailnum")],
    consumers=[screens],
    rollout=shadow,
    monitors=[
        tp.Drift(),
        tp.Performance("log_loss", maturity="1d", price=LOSS_USD, unit="USD"),
        # What the loss should be by the model's own probabilities, a day before anything has landed.
        tp.EstimatedPerformance("log_loss", maturity="1d", price=LOSS_USD, unit="USD"),
        tp.Slices("log_loss", depth=1, maturity="1d", price=LOSS_USD, unit="USD"),
        tp.DataQuality(),
    ],
    triggers=[tp.Retrain(on=["drift", "performance"], cooldown="28d")],
)
