import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ruleOf } from "../hyperparameter-validation.ts";
import { hyperparameters, readSettings } from "./hyperparameters.ts";
import { validateTraining } from "./validation.ts";

const problemsOf = (given: Record<string, string>) => readSettings({ num_round: "10", ...given }).problems;
const metricsOf = (given: Record<string, string>) =>
  readSettings({ num_round: "10", ...given }).settings?.metrics.map(({ name }) => name);

test("num_round alone is enough", () => {
  const { problems, settings } = readSettings({ num_round: "10" });
  expect(problems).toEqual([]);
  expect(settings?.objective.name).toBe("reg:squarederror");
  expect(settings?.values.number("eta")).toBe(0.3);
  expect(settings?.values.number("max_depth")).toBe(6);
  expect(settings?.metrics.map(({ name }) => name)).toEqual(["rmse"]);
});

test("every problem of a job is named at once", () => {
  const { problems } = readSettings({
    max_depth: "-1",
    etaa: "0.1",
    objective: "multi:softmax",
    booster: "dart",
    subsample: "0",
    eval_metric: "auc",
  });
  expect(problems).toHaveLength(7);
  expect(problems.join("\n")).toMatch(/max_depth must be an integer >= 0, got "-1"/);
  expect(problems.join("\n")).toMatch(/"etaa" is unknown to XGBoost\. Did you mean "eta"\?/);
  expect(problems.join("\n")).toMatch(/booster=dart is not supported by Sagebrush: only boosted trees/);
  expect(problems.join("\n")).toMatch(/subsample must be a number > 0 and <= 1/);
  expect(problems.join("\n")).toMatch(/num_round is required/);
  expect(problems.join("\n")).toMatch(/num_class is required with objective multi:softmax/);
  expect(problems.join("\n")).toMatch(/eval_metric auc with objective multi:softmax/);
});

test.each([
  ["objective", "reg:gamma"],
  ["objective", "rank:ndcg"],
  ["objective", "survival:aft"],
  ["booster", "gblinear"],
  ["tree_method", "exact"],
  ["tree_method", "gpu_hist"],
  ["predictor", "gpu_predictor"],
  ["process_type", "update"],
  ["updater", "grow_colmaker,prune"],
  ["monotone_constraints", "(1,-1)"],
  ["interaction_constraints", "[[1,2]]"],
  ["rate_drop", "0.1"],
  ["lambda_bias", "0"],
  ["_kfold", "5"],
  ["use_dask_gpu_training", "true"],
  ["sampling_method", "gradient_based"],
  ["prob_buffer_row", "2"],
])("%s=%s is refused by name", (name, value) => {
  const problems = problemsOf({ [name]: value });
  expect(problems[0]).toContain(`${name}=${value} is not supported by Sagebrush: `);
});

test.each([
  ["eval_metric", "auc", /auc with objective reg:squarederror/],
  ["objective", "reg:square", /objective must be one of reg:squarederror, reg:logistic/],
  ["num_class", "1", /num_class must be an integer >= 2/],
  ["eta", "1.1", /eta must be a number >= 0 and <= 1/],
  ["gamma", "-0.1", /gamma must be a number >= 0/],
  ["scale_pos_weight", "0", /scale_pos_weight must be a number > 0/],
  ["max_bin", "1", /max_bin must be an integer >= 2/],
  ["csv_weights", "2", /csv_weights must be an integer >= 0 and <= 1/],
  ["seed", "3000000000", /seed must be an integer/],
  ["max_depth", "0", /max_depth=0 sets no limit/],
  ["_tuning_objective_metric", "train:rmse", /_tuning_objective_metric must be validation:<metric>/],
  ["sagemaker_program", "train.py", /script mode/],
])("%s=%s is refused with its rule", (name, value, rule) => {
  expect(problemsOf({ [name]: value }).join("\n")).toMatch(rule);
});

test("a base score of a logistic objective is a probability", () => {
  expect(problemsOf({ objective: "binary:logistic", base_score: "1" })[0]).toMatch(/base_score must be > 0 and < 1/);
  expect(problemsOf({ base_score: "10" })).toEqual([]);
});

test("values that SDKs encode as JSON are taken as their content", () => {
  expect(problemsOf({ objective: '"binary:logistic"', num_round: '"5"', eval_metric: '"auc"' })).toEqual([]);
});

test("XGBoost's own metrics are reported before the container's, its default when none is named", () => {
  expect(metricsOf({ objective: "binary:logistic", eval_metric: "accuracy,auc,f1,error" })).toEqual([
    "auc",
    "error",
    "accuracy",
    "f1",
  ]);
  expect(metricsOf({ objective: "binary:logistic", eval_metric: "accuracy" })).toEqual(["logloss", "accuracy"]);
  expect(metricsOf({ objective: "multi:softprob", num_class: "3" })).toEqual(["mlogloss"]);
});

