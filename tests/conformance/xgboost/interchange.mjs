/**
 * Trains and predicts with Sagebrush's compiled XGBoost, for test_interchange.py.
 *
 *   node interchange.mjs train JOB_DIR            reads JOB_DIR/job.json and JOB_DIR/<channel>/, writes JOB_DIR/model/
 *   node interchange.mjs predict MODEL_DIR BODY CONTENT_TYPE ACCEPT    prints the answer
 */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { xgboost } from "../../../dist/algorithms/xgboost/index.js";

const [command, directory, body, contentType, accept] = process.argv.slice(2);

async function train() {
  const { imageTag, hyperparameters, channels } = JSON.parse(await readFile(join(directory, "job.json"), "utf8"));
  const modelDirectory = join(directory, "model");
  const outputDataDirectory = join(directory, "output");
  for (const made of [modelDirectory, outputDataDirectory]) await mkdir(made, { recursive: true });
  await xgboost.train({
    imageTag,
    hyperparameters,
    channels: Object.fromEntries(
      Object.entries(channels).map(([name, type]) => [name, { directory: join(directory, name), contentType: type }]),
    ),
    modelDirectory,
    outputDataDirectory,
    hosts: ["algo-1"],
    currentHost: "algo-1",
    threads: 2,
    log: (line) => process.stdout.write(`${line}\n`),
    signal: new AbortController().signal,
  });
}

async function predict() {
  const model = await xgboost.load(directory, {});
  const answer = await model.predict(await readFile(body), contentType, accept);
  process.stdout.write(answer.body);
}

await { train, predict }[command]();
