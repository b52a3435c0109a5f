/** What a job leaves: packed and put into S3. */
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { pipeline, type Readable } from "node:stream";
import { createGzip } from "node:zlib";
import { packTar, type TarSource } from "modern-tar/fs";
import { ClientError } from "../algorithms/algorithm.ts";
import type { ObjectStorage } from "./ports.ts";

/** A folder of S3 for one job: `<S3OutputPath>/<job name>/output`. */
export interface OutputLocation {
  readonly accountId: string;
  readonly bucket: string;
  /** Key without a leading or trailing `/`. */
  readonly prefix: string;
  /** `NONE` puts the files themselves under `model/` and `data/`. */
  readonly compression: "GZIP" | "NONE";
}

/** The output folder of a job; slashes at the end of the path do not count. */
export function outputPrefix(path: string, jobName: string): string {
  return [path.replace(/\/+$/, ""), jobName, "output"].filter((part) => part !== "").join("/");
}

/** What `ModelArtifacts.S3ModelArtifacts` says: the archive, or the prefix of the files. */
export function modelArtifactsUri(location: OutputLocation): string {
  const folder = `s3://${location.bucket}/${location.prefix}`;
  return location.compression === "NONE" ? `${folder}/model/` : `${folder}/model.tar.gz`;
}

/**
 * Uploads the model folder; an empty one makes an empty archive.
 * @throws ClientError when a file cannot be an object
 */
export async function uploadModel(objects: ObjectStorage, location: OutputLocation, folder: string): Promise<void> {
  if (location.compression === "NONE") return uploadFiles(objects, location, folder, "model");
  await uploadArchive(objects, location, "model.tar.gz", await sourcesOf(folder, ""));
}

/**
 * Uploads the output data when there is any.
 * @param failure path of the failure file; then the archive holds it at its root, and the data beside it in `data/`
 */
export async function uploadOutput(
  objects: ObjectStorage,
  location: OutputLocation,
  folder: string,
  failure?: string,
): Promise<void> {
  if (location.compression === "NONE") return uploadFiles(objects, location, folder, "data");
  const data = await sourcesOf(folder, failure === undefined ? "" : "data/");
  const sources: TarSource[] =
    failure === undefined ? data : [{ type: "file", source: failure, target: "failure" }, ...data];
  if (sources.length > 0) await uploadArchive(objects, location, "output.tar.gz", sources);
}

async function uploadArchive(
  objects: ObjectStorage,
  location: OutputLocation,
  name: string,
  sources: readonly TarSource[],
): Promise<void> {
  await objects.upload(location.accountId, location.bucket, `${location.prefix}/${name}`, archive(sources), {
    contentType: "application/x-tar",
  });
}

/** A gzip-compressed tar stream. Owner and group are root's, as in a container; times are the files' own. */
function archive(sources: readonly TarSource[]): Readable {
  const tar = packTar(sources, {
    map: (header) => ({ ...header, uid: 0, gid: 0, uname: "root", gname: "root" }),
  });
  const gzip = createGzip();
  // The reader of `gzip` sees the error; the callback is there because pipeline wants one.
  pipeline(tar, gzip, () => {});
  return gzip;
}

/**
 * The files of a folder in path order, so that equal folders make equal archives. Folders come into being with their
 * files; only empty ones are entries of their own. Sockets and pipes that a workload left are not data.
 */
async function sourcesOf(folder: string, target: string): Promise<TarSource[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const parents = new Set(entries.map((entry) => entry.parentPath));
  return entries
    .map((entry) => ({ entry, source: join(entry.parentPath, entry.name) }))
    .filter(
      ({ entry, source }) => entry.isFile() || entry.isSymbolicLink() || (entry.isDirectory() && !parents.has(source)),
    )
    .map(({ entry, source }): TarSource => ({
      type: entry.isDirectory() ? "directory" : "file",
      source,
      target: target + pathIn(folder, source),
    }))
    .sort((a, b) => (a.target < b.target ? -1 : 1));
}

function pathIn(folder: string, file: string): string {
  return relative(folder, file).split(sep).join("/");
}

async function uploadFiles(
  objects: ObjectStorage,
  location: OutputLocation,
  folder: string,
  name: string,
): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  for (const entry of entries) {
    if (entry.isDirectory()) continue;
    const file = join(entry.parentPath, entry.name);
    const path = pathIn(folder, file);
    // A link could name any file of this machine; an archive keeps it as a link, an object cannot.
    if (!entry.isFile())
      throw new ClientError(
        `the output file ${name}/${path} is no regular file, so it cannot be uploaded uncompressed`,
      );
    await objects.upload(
      location.accountId,
      location.bucket,
      `${location.prefix}/${name}/${path}`,
      createReadStream(file),
    );
  }
}
