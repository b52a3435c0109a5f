"""Models pass between Sagebrush and the real XGBoost library in both directions and predict the same to 1e-5.

The library is the one of the Python interpreter that runs this file; Sagebrush plays the image version that carries it.
Run `node scripts/build.mjs` first, then: python -m pytest tests/conformance/xgboost
"""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import xgboost as xgb

SCRIPT = Path(__file__).with_name("interchange.mjs")
IMAGE_TAGS = {(1, 3): "1.3-1", (1, 5): "1.5-1", (1, 7): "1.7-1", (3, 0): "3.0-5", (3, 2): "3.2-0"}
VERSION = tuple(int(part) for part in xgb.__version__.split(".")[:2])
IMAGE_TAG = IMAGE_TAGS.get(VERSION)
# float32 sums of some hundred leaves differ in the last digits when their order does.
TOLERANCE = 1e-5
N_CLASSES = 4

pytestmark = pytest.mark.skipif(IMAGE_TAG is None, reason=f"no SageMaker image carries XGBoost {xgb.__version__}")

OBJECTIVES = {
    "reg:squarederror": {},
    "reg:logistic": {},
    "binary:logistic": {"scale_pos_weight": 2},
    "multi:softmax": {"num_class": N_CLASSES},
    "multi:softprob": {"num_class": N_CLASSES},
}