test("early stopping watches the last metric, or the tuning job's", () => {
  const watched = (given: Record<string, string>) =>
    readSettings({ num_round: "10", objective: "binary:logistic", early_stopping_rounds: "3", ...given }).settings
      ?.watchedMetric;
  expect(watched({ eval_metric: "auc,error" })).toBe("error");
  expect(watched({ eval_metric: "auc,error@0.5" })).toBe("error");
  expect(watched({ eval_metric: "logloss,error", _tuning_objective_metric: "validation:auc" })).toBe("auc");
  expect(watched({})).toBeUndefined();
});

test("reg:linear is the old name of reg:squarederror", () => {
  expect(readSettings({ num_round: "1", objective: "reg:linear" }).settings).toMatchObject({
    saysRegLinear: true,
    objective: { name: "reg:squarederror" },
  });
});

const request = {
  imageTag: "1.7-1",
  instanceCount: 1,
  hyperparameters: { num_round: "1" },
  channels: { train: { contentType: "text/csv", inputMode: "File" } },
};

test.each(["1.3-1", "1.5-1", "1.7-1", "3.0-5", "3.2-0", "1.7-1-cpu-py3"])("image tag %s is accepted", (imageTag) => {
  expect(validateTraining({ ...request, imageTag })).toEqual([]);
});

test.each([
  ["0.90-2", /Python pickles/],
  ["1.2-2", /Python pickles/],
  ["1", /Python pickles/],
  ["latest", /Python pickles/],
  [`sha256:${"0".repeat(64)}`, /says no version/],
  ["9.9-9", /There is no XGBoost image with tag "9\.9-9"/],
])("image tag %s is refused", (imageTag, reason) => {
  expect(validateTraining({ ...request, imageTag })[0]).toMatch(reason);
});

const channelsOf = (channels: Record<string, { contentType?: string; inputMode?: string }>) =>
  validateTraining({
    ...request,
    channels: Object.fromEntries(
      Object.entries(channels).map(([name, channel]) => [name, { inputMode: "File", ...channel }]),
    ),
  });

test.each([
  [{}, /Channel train is required/],
  [{ train: { contentType: "text/csv;label_size=2" } }, /label_size must be equal to 1/],
  [{ train: { contentType: "text/csv; LABEL_SIZE=0" } }, /label_size must be equal to 1/],
  [{ train: { contentType: "application/x-parquet" } }, /application\/x-parquet is not supported by Sagebrush/],
  [{ train: { contentType: "application/x-recordio-protobuf" } }, /is not supported by Sagebrush/],
  [{ train: { contentType: "image/png" } }, /image\/png is not an accepted ContentType/],
  [{ train: { contentType: "text/csv", inputMode: "Pipe" } }, /input mode Pipe is not supported/],
  [{ train: { contentType: "text/csv" }, validation: {} }, /must have the same content type/],
  [{ train: {}, test: {} }, /Channel "test" is unknown to XGBoost/],
  [{ train: {}, code: {} }, /script mode/],
])("channels %j are refused", (channels, reason) => {
  expect(channelsOf(channels).join("\n")).toMatch(reason);
});

test("channels may say their type in each of its spellings", () => {
  expect(
    channelsOf({ train: { contentType: "csv" }, validation: { contentType: "text/csv; label_size=1;charset=utf8" } }),
  ).toEqual([]);
  expect(channelsOf({ train: {}, validation: { contentType: "text/x-libsvm", inputMode: "FastFile" } })).toEqual([]);
});

test("several instances are refused", () => {
  expect(validateTraining({ ...request, instanceCount: 2 })[0]).toMatch(/InstanceCount 2 is not supported/);
});

test("README.md lists the hyperparameters as they are declared", () => {
  // The formatter pads the columns of tables.
  const unpadded = (text: string) => text.replaceAll(/ +/g, " ");
  const readme = unpadded(readFileSync(new URL("./README.md", import.meta.url), "utf8"));
  const rows = hyperparameters.map((definition) => {
    const { name, aliases = [], description, refused, required } = definition;
    const names = [name, ...aliases].map((each) => `\`${each}\``).join(", ");
    const standard = required === true ? "required" : (definition.default ?? "");
    const support = refused === undefined ? "yes" : refused.values === undefined ? "refused" : "these values";
    return `| ${names} | ${ruleOf(definition)} | ${standard} | ${support} | ${description} |`;
  });
  expect(readme).toContain(unpadded(rows.join("\n")));
});
