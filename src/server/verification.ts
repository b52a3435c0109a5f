/**
 * Verification of all stored objects for `sagebrush doctor --verify`: by the running server, which alone may open its
 * database, or, when none runs, by the command itself.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { timingSafeEqual } from "node:crypto";
import { ObjectStore } from "../services/s3/object-store.ts";
import type { Verified } from "../services/s3/verify.ts";
import { SecretKey } from "../services/sts/secret-key.ts";
import { FileBlobStore } from "../storage/file-blob-store.ts";
import { SqliteRecordStore } from "../storage/sqlite-record-store.ts";
import { SystemClock } from "../util/clock.ts";
import { DataDirectory } from "./data-directory.ts";
import type { PlatformRoute } from "./http-server.ts";
import { readServerFile } from "./server-file.ts";

export type { Verified } from "../services/s3/verify.ts";

export const verificationPath = "/_sagebrush/verify";

/** Files of the data directory that hold what S3 stores; the server and the offline verification open the same. */
export const objectKeyFile = "object-keys.json";
export const databaseFile = "sagebrush.db";

/** For those who can read the data directory: they could read the objects, too. */
function passOf(secrets: SecretKey): string {
  return secrets.derive("verification").toString("hex");
}

/** One line of JSON per object, as it is verified. */
export function verificationRoute(objects: Pick<ObjectStore, "verifyStored">, secrets: SecretKey): PlatformRoute {
  const pass = Buffer.from(passOf(secrets));
  return (method, headers) => {
    const given = Buffer.from(headers["authorization"] ?? "");
    if (method !== "GET" || given.length !== pass.length || !timingSafeEqual(given, pass)) {
      return { status: 403, headers: { "content-type": "text/plain" }, body: "Run `sagebrush doctor --verify`.\n" };
    }
    return { status: 200, headers: { "content-type": "application/x-ndjson" }, body: lines(objects.verifyStored()) };
  };
}

async function* lines(steps: AsyncIterable<Verified>): AsyncGenerator<Uint8Array> {
  for await (const step of steps) yield Buffer.from(`${JSON.stringify(step)}\n`);
  // Without it a server that ends in the middle would look like one that is done.
  yield Buffer.from('{"done":true}\n');
}

/**
 * Verifies everything that is stored in a data directory.
 * @throws Error when the server ends meanwhile; DataDirectoryBusy; DataDirectoryUnusable
 */
export async function* verifyDataDirectory(dataDirectory: string): AsyncGenerator<Verified> {
  const running = readServerFile(dataDirectory);
  if (running !== undefined && (await answers(running.url))) yield* verifyByServer(dataDirectory, running.url);
  else if (existsSync(join(dataDirectory, databaseFile))) yield* verifyAlone(dataDirectory);
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(new URL("/_sagebrush/health", url), { signal: AbortSignal.timeout(3000) })).ok;
  } catch {
    return false; // no answer is the answer
  }
}

async function* verifyByServer(dataDirectory: string, url: string): AsyncGenerator<Verified> {
  const authorization = passOf(SecretKey.load(dataDirectory));
  const response = await fetch(new URL(verificationPath, url), { headers: { authorization } });
  if (!response.ok || response.body === null) throw new Error(`the server at ${url} refused: ${await response.text()}`);
  let rest = "";
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const whole = (rest + text).split("\n");
    rest = whole.pop()!;
    for (const line of whole) {
      const step = JSON.parse(line) as Verified | { readonly done: true };
      if ("done" in step) return;
      yield step;
    }
  }
  throw new Error(`the server at ${url} ended before everything was verified`);
}

async function* verifyAlone(dataDirectory: string): AsyncGenerator<Verified> {
  const directory = DataDirectory.open(dataDirectory);
  try {
    const records = new SqliteRecordStore({ file: join(directory.path, databaseFile) });
    try {
      const blobs = await FileBlobStore.open(directory.folder("blobs"));
      const clock = new SystemClock();
      yield* new ObjectStore({ records, blobs, clock, keyFile: join(directory.path, objectKeyFile) }).verifyStored();
    } finally {
      await records.close();
    }
  } finally {
    directory.release();
  }
}
