/**
 * What S3 acknowledges is durable, and what it does not is not there in half: the server is killed with SIGKILL at random
 * moments of puts, overwrites, deletes, multipart completes, and puts and deletes of versions. Afterwards every
 * acknowledged object is there byte for byte, and the disk holds no byte that belongs to nothing.
 */
import { createHash, randomBytes } from "node:crypto";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  type ObjectVersion,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually, ServerProcess } from "../support/server-process.ts";

const kills = 9;
const workers = 6;
const mebibyte = 2 ** 20;
/** Objects up to this size have no file of their own. */
const fewBytes = 2048;

const server = new ServerProcess();
let s3: S3Client;

beforeAll(async () => {
  await server.start();
  s3 = new S3Client(server.clientOptions);
  await s3.send(new CreateBucketCommand({ Bucket: "plain" }));
  await s3.send(new CreateBucketCommand({ Bucket: "versions" }));
  const VersioningConfiguration = { Status: "Enabled" } as const;
  await s3.send(new PutBucketVersioningCommand({ Bucket: "versions", VersioningConfiguration }));
}, 60_000);

afterAll(async () => {
  await server.remove();
});

/** Whether a request failed because the server was gone; anything that it said itself is a failure of the test. */
function isCutOff(error: unknown): boolean {
  const { name, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
  if ($metadata?.httpStatusCode === undefined) return true;
  throw new Error(`the server said ${name}`, { cause: error });
}

/** Asks again until the server has answered. @param cut called after each request that was cut off */
async function insist<Answer>(ask: () => Promise<Answer>, cut: () => void = () => {}): Promise<Answer> {
  for (let tries = 0; tries < 600; tries += 1) {
    try {
      return await ask();
    } catch (error) {
      isCutOff(error);
      cut();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error("the server did not come back");
}

const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** undefined when there is none */
async function read(Bucket: string, Key: string, VersionId?: string): Promise<string | undefined> {
  return insist(async () => {
    try {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key, VersionId }));
      return digest(await Body!.transformToByteArray());
    } catch (error) {
      if ((error as Error).name === "NoSuchKey") return undefined;
      throw error;
    }
  });
}

const body = () => randomBytes(1 + Math.floor(Math.random() * 30_000));

/** Puts, overwrites, deletes and uploads in parts on one key; after each cut the key is as before or as asked for. */
async function plainWorker(Key: string, goOn: () => boolean): Promise<string | undefined> {
  let now: string | undefined;
  const step = async (wanted: string | undefined, ask: () => Promise<unknown>) => {
    let cut = false;
    const before = now;
    await insist(
      async () => {
        if (cut) expect([before, wanted]).toContain(await read("plain", Key));
        await ask();
      },
      () => (cut = true),
    );
    now = wanted;
    expect(await read("plain", Key)).toBe(now);
  };
  for (let round = 0; goOn(); round += 1) {
    if (round % 4 === 3) {
      await step(undefined, () => s3.send(new DeleteObjectCommand({ Bucket: "plain", Key })));
    } else if (round % 4 === 2) {
      const parts = round % 8 === 2 ? [randomBytes(5 * mebibyte), body()] : [body()];
      const { UploadId } = await insist(() => s3.send(new CreateMultipartUploadCommand({ Bucket: "plain", Key })));
      const Parts: { ETag: string | undefined; PartNumber: number }[] = [];
      for (const [index, Body] of parts.entries()) {
        const part = { Bucket: "plain", Key, UploadId, PartNumber: index + 1, Body };
        const { ETag } = await insist(() => s3.send(new UploadPartCommand(part)));
        Parts.push({ ETag, PartNumber: index + 1 });
      }
      const complete = { Bucket: "plain", Key, UploadId, MultipartUpload: { Parts } };
      await step(digest(Buffer.concat(parts)), () => s3.send(new CompleteMultipartUploadCommand(complete)));
    } else {
      const Body = body();
      const encryption = round % 2 === 0 ? {} : { ServerSideEncryption: "AES256" as const };
      await step(digest(Body), () => s3.send(new PutObjectCommand({ Bucket: "plain", Key, Body, ...encryption })));
    }
  }
  return now;
}

