/** Fills the data folder of a job: the channels in File mode, each a copy of objects. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ClientError } from "../algorithms/algorithm.ts";
import type { ChannelDescription } from "./ml-tree.ts";
import { pathOfObject } from "./object-paths.ts";
import { type ObjectStorage, parseS3Uri } from "./ports.ts";

export interface Channel extends ChannelDescription {
  readonly source: {
    /** `prefix`: every object whose key starts so. `manifest`: the objects that a manifest lists. */
    readonly kind: "prefix" | "manifest";
    readonly uri: string;
  };
}

/** Downloads in flight at a time. */
const parallelDownloads = 8;
/** Bytes of a manifest; a million keys fit. */
const maxManifestBytes = 256 * 1024 ** 2;

export interface DownloadOptions {
  readonly objects: ObjectStorage;
  readonly accountId: string;
  readonly dataFolder: string;
  readonly signal: AbortSignal;
}

interface WantedObject {
  readonly bucket: string;
  readonly key: string;
  readonly path: readonly string[];
}

/**
 * Copies a channel's objects to `<dataFolder>/<channel name>/`, which must not exist.
 *
 * S3Prefix is a plain string prefix; files lie at their key relative to the prefix's last `/`; a URI that names one
 * object brings that object alone. With one host ShardedByS3Key brings everything, as FullyReplicated does.
 *
 * @throws ClientError when there is nothing to bring, a manifest is wrong, or keys cannot be files
 */
export async function downloadChannel(channel: Channel, options: DownloadOptions): Promise<void> {
  try {
    await bring(channel, options);
  } catch (error) {
    // Whose role may not read its data has given it the wrong one.
    if ((error as NodeJS.ErrnoException).code !== "AccessDenied") throw error;
    throw downloadFailed(`AccessDenied: ${(error as Error).message} (channel ${channel.name})`, { cause: error });
  }
}

async function bring(channel: Channel, options: DownloadOptions): Promise<void> {
  const { objects, accountId, dataFolder, signal } = options;
  const folder = join(dataFolder, channel.name);
  await mkdir(folder, { recursive: true });
  const location = parseS3Uri(channel.source.uri);
  if (location === undefined) throw downloadFailed(`"${channel.source.uri}" is no s3:// URI`);
  if (!(await objects.bucketExists(accountId, location.bucket))) {
    throw downloadFailed(`the bucket of "${channel.source.uri}" (channel ${channel.name}) does not exist`);
  }

  const wanted =
    channel.source.kind === "manifest"
      ? objectsOfManifest(
          await readManifest(objects, accountId, location, join(dataFolder, `${channel.name}-manifest`)),
        )
      : objectsUnder(objects, accountId, location);
  const files = new Set<string>();
  const running = new Set<Promise<void>>();
  // Kept until the loop looks: a download may fail while nobody waits for it.
  const failures: unknown[] = [];
  let found = 0;
  try {
    for await (const object of wanted) {
      signal.throwIfAborted();
      if (failures.length > 0) break;
      found += 1;
      const target = await place(object, folder, files);
      if (target === undefined) continue;
      const download = fetchObject(object, target, options)
        .catch((error: unknown) => void failures.push(error))
        .finally(() => running.delete(download));
      running.add(download);
      if (running.size >= parallelDownloads) await Promise.race(running);
    }
  } finally {
    await Promise.all(running);
  }
  if (failures.length > 0) throw failures[0];
  if (found === 0) {
    throw downloadFailed(
      `No S3 objects found under S3 URL "${channel.source.uri}" given in input data source. Please ensure that the bucket exists and that objects exist under that S3 prefix (channel ${channel.name})`,
    );
  }
}

function downloadFailed(why: string, options?: ErrorOptions): ClientError {
  return new ClientError(`Data download failed: ${why}`, options);
}

async function* objectsUnder(
  objects: ObjectStorage,
  accountId: string,
  { bucket, key: prefix }: { bucket: string; key: string },
): AsyncGenerator<WantedObject> {
  for await (const { key } of objects.list(accountId, bucket, prefix)) {
    const path = pathOfObject(key, prefix);
    if (path) yield { bucket, key, path };
    // A key that is the prefix itself comes first; then that one object is meant.
    if (key === prefix && !prefix.endsWith("/")) return;
  }
}

async function readManifest(
  objects: ObjectStorage,
  accountId: string,
  { bucket, key }: { bucket: string; key: string },
  copy: string,
): Promise<unknown> {
  const uri = `s3://${bucket}/${key}`;
  const entry = await objects.stat(accountId, bucket, key);
  if (entry === undefined) throw downloadFailed(`the manifest ${uri} does not exist`);
  if (entry.size > maxManifestBytes) {
    throw downloadFailed(`the manifest ${uri} has ${entry.size} bytes, at most ${maxManifestBytes} are read`);
  }
  const chunks: Buffer[] = [];
  for await (const chunk of await objects.read(accountId, bucket, key)) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  await writeFile(copy, bytes, { flag: "wx" });
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw downloadFailed(`the manifest ${uri} is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

/** `[{"prefix": "s3://bucket/start"}, "rest of a key", …]` */
function* objectsOfManifest(manifest: unknown): Generator<WantedObject> {
  const rule = 'a manifest is a JSON array of {"prefix": "s3://bucket/prefix"} and then strings';
  if (!Array.isArray(manifest)) throw downloadFailed(rule);
  const [head, ...rest] = manifest as unknown[];
  const prefix = typeof head === "object" && head !== null && "prefix" in head ? head.prefix : undefined;
  const base = typeof prefix === "string" ? parseS3Uri(prefix) : undefined;
  if (base === undefined) throw downloadFailed(`${rule}; its first element is ${JSON.stringify(head)}`);
  for (const [index, entry] of rest.entries()) {
    if (typeof entry !== "string" || entry === "") {
      throw downloadFailed(`${rule}; its element ${index + 1} is ${JSON.stringify(entry)}`);
    }
    const key = base.key + entry;
    const path = pathOfObject(key, base.key);
    if (path) yield { bucket: base.bucket, key, path };
  }
}

/**
 * Makes the folders that an object needs.
 * @param files paths taken so far; the object's is added
 * @returns the file to write; undefined for a folder marker, which is only a folder
 */
async function place(object: WantedObject, folder: string, files: Set<string>): Promise<string | undefined> {
  const parents = object.path.slice(0, -1);
  const name = object.path.at(-1)!;
  for (let depth = 1; depth <= parents.length; depth += 1) {
    const parent = parents.slice(0, depth).join("/");
    if (files.has(parent)) throw conflict(object, `"${parent}" is also an object`);
  }
  await mkdir(join(folder, ...parents), { recursive: true });
  if (name === "") return undefined;
  files.add(object.path.join("/"));
  return join(folder, ...object.path);
}

function conflict(object: WantedObject, why: string, options?: ErrorOptions): ClientError {
  return downloadFailed(`the object s3://${object.bucket}/${object.key} cannot be a file: ${why}`, options);
}

async function fetchObject(
  object: WantedObject,
  file: string,
  { objects, accountId, signal }: { objects: ObjectStorage; accountId: string; signal: AbortSignal },
): Promise<void> {
  try {
    await objects.download(accountId, object.bucket, object.key, file, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" || code === "EISDIR") {
      throw conflict(object, "another object of the channel has its name", { cause: error });
    }
    if (!signal.aborted && (await objects.stat(accountId, object.bucket, object.key)) === undefined) {
      throw downloadFailed(`the object s3://${object.bucket}/${object.key} does not exist`, { cause: error });
    }
    throw error;
  }
}
