import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "undici";
import { afterEach, beforeEach, expect, test } from "vitest";
import { InferenceError } from "../../algorithms/algorithm.ts";
import type { LoadedModel } from "../../algorithms/algorithm.ts";
import { serveModel } from "./serve-model.ts";
import type { ModelServer } from "./serve-model.ts";

/** Answers with what it was asked; a body `throw <status>` fails that way. */
const echo: LoadedModel = {
  async predict(body, contentType, accept) {
    const text = Buffer.from(body).toString();
    if (text === "throw 415") throw new InferenceError(415, "cannot read that");
    if (text === "throw bug") throw new TypeError("x is not a function");
    if (text === "") return { body: "", contentType: "text/html", status: 204 };
    if (text === "wait") await new Promise((resolve) => setTimeout(resolve, 200));
    return { body: `${text}|${contentType}|${accept}`, contentType: "text/csv" };
  },
};

let directory: string;
let socketPath: string;
let server: ModelServer;
let client: Client;
let lines: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sagebrush-model-"));
  socketPath = join(directory, "s");
  lines = [];
  await writeFile(socketPath, "left by a dead server");
  server = await serveModel(echo, socketPath, (line) => lines.push(line));
  client = new Client("http://model", { socketPath });
});

afterEach(async () => {
  await client.destroy();
  await server.drain(0);
  await rm(directory, { recursive: true, force: true });
});

async function call(
  method: "GET" | "POST",
  path: string,
  body?: string | Uint8Array,
  headers?: Record<string, string>,
) {
  const response = await client.request({ method, path, body, headers });
  return { status: response.statusCode, type: response.headers["content-type"], text: await response.body.text() };
}

test("ping is 200 with an empty body", async () => {
  expect(await call("GET", "/ping")).toMatchObject({ status: 200, text: "" });
});

test("invocations get the body, Content-Type and Accept", async () => {
  expect(await call("POST", "/invocations", "1,2", { "content-type": "text/csv", accept: "application/json" })).toEqual(
    { status: 200, type: "text/csv", text: "1,2|text/csv|application/json" },
  );
  expect((await call("POST", "/invocations", "1,2")).text).toBe("1,2||");
});

test("a status of the model's own choice is kept", async () => {
  expect(await call("POST", "/invocations", "")).toMatchObject({ status: 204, text: "" });
});

test("a body of many chunks arrives whole", async () => {
  const big = "0123456789".repeat(300_000);
  expect((await call("POST", "/invocations", big)).text).toBe(`${big}||`);
});

test("a request the model refuses has its status and its words, and one line in the log", async () => {
  expect(await call("POST", "/invocations", "throw 415")).toMatchObject({ status: 415, text: "cannot read that" });
  expect(lines).toEqual(["POST /invocations 415 cannot read that"]);
});

test("a bug in the model is a 500, and its stack one line in the log", async () => {
  expect(await call("POST", "/invocations", "throw bug")).toMatchObject({ status: 500, text: "x is not a function" });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^POST \/invocations 500 TypeError: x is not a function \| at /);
});

test("a body over 100 MB is refused with 413", async () => {
  const response = await call("POST", "/invocations", new Uint8Array(100 * 1024 * 1024 + 1));
  expect(response).toMatchObject({ status: 413 });
  expect(response.text).toContain("larger than 104857600 bytes");
});

test("execution parameters and unknown paths are answered", async () => {
  expect(JSON.parse((await call("GET", "/execution-parameters")).text)).toEqual({
    MaxConcurrentTransforms: 1,
    BatchStrategy: "MULTI_RECORD",
    MaxPayloadInMB: 6,
  });
  expect(await call("GET", "/nothing")).toMatchObject({ status: 404 });
});

test("draining answers what is in work and then closes", async () => {
  const slow = call("POST", "/invocations", "wait");
  await new Promise((resolve) => setTimeout(resolve, 50));
  await server.drain(5_000);
  expect((await slow).text).toBe("wait||");
  await expect(call("GET", "/ping")).rejects.toMatchObject({ code: expect.stringMatching(/ENOENT|ECONNREFUSED/) });
});