interface Ledger {
  /** Content of every version whose put was acknowledged and that was not removed again. */
  readonly versions: Map<string, string>;
  readonly removed: Set<string>;
  /** Contents that were asked for: a version whose answer was lost has one of them. */
  readonly asked: Set<string>;
}

async function versionWorker(Key: string, goOn: () => boolean): Promise<Ledger> {
  const ledger: Ledger = { versions: new Map(), removed: new Set(), asked: new Set() };
  for (let round = 0; goOn(); round += 1) {
    if (round % 5 === 4) {
      const { VersionId } = await insist(() => s3.send(new DeleteObjectCommand({ Bucket: "versions", Key })));
      expect(VersionId).toBeDefined();
    } else if (round % 5 === 3) {
      const [VersionId] = ledger.versions.keys();
      await insist(() => s3.send(new DeleteObjectCommand({ Bucket: "versions", Key, VersionId })));
      ledger.versions.delete(VersionId);
      ledger.removed.add(VersionId);
    } else {
      const Body = body();
      ledger.asked.add(digest(Body));
      const { VersionId } = await insist(() => s3.send(new PutObjectCommand({ Bucket: "versions", Key, Body })));
      ledger.versions.set(VersionId!, digest(Body));
    }
  }
  return ledger;
}

async function versionsOf(Prefix: string): Promise<ObjectVersion[]> {
  const all: ObjectVersion[] = [];
  let after: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } = {};
  for (;;) {
    const page = await s3.send(new ListObjectVersionsCommand({ Bucket: "versions", Prefix, ...after }));
    all.push(...(page.Versions ?? []));
    if (page.IsTruncated !== true) return all;
    after = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
  }
}

const blobs = () => server.files().filter((file) => /^blobs\/../.test(file));

test(
  "kill -9 at any moment loses nothing acknowledged, leaves nothing half, and leaks nothing",
  {
    timeout: 240_000,
  },
  async () => {
    let running = true;
    const goOn = () => running;
    const plain = Array.from({ length: workers }, (_, index) => plainWorker(`plain-${index}`, goOn));
    const versioned = Array.from({ length: workers }, (_, index) => versionWorker(`versioned-${index}`, goOn));
    for (let kill = 0; kill < kills; kill += 1) {
      await new Promise((resolve) => setTimeout(resolve, 200 + Math.random() * 1200));
      await server.kill();
      await server.start();
    }
    running = false;
    const contents = await Promise.all(plain);
    const ledgers = await Promise.all(versioned);
    await server.kill();
    await server.start();

    for (const [index, content] of contents.entries()) expect(await read("plain", `plain-${index}`)).toBe(content);
    let blobsWanted = 0;
    for (const { Key, ETag, Size } of (await s3.send(new ListObjectsV2Command({ Bucket: "plain" }))).Contents ?? []) {
      expect(contents[Number(Key!.slice("plain-".length))]).toBeDefined();
      blobsWanted += Number(/-(\d+)"$/.exec(ETag!)?.[1] ?? (Size! > fewBytes ? 1 : 0));
    }
    for (const [index, { versions, removed, asked }] of ledgers.entries()) {
      const Prefix = `versioned-${index}`;
      const Versions = await versionsOf(Prefix);
      blobsWanted += Versions.filter(({ Size }) => Size! > fewBytes).length;
      const listed = new Set(Versions.map(({ VersionId }) => VersionId));
      for (const id of versions.keys()) expect(listed).toContain(id);
      for (const id of removed) expect(listed).not.toContain(id);
      for (const { VersionId } of Versions) {
        const content = (await read("versions", Prefix, VersionId))!;
        if (versions.has(VersionId!)) expect(content).toBe(versions.get(VersionId!));
        else expect(asked).toContain(content);
      }
    }
    // Uploads whose creation was answered to nobody are still open; aborting them leaves what is listed.
    const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket: "plain" }));
    for (const { Key, UploadId } of Uploads) {
      await s3.send(new AbortMultipartUploadCommand({ Bucket: "plain", Key, UploadId }));
    }
    const left = await eventually(blobs, (files) => files.length === blobsWanted, 30_000);
    expect(left.filter((file) => file.startsWith("blobs/tmp/"))).toEqual([]);

    const verified = server.problems;
    expect(verified).toBe("");
  },
);
