/**
 * The model artifact on its way to `/opt/ml/model`: `model.tar.gz` unpacked under limits, or a prefix copied as it is.
 *
 * Archives come from users. Nothing of an archive decides where a file goes: only plain files and directories below
 * the target are written, and it is refused as a whole otherwise.
 */
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Transform } from "node:stream";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { unpackTar } from "modern-tar/fs";
import type { ObjectStorage } from "../jobs/ports.ts";

export interface ArtifactLimits {
  readonly maxEntries: number;
  /** Bytes of all files together. */
  readonly maxBytes: number;
  /** Unpacked bytes per packed byte, looked at once `ratioFloorBytes` are unpacked. */
  readonly maxRatio: number;
  readonly ratioFloorBytes: number;
}

export const defaultArtifactLimits: ArtifactLimits = {
  maxEntries: 10_000,
  maxBytes: 30 * 1024 ** 3,
  // DEFLATE cannot exceed 1032; real models stay below 20. Small archives may be all zeros for all we care.
  maxRatio: 200,
  ratioFloorBytes: 64 * 1024 ** 2,
};

/** Where a model's files are. */
export type ModelData =
  | { readonly kind: "archive"; readonly bucket: string; readonly key: string }
  | { readonly kind: "prefix"; readonly bucket: string; readonly prefix: string };

/** The artifact itself is at fault: trying again does not help. The message is for FailureReason. */
export class ArtifactError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ArtifactError";
  }
}

/**
 * Brings a model's files to `directory`, which appears complete or not at all.
 *
 * @throws ArtifactError when the object is missing or must not be unpacked
 */
export async function fetchModel(
  storage: ObjectStorage,
  accountId: string,
  data: ModelData | undefined,
  directory: string,
  options: { limits?: ArtifactLimits; signal?: AbortSignal } = {},
): Promise<void> {
  const limits = options.limits ?? defaultArtifactLimits;
  const partial = `${directory}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  try {
    if (data?.kind === "archive") {
      const url = `s3://${data.bucket}/${data.key}`;
      if ((await storage.stat(accountId, data.bucket, data.key)) === undefined)
        throw new ArtifactError(`Could not find model data at ${url}.`);
      await unpackModelArtifact(
        await storage.read(accountId, data.bucket, data.key),
        partial,
        url,
        limits,
        options.signal,
      );
    } else if (data?.kind === "prefix") {
      await copyPrefix(storage, accountId, data, partial, limits, options.signal);
    }
    await rename(partial, directory);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Unpacks a gzip-compressed tar archive into an empty directory.
 *
 * @param source the bytes of the archive
 * @param name   what to call the archive in errors, e.g. its S3 URL
 * @throws ArtifactError naming the archive, the entry and the rule
 */
export async function unpackModelArtifact(
  source: Readable,
  directory: string,
  name: string,
  limits: ArtifactLimits = defaultArtifactLimits,
  signal?: AbortSignal,
): Promise<void> {
  const refuse = (why: string) => new ArtifactError(`Failed to extract model data archive from URL "${name}": ${why}.`);
  const packed = { bytes: 0 };
  let unpacked = 0;
  let entries = 0;

  const countPacked = new Transform({
    transform(chunk: Buffer, _, done) {
      packed.bytes += chunk.length;
      done(null, chunk);
    },
  });
  const guardSize = new Transform({
    transform(chunk: Buffer, _, done) {
      unpacked += chunk.length;
      if (unpacked > limits.maxBytes) done(refuse(`it unpacks to more than ${limits.maxBytes} bytes`));
      else if (unpacked > limits.ratioFloorBytes && unpacked > packed.bytes * limits.maxRatio) {
        done(refuse(`it unpacks to more than ${limits.maxRatio} times its size, which no model does`));
      } else done(null, chunk);
    },
  });
  const untar = unpackTar(directory, {
    strict: true,
    fmode: 0o644,
    dmode: 0o755,
    maxDepth: 64,
    filter(header) {
      entries += 1;
      if (entries > limits.maxEntries) throw refuse(`it has more than ${limits.maxEntries} entries`);
      const problem = entryProblem(header.type ?? "file", header.name);
      if (problem !== undefined) throw refuse(`entry ${JSON.stringify(header.name)} ${problem}`);
      // The root itself, as `tar -C model .` writes it.
      return !/^(\.\/*)+$/.test(header.name);
    },
  });

  try {
    await pipeline(source, countPacked, createGunzip(), guardSize, untar, { signal });
  } catch (error) {
    if (error instanceof ArtifactError || signal?.aborted) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? "";
    // Errors of zlib and of the tar reader say that the bytes are wrong; those of the disk and of S3 are not the user's.
    if (code.startsWith("Z_") || code === "") {
      throw new ArtifactError(
        `Failed to extract model data archive from URL "${name}". Please ensure that the object located at the URL is a valid tar.gz archive. (${(error as Error).message})`,
        { cause: error },
      );
    }
    throw error;
  }
  if (entries === 0) throw refuse("the archive is empty");
}

/** Why an archive's entry is refused; undefined when it may be written. */
function entryProblem(type: string, name: string): string | undefined {
  if (type === "symlink" || type === "link")
    return "is a link, and links are not unpacked; put the file itself into the archive";
  if (type !== "file" && type !== "directory") return `is a ${type}; only files and directories are unpacked`;
  if (name.startsWith("/") || /^[A-Za-z]:[\\/]/.test(name))
    return "has an absolute path; paths must be relative to the archive's root";
  if (name.split(/[\\/]/).includes("..")) return 'leaves the archive\'s root by ".."';
  if (name.includes("\0")) return "has a NUL byte in its name";
  return undefined;
}

async function copyPrefix(
  storage: ObjectStorage,
  accountId: string,
  data: ModelData & { kind: "prefix" },
  directory: string,
  limits: ArtifactLimits,
  signal: AbortSignal | undefined,
): Promise<void> {
  const url = `s3://${data.bucket}/${data.prefix}`;
  let entries = 0;
  let bytes = 0;
  for await (const object of storage.list(accountId, data.bucket, data.prefix)) {
    const name = object.key.slice(data.prefix.length);
    if (name === "" || name.endsWith("/")) continue;
    const problem = entryProblem("file", name) ?? (name.includes("//") ? "has an empty folder name" : undefined);
    if (problem !== undefined)
      throw new ArtifactError(`Object ${JSON.stringify(object.key)} of the model at ${url} ${problem}.`);
    entries += 1;
    bytes += object.size;
    if (entries > limits.maxEntries)
      throw new ArtifactError(`The model at ${url} has more than ${limits.maxEntries} objects.`);
    if (bytes > limits.maxBytes)
      throw new ArtifactError(`The model at ${url} is larger than ${limits.maxBytes} bytes.`);
    const file = join(directory, name);
    await mkdir(dirname(file), { recursive: true });
    await storage.download(accountId, data.bucket, object.key, file, signal);
  }
  if (entries === 0) throw new ArtifactError(`Could not find model data at ${url}.`);
}
