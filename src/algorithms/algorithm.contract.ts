/**
 * What every built-in algorithm must do, run by each of them: the platform's counterpart of scikit-learn's
 * `check_estimator`.
 */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Algorithm, LoadedModel } from "./algorithm.ts";

export interface AlgorithmCase {
  readonly algorithm: Algorithm;
  readonly imageTag: string;
  /** Good for the contract's small data: labels 0 and 1. */
  readonly hyperparameters: Readonly<Record<string, string>>;
  /** The training channel's content type, read as CSV. */
  readonly contentType: string;
  /** Whether the first column of training data is a label. */
  readonly hasLabels: boolean;
  /** What becomes of an empty field: it is learnt from, or the job fails with this message. */
  readonly missingValues: "accepted" | RegExp;
}

type Rows = readonly (readonly number[])[];

/** Rows of two features that separate the labels 0 and 1, without chance. */
const separable: Rows = Array.from({ length: 40 }, (_, row) => [row % 2, (row % 2) * 3 + (row % 7) / 7, (row % 5) - 2]);

export function algorithmContract(subject: AlgorithmCase): void {
  const { algorithm } = subject;
  let root: string;
  let jobs = 0;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), `${algorithm.name}-`));
  });
  afterEach(async () => {
    await rm(root, { recursive: true });
  });

  const columnsOf = (row: readonly number[]) => (subject.hasLabels ? row : row.slice(1));
  const text = (rows: Rows) =>
    rows.map((row) => row.map((value) => (Number.isNaN(value) ? "" : String(value))).join(",")).join("\n") + "\n";

  /** Trains on the rows and gives the job's directories and log. */
  async function train(rows: Rows, signal = new AbortController().signal) {
    jobs += 1;
    const job = join(root, String(jobs));
    const directories = {
      channel: join(job, "input", "train"),
      model: join(job, "model"),
      output: join(job, "output"),
    };
    for (const directory of Object.values(directories)) await mkdir(directory, { recursive: true });
    await writeFile(join(directories.channel, "data.csv"), text(rows.map(columnsOf)));
    const log: string[] = [];
    await algorithm.train({
      imageTag: subject.imageTag,
      hyperparameters: subject.hyperparameters,
      channels: { train: { directory: directories.channel, contentType: subject.contentType } },
      modelDirectory: directories.model,
      outputDataDirectory: directories.output,
      hosts: ["algo-1"],
      currentHost: "algo-1",
      threads: 2,
      log: (line) => log.push(line),
      signal,
    });
    return { ...directories, log };
  }

  async function answer(model: LoadedModel, rows: Rows): Promise<string> {
    const { body } = await model.predict(Buffer.from(text(rows.map((row) => row.slice(1)))), "text/csv", "text/csv");
    return Buffer.from(body).toString();
  }

  async function digests(directory: string): Promise<Readonly<Record<string, string>>> {
    const names = (await readdir(directory)).sort();
    const entries = names.map(async (name) => [
      name,
      createHash("sha256")
        .update(await readFile(join(directory, name)))
        .digest("hex"),
    ]);
    return Object.fromEntries((await Promise.all(entries)) as [string, string][]);
  }

  /** One prediction per row, by a model of the same rows. */
  async function predictionsOf(rows: Rows): Promise<readonly string[]> {
    const { model } = await train(rows);
    return (await answer(await algorithm.load(model, {}), rows)).trimEnd().split("\n");
  }

  const isPredicted = (prediction: string) => prediction !== "" && !/nan|inf|undefined/i.test(prediction);

  describe(`${algorithm.title} keeps the contract of algorithms`, () => {
    test("a good request has no problems", () => {
      const channels = { train: { contentType: subject.contentType, inputMode: "File" } };
      const { imageTag, hyperparameters } = subject;
      expect(algorithm.validate({ imageTag, hyperparameters, channels, instanceCount: 1 })).toEqual([]);
    });

    test("an unknown hyperparameter, channel and image tag are each named", () => {
      const problems = algorithm.validate({
        imageTag: "no-such-tag",
        hyperparameters: { ...subject.hyperparameters, no_such_parameter: "1" },
        channels: {
          train: { contentType: subject.contentType, inputMode: "File" },
          no_such_channel: { inputMode: "File" },
        },
        instanceCount: 1,
      });
      for (const name of ["no_such_parameter", "no_such_channel", "no-such-tag"])
        expect(problems.join("\n")).toContain(name);
    });

    test("names of hyperparameters are unique, and each says what it is", () => {
      const names = algorithm.hyperparameters.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
      expect(new Set(names).size).toBe(names.length);
      expect(algorithm.hyperparameters.filter(({ description }) => !/^\S.*[.]$/.test(description))).toEqual([]);
    });

    test("metric definitions are regular expressions with one group", () => {
      const definitions = algorithm.metricDefinitions;
      expect(definitions.length).toBeGreaterThan(0);
      for (const { regex } of definitions) expect(new RegExp(`${regex}|`).exec("")).toHaveLength(2);
    });

    test("the same data and seed give the same model", async () => {
      const [first, second] = [await train(separable), await train(separable)];
      expect(await digests(first.model)).toEqual(await digests(second.model));
      expect(first.log).toEqual(second.log);
    });

    test("a model loaded twice predicts the same, and row by row as in one request", async () => {
      const { model } = await train(separable);
      const [first, second] = [await algorithm.load(model, {}), await algorithm.load(model, {})];
      const together = await answer(first, separable);
      expect(await answer(second, separable)).toBe(together);
      const singly = await Promise.all(separable.map(async (row) => (await answer(first, [row])).trimEnd()));
      expect(singly).toEqual(together.trimEnd().split("\n"));
    });

    test("training leaves its input as it was", async () => {
      const { channel } = await train(separable);
      expect(await readdir(channel)).toEqual(["data.csv"]);
      expect(await readFile(join(channel, "data.csv"), "utf8")).toBe(text(separable.map(columnsOf)));
    });

    test.each([
      ["one row", separable.slice(0, 1)],
      ["one feature", separable.map((row) => row.slice(0, 2))],
      ["a constant column", separable.map((row) => [...row, 7])],
    ])("%s can be learnt from", async (_what, rows) => {
      expect((await predictionsOf(rows)).filter(isPredicted)).toHaveLength(rows.length);
    });

    test("missing values are treated as documented", async () => {
      const rows = separable.map((row, at) => (at % 4 === 0 ? [row[0], NaN, row[2]] : row));
      if (subject.missingValues === "accepted")
        expect((await predictionsOf(rows)).filter(isPredicted)).toHaveLength(rows.length);
      else await expect(train(rows)).rejects.toThrow(subject.missingValues);
    });

    test("an empty channel is the user's mistake", async () => {
      await expect(train([])).rejects.toMatchObject({ name: "ClientError" });
    });

    test("text where a number must be is the user's mistake, with its place", async () => {
      const rows = separable.map((row, at) => (at === 2 ? [...row.slice(0, 2), "abc" as unknown as number] : row));
      await expect(train(rows)).rejects.toMatchObject({
        name: "ClientError",
        message: expect.stringMatching(/row 3.*abc/s) as unknown,
      });
    });

    test("a job that is told to stop ends without an error", async () => {
      const stopped = AbortSignal.abort();
      await expect(train(separable, stopped)).resolves.toBeDefined();
    });

    test("a directory without a model does not load", async () => {
      await mkdir(join(root, "empty"));
      await expect(algorithm.load(join(root, "empty"), {})).rejects.toThrow(/model/i);
    });

    test("a request in a type that nobody reads is answered with 415", async () => {
      const { model } = await train(separable);
      const loaded = await algorithm.load(model, {});
      await expect((async () => loaded.predict(Buffer.from("x"), "image/x-none", "text/csv"))()).rejects.toMatchObject({
        status: 415,
      });
    });
  });
}
