/**
 * The process of one replica of a built-in algorithm: loads the model under `ML_ROOT`, then serves it until SIGTERM.
 * Exits with 1 and one line on standard error when the model cannot be loaded.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { builtInAlgorithm } from "../../algorithms/registry.ts";
import { serveModel } from "./serve-model.ts";
import { settingsFile, socketVariable } from "./settings.ts";
import type { ModelServerSettings } from "./settings.ts";

/** SIGKILL follows SIGTERM after 30 s; what is still unanswered a little before that is cut off. */
const drainMs = 28_000;

async function main(): Promise<void> {
  const mlRoot = process.env.ML_ROOT ?? "/opt/ml";
  const socketPath = process.env[socketVariable];
  if (socketPath === undefined)
    throw new Error(`${socketVariable} is not set: it is the path of the socket to listen on`);
  const settings = JSON.parse(await readFile(join(mlRoot, settingsFile), "utf8")) as ModelServerSettings;
  const found = await builtInAlgorithm(settings.image);
  if (found === undefined) throw new Error(`${settings.image} is not an image of a built-in algorithm`);

  const startedAt = performance.now();
  const model = await found.algorithm.load(join(mlRoot, "model"), settings.environment);
  const server = await serveModel(model, socketPath, (line) => console.error(line));
  console.log(`${found.algorithm.title}: model loaded in ${Math.round(performance.now() - startedAt)} ms`);

  process.once("SIGTERM", () => {
    server.drain(drainMs).then(() => process.exit(0), fatal);
  });
}

function fatal(error: unknown): never {
  console.error(`the model cannot be served: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}

main().catch(fatal);