def make_data(objective, seed, rows=600, columns=6):
    """Features with missing values and repeated values, and labels that depend on some of them."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(rows, columns)).astype(np.float32)
    features[:, 2] = np.round(features[:, 2])
    features[random.random(features.shape) < 0.1] = np.nan
    signal = np.nan_to_num(features[:, 0]) * 2 + np.nan_to_num(features[:, 1]) ** 2 + random.normal(size=rows) * 0.3
    if objective.startswith("multi:"):
        return features, np.digitize(signal, [-0.5, 0.8, 2.0]).astype(np.float32)
    if objective == "binary:logistic":
        return features, (signal > 1).astype(np.float32)
    if objective == "reg:logistic":
        return features, (1 / (1 + np.exp(-signal))).astype(np.float32)
    return features, (signal * 10 + 3).astype(np.float32)


def csv_text(features, labels=None):
    """One row per line; missing values are empty fields."""
    rows = features if labels is None else np.column_stack([labels, features])
    return "".join(",".join("" if np.isnan(value) else repr(float(value)) for value in row) + "\n" for row in rows)


def node(*arguments):
    outcome = subprocess.run(["node", str(SCRIPT), *map(str, arguments)], capture_output=True, text=True, timeout=300)
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout


def sagebrush_predict(model_dir, features, directory):
    body = directory / "request.csv"
    body.write_text(csv_text(features))
    answer = node("predict", model_dir, body, "text/csv", "text/csv")
    return np.array([[float(value) for value in line.split(",")] for line in answer.splitlines()]).squeeze()


def sagebrush_train(directory, objective, labels_and_features, validation, hyperparameters):
    features, labels = labels_and_features
    channels = {"train": (features, labels)}
    if validation is not None:
        channels["validation"] = validation
    for name, (rows, values) in channels.items():
        (directory / name).mkdir()
        (directory / name / "data.csv").write_text(csv_text(rows, values))
    job = {
        "imageTag": IMAGE_TAG,
        "hyperparameters": {key: str(value) for key, value in {"objective": objective, **hyperparameters}.items()},
        "channels": {name: "text/csv" for name in channels},
    }
    (directory / "job.json").write_text(json.dumps(job))
    log = node("train", directory)
    return directory / "model" / "xgboost-model", log


def library_predict(model_file, features):
    booster = xgb.Booster()
    booster.load_model(str(model_file))
    return booster.predict(xgb.DMatrix(features))


@pytest.mark.parametrize("extension", ["", ".json", ".ubj"])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_model_of_the_library_deploys_in_sagebrush(objective, extension, tmp_path):
    if extension == ".ubj" and VERSION < (1, 6):
        pytest.skip("the library cannot write UBJSON before 1.6")
    features, labels = make_data(objective, seed=1)
    parameters = {"objective": objective, "max_depth": 5, "eta": 0.3, "tree_method": "hist", **OBJECTIVES[objective]}
    booster = xgb.train(parameters, xgb.DMatrix(features, label=labels), 40)
    model_dir = tmp_path / "model"
    model_dir.mkdir()
    booster.save_model(str(model_dir / f"xgboost-model{extension}"))

    unseen, _ = make_data(objective, seed=2)
    np.testing.assert_allclose(
        sagebrush_predict(model_dir, unseen, tmp_path),
        booster.predict(xgb.DMatrix(unseen)),
        rtol=TOLERANCE,
        atol=TOLERANCE,
    )


def test_a_pruned_model_of_the_library_deploys_in_sagebrush(tmp_path):
    """The exact grower prunes afterwards, which leaves deleted nodes in the file."""
    features, labels = make_data("reg:squarederror", seed=3)
    parameters = {"objective": "reg:squarederror", "max_depth": 6, "gamma": 200, "tree_method": "exact", "num_parallel_tree": 2, "subsample": 0.7}
    booster = xgb.train(parameters, xgb.DMatrix(features, label=labels), 10)
    booster.save_model(str(tmp_path / "xgboost-model"))
    model_dir = tmp_path / "served"
    model_dir.mkdir()
    (tmp_path / "xgboost-model").rename(model_dir / "xgboost-model")
    np.testing.assert_allclose(
        sagebrush_predict(model_dir, features, tmp_path), booster.predict(xgb.DMatrix(features)), rtol=TOLERANCE, atol=TOLERANCE
    )


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_model_of_sagebrush_loads_in_the_library(objective, tmp_path):
    data = make_data(objective, seed=4)
    hyperparameters = {"num_round": 25, "max_depth": 4, "eta": 0.3, **OBJECTIVES[objective]}
    model_file, _ = sagebrush_train(tmp_path, objective, data, None, hyperparameters)
    unseen, _ = make_data(objective, seed=5)
    np.testing.assert_allclose(
        library_predict(model_file, unseen),
        sagebrush_predict(model_file.parent, unseen, tmp_path),
        rtol=TOLERANCE,
        atol=TOLERANCE,
    )


def test_the_library_goes_on_training_a_model_of_sagebrush(tmp_path):
    features, labels = make_data("binary:logistic", seed=6)
    model_file, _ = sagebrush_train(tmp_path, "binary:logistic", (features, labels), None, {"num_round": 5, "max_depth": 3})
    matrix = xgb.DMatrix(features, label=labels)
    longer = xgb.train({"objective": "binary:logistic", "max_depth": 3}, matrix, 3, xgb_model=str(model_file))
    assert len(longer.get_dump()) == 8


def test_a_model_stopped_early_holds_the_best_rounds_only(tmp_path):
    train, validation = make_data("binary:logistic", seed=7, rows=200), make_data("binary:logistic", seed=8, rows=200)
    hyperparameters = {"num_round": 200, "eta": 0.5, "eval_metric": "logloss", "early_stopping_rounds": 5}
    model_file, log = sagebrush_train(tmp_path, "binary:logistic", train, validation, hyperparameters)
    losses = [float(line.rsplit("validation-logloss:", 1)[1]) for line in log.splitlines() if "validation-logloss:" in line]
    booster = xgb.Booster()
    booster.load_model(str(model_file))
    assert len(losses) < 200
    assert len(booster.get_dump()) == int(np.argmin(losses)) + 1
    assert int(booster.attr("best_iteration")) == int(np.argmin(losses))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_metrics_in_the_log_are_those_of_the_library(objective, tmp_path):
    train, validation = make_data(objective, seed=9), make_data(objective, seed=10)
    metrics = {
        "reg:squarederror": ["mae", "rmse"],
        "reg:logistic": ["logloss", "rmse"],
        "binary:logistic": ["error@0.7", "auc", "aucpr", "logloss"],
    }.get(objective, ["merror", "mlogloss"])
    hyperparameters = {"num_round": 8, "eval_metric": ",".join(metrics), **OBJECTIVES[objective]}
    model_file, log = sagebrush_train(tmp_path, objective, train, validation, hyperparameters)
    last = dict(field.rsplit(":", 1) for field in log.rstrip().splitlines()[-1].split("\t")[1:])

    booster = xgb.Booster()
    booster.load_model(str(model_file))
    booster.set_param([("eval_metric", metric) for metric in metrics])
    told = booster.eval_set([(xgb.DMatrix(x, label=y), name) for name, (x, y) in {"train": train, "validation": validation}.items()])
    expected = dict(field.rsplit(":", 1) for field in told.split("\t")[1:])
    assert {name: float(value) for name, value in last.items()} == pytest.approx(
        {name: float(value) for name, value in expected.items()}, abs=2e-5
    )


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_training_without_sampling_gives_the_library_s_model(objective, tmp_path):
    train, held_out = make_data(objective, 11), make_data(objective, 12)
    settings = {"objective": objective, "num_round": 12, "max_depth": 5, "eta": 0.3} | OBJECTIVES[objective]
    model_file, _ = sagebrush_train(tmp_path, objective, train, None, settings)
    parameters = {key: value for key, value in settings.items() if key != "num_round"} | {"tree_method": "hist"}
    library = xgb.train(parameters, xgb.DMatrix(train[0], label=train[1]), settings["num_round"])
    # One split in which two candidates tie within float32 may differ; all other rows agree to 1e-5.
    differences = np.abs(library_predict(model_file, held_out[0]) - library.predict(xgb.DMatrix(held_out[0])))
    assert np.median(differences) <= 1e-5
    assert np.mean(differences > 1e-5) <= 0.01
