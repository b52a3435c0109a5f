// A replica for tests: a one-number model behind the real model server. Reads `weight` from model/model.json and answers
// each CSV number multiplied by it; a few words instead of a number make it misbehave.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { InferenceError } from "../../../dist/algorithms/algorithm.js";
import { serveModel } from "../../../dist/serving/model-server/serve-model.js";
import { settingsFile, socketVariable } from "../../../dist/serving/model-server/settings.js";

const root = process.env.ML_ROOT;
const settings = JSON.parse(await readFile(join(root, settingsFile), "utf8"));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const words = {
  pid: () => String(process.pid),
  environment: () => JSON.stringify(settings.environment),
  refuse: () => {
    throw new InferenceError(415, "no such thing as refuse");
  },
  crash: () => {
    throw new Error("a bug in the model");
  },
  die: () => process.exit(9),
  hang: () => sleep(3_600_000),
  slow: async () => (await sleep(500), "slow"),
};

try {
  const { weight } = JSON.parse(await readFile(join(root, "model", "model.json"), "utf8"));
  const model = {
    predict: async (body, contentType, accept) => {
      const text = Buffer.from(body).toString();
      const answer = Object.hasOwn(words, text) ? await words[text]() : String(Number(text) * weight);
      return { body: answer, contentType: accept === "" ? contentType : accept };
    },
  };
  const server = await serveModel(model, process.env[socketVariable], (line) => console.error(line));
  console.log(`model with weight ${weight} in service`);
  process.once("SIGTERM", () => server.drain(28_000).then(() => process.exit(0)));
} catch (error) {
  console.error(`the model cannot be served: ${error.message}`);
  process.exit(1);
}
