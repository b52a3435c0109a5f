import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { defineService } from "../protocol/service.ts";
import { readConfig } from "./config.ts";
import { coverageOf, coveragePage } from "./coverage.ts";
import { startServer, type RunningServer } from "./start-server.ts";

let directory: string;
let server: RunningServer;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "sagebrush-coverage-"));
  server = await startServer(readConfig({ dataDir: directory, port: "0" }, {}));
});

afterAll(async () => {
  await server.close();
  rmSync(directory, { recursive: true });
});

test("docs/coverage.md says what the handlers do (npm run generate rewrites it)", () => {
  const committed = readFileSync(new URL("../../docs/coverage.md", import.meta.url), "utf8");
  expect(committed).toBe(coveragePage(server.services));
});

test("refused parameters exist in the description, so that a refusal cannot be misspelt", () => {
  const misspelt: string[] = [];
  for (const { description, operations } of server.services) {
    for (const [operation, { refuses = [] }] of Object.entries(operations)) {
      for (const { parameter } of refuses) {
        if (!parameterExists(description, operation, parameter))
          misspelt.push(`${description} ${operation} ${parameter}`);
      }
    }
  }
  expect(misspelt).toEqual([]);
});

test("an operation is real, partial or refused", () => {
  const [coverage] = coverageOf([
    defineService<Operations>("sts", {
      GetCallerIdentity: { handle: () => undefined },
      AssumeRole: { handle: () => undefined, refuses: [{ parameter: "Policy", because: "policies are not enforced" }] },
    }),
  ]);
  expect(coverage.real).toEqual(["GetCallerIdentity"]);
  expect(coverage.partial.map(({ operation }) => operation)).toEqual(["AssumeRole"]);
  expect(coverage.refused).toContain("GetSessionToken");
});

test("an operation that differs from AWS without refusing a parameter is partial, and says how", () => {
  const service = defineService<Operations>("sts", {
    GetCallerIdentity: { handle: () => undefined, caveat: "everybody is root" },
  });
  expect(coverageOf([service])[0].real).toEqual([]);
  expect(coveragePage([service])).toContain("| `GetCallerIdentity` |  | everybody is root |");
});

test("a handler for an operation that does not exist is found", () => {
  expect(() =>
    coverageOf([defineService<Operations>("sts", { GetCallerIdentiy: { handle: () => undefined } })]),
  ).toThrow("GetCallerIdentiy");
});

type Operations = Record<string, { input: unknown; output: unknown }>;

interface Model {
  operations: Record<string, { input?: { shape: string } }>;
  shapes: Record<string, { members?: Record<string, { shape: string }>; member?: { shape: string } }>;
}

function parameterExists(description: string, operation: string, parameter: string): boolean {
  const file = new URL(`../protocol/service-models/${description}.json`, import.meta.url);
  const { operations, shapes } = JSON.parse(readFileSync(file, "utf8")) as Model;
  let shape = operations[operation].input?.shape;
  for (const step of parameter.split(".")) {
    const name = step.replace(/\[\]$/, "");
    shape = shape && shapes[shape].members?.[name]?.shape;
    if (shape !== undefined && step.endsWith("[]")) shape = shapes[shape].member?.shape;
  }
  return shape !== undefined;
}
