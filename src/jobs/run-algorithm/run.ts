/**
 * The workload of a built-in algorithm: what runs in place of its container's `train` program.
 *
 * It reads the `/opt/ml` tree, trains, and leaves a model or a failure file. It is started for every job, so it imports
 * the algorithm only after its first line is out.
 */
import { constants } from "node:fs";
import { open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Algorithm, ClientError, type TrainingContext } from "../../algorithms/algorithm.ts";
import type { ImageReference } from "../../algorithms/registry.ts";
import { noSpace } from "../failure.ts";

/** Environment variables between the platform and this program. */
export const variables = {
  /** Folder that stands for `/opt/ml`. */
  root: "ML_ROOT",
  image: "SAGEBRUSH_IMAGE",
  /** Threads the algorithm may use. */
  threads: "SAGEBRUSH_THREADS",
} as const;

export interface AlgorithmRun {
  readonly algorithm: Algorithm;
  readonly image: ImageReference;
}

/** Room for a failure's text, held from the start: a disk that fills up while training must not swallow the reason. */
const reservedBytes = 4096;

interface InputDataConfig {
  readonly [channel: string]: { readonly ContentType?: string };
}

interface ResourceConfig {
  readonly current_host: string;
  readonly hosts: readonly string[];
}

/**
 * Trains once.
 *
 * @param load finds the algorithm of an image URI
 * @param log takes one line for standard output
 * @param signal aborts on SIGTERM
 * @returns the exit code: 0, or 1 with a failure file written
 */
export async function runAlgorithm(
  load: (imageUri: string) => Promise<AlgorithmRun | undefined>,
  environment: Readonly<Record<string, string | undefined>>,
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<number> {
  const root = environment[variables.root] ?? "/opt/ml";
  const image = environment[variables.image] ?? "";
  log(`${stamp("INFO")} ${image} starts training on this machine`);
  try {
    await writeFile(failureFile(root), " ".repeat(reservedBytes));
    const run = await load(image);
    if (run === undefined) throw new Error(`${image} names no built-in algorithm`);
    await run.algorithm.train(await contextOf(root, run.image, environment, log, signal));
    await rm(failureFile(root), { force: true });
    return 0;
  } catch (error) {
    await reportFailure(root, error, log);
    return 1;
  }
}

function failureFile(root: string): string {
  return join(root, "output", "failure");
}

/** Writes the failure file and the log lines of an error that ended the training. */
export async function reportFailure(root: string, error: unknown, log: (line: string) => void): Promise<void> {
  const text = failureText(error);
  log(`${stamp("ERROR")} ${text}`);
  if (!(error instanceof ClientError) && error instanceof Error && error.stack) {
    for (const line of error.stack.split("\n")) log(line);
  }
  try {
    const file = await open(failureFile(root), constants.O_WRONLY | constants.O_CREAT);
    try {
      await file.write(text, 0);
      await file.truncate(Buffer.byteLength(text));
    } finally {
      await file.close();
    }
  } catch (writing) {
    log(`${stamp("ERROR")} the failure file could not be written: ${(writing as Error).message}`);
  }
}

function failureText(error: unknown): string {
  if (error instanceof ClientError) return `ClientError: ${error.message}`;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC") {
    return noSpace(`while training (${message})`);
  }
  return `AlgorithmError: ${message ?? String(error)}`;
}

/** `[2026-01-31:12:00:00:INFO]`, as the algorithm containers begin their lines; UTC. */
function stamp(level: string): string {
  const [date, time] = new Date().toISOString().slice(0, 19).split("T");
  return `[${date}:${time}:${level}]`;
}

async function contextOf(
  root: string,
  image: ImageReference,
  environment: Readonly<Record<string, string | undefined>>,
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<TrainingContext> {
  const config = async <T>(name: string) =>
    JSON.parse(await readFile(join(root, "input", "config", name), "utf8")) as T;
  const [hyperparameters, channels, resources] = await Promise.all([
    config<Record<string, string>>("hyperparameters.json"),
    config<InputDataConfig>("inputdataconfig.json"),
    config<ResourceConfig>("resourceconfig.json"),
  ]);
  const threads = Number(environment[variables.threads]);
  if (!Number.isInteger(threads) || threads < 1) {
    throw new Error(`${variables.threads} must be a whole number from 1, got "${environment[variables.threads]}"`);
  }
  return {
    imageTag: image.tag,
    hyperparameters,
    channels: Object.fromEntries(
      Object.entries(channels).map(([name, { ContentType }]) => [
        name,
        {
          directory: join(root, "input", "data", name),
          ...(ContentType !== undefined && { contentType: ContentType }),
        },
      ]),
    ),
    modelDirectory: join(root, "model"),
    outputDataDirectory: join(root, "output", "data"),
    hosts: resources.hosts,
    currentHost: resources.current_host,
    threads,
    log,
    signal,
  };
}
