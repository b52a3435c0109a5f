import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { algorithmFailure, clientFailure, platformFailure, readFailureFile } from "./failure.ts";

test("a failure carries its kind, text and exit code", () => {
  expect(algorithmFailure({ exitCode: 2, signal: null }, "ValueError: bad")).toBe(
    "AlgorithmError: ValueError: bad, exit code: 2",
  );
  expect(algorithmFailure({ exitCode: 1, signal: null }, "ClientError: no label")).toBe(
    "ClientError: no label, exit code: 1",
  );
});

test("a signal counts as 128 more than its number, as a shell counts", () => {
  expect(algorithmFailure({ exitCode: null, signal: "SIGKILL" }, undefined)).toBe(
    "AlgorithmError: the algorithm was ended by SIGKILL (often: out of memory), exit code: 137",
  );
});

test("a failure without a text says where to look", () => {
  expect(algorithmFailure({ exitCode: 3, signal: null }, undefined)).toBe(
    "AlgorithmError: the algorithm wrote no failure file; its log has more, exit code: 3",
  );
  expect(algorithmFailure({ exitCode: 3, signal: null }, undefined, "2 lines lost: the disk is full")).toBe(
    "AlgorithmError: the algorithm wrote no failure file; its log has more (2 lines lost: the disk is full), exit code: 3",
  );
});

test("a failure without a text on a full disk says so", () => {
  const lost = "9 log lines were lost: writing the log failed: ENOSPC: no space left on device, write";
  expect(algorithmFailure({ exitCode: 1, signal: null }, undefined, lost)).toBe(
    `InternalServerError: no space left on the disk of the data directory while training (${lost}); free some space and create the job again under another name, exit code: 1`,
  );
});

test("a reason never exceeds 1024 characters and keeps its exit code", () => {
  const reason = algorithmFailure({ exitCode: 1, signal: null }, "x".repeat(2000));
  expect(reason.length).toBe(1024);
  expect(reason).toMatch(/^AlgorithmError: x+…, exit code: 1$/);
  expect(clientFailure("y".repeat(2000)).length).toBe(1024);
  expect(platformFailure("disk")).toBe("InternalServerError: disk");
});

test("the first 1024 characters of the failure file count", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sagebrush-failure-"));
  const file = join(folder, "failure");
  expect(await readFailureFile(file)).toBeUndefined();
  await writeFile(file, " \n");
  expect(await readFailureFile(file)).toBeUndefined();
  await writeFile(file, "한".repeat(5000));
  expect(await readFailureFile(file)).toBe("한".repeat(1024));
  await rm(folder, { recursive: true });
});
