import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { MemoryStorage, archive } from "../../tests/support/serving/place.ts";
import { ArtifactError, defaultArtifactLimits, fetchModel, unpackModelArtifact } from "./model-artifact.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sagebrush-artifact-"));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const target = () => join(directory, "model");

async function unpack(bytes: Uint8Array, limits = defaultArtifactLimits): Promise<void> {
  await mkdir(target(), { recursive: true });
  await unpackModelArtifact(Readable.from([bytes]), target(), "s3://models/m.tar.gz", limits);
}

test("files and folders of an archive come out as they went in", async () => {
  await unpack(await archive({ "./": { type: "directory" }, "./xgboost-model": "trees", "code/inference.py": "pass" }));
  expect(await readFile(join(target(), "xgboost-model"), "utf8")).toBe("trees");
  expect(await readFile(join(target(), "code/inference.py"), "utf8")).toBe("pass");
});

const noTar = spawnSync("tar", ["--version"]).status !== 0;

test.skipIf(noTar)("an archive that the tar program wrote is read, long names included", async () => {
  const name = `${"deep/".repeat(30)}model.json`;
  await mkdir(join(directory, "in", "deep/".repeat(30)), { recursive: true });
  await writeFile(join(directory, "in", name), "{}");
  for (const format of ["gnu", "pax", "ustar"]) {
    const made = spawnSync("tar", [
      "-czf",
      join(directory, "a.tgz"),
      `--format=${format}`,
      "-C",
      join(directory, "in"),
      ".",
    ]);
    expect(made.stderr.toString()).toBe("");
    await unpack(await readFile(join(directory, "a.tgz")));
    expect(await readFile(join(target(), name), "utf8")).toBe("{}");
    await rm(target(), { recursive: true });
  }
});

test.each<[string, () => Promise<Uint8Array>, RegExp]>([
  ["is no gzip", async () => Buffer.from("hello, I am a model"), /valid tar\.gz archive.*incorrect header check/],
  ["is gzip but no tar", async () => gzipSync("x".repeat(2048)), /valid tar\.gz archive/],
  ["is empty", async () => gzipSync(""), /valid tar\.gz archive/],
  ["is a tar without entries", async () => gzipSync(Buffer.alloc(1024)), /the archive is empty/],
  [
    "is cut off",
    async () => (await archive({ m: "x".repeat(5000) })).subarray(0, 40),
    /valid tar\.gz archive.*unexpected end/,
  ],
  [
    "leaves its root",
    async () => archive({ "../evil": "x" }),
    /entry "\.\.\/evil" leaves the archive's root by "\.\."/,
  ],
  ["leaves its root from inside", async () => archive({ "a/../../evil": "x" }), /leaves the archive's root/],
  ["has an absolute path", async () => archive({ "/etc/evil": "x" }), /entry "\/etc\/evil" has an absolute path/],
  [
    "holds a symbolic link",
    async () => archive({ a: { type: "symlink", linkname: "/etc/passwd" } }),
    /entry "a" is a link/,
  ],
  ["holds a hard link", async () => archive({ a: { type: "link", linkname: "../../x" } }), /entry "a" is a link/],
  [
    "holds a device",
    async () => archive({ a: { type: "character-device" } }),
    /entry "a" is a character-device; only files and directories/,
  ],
])("an archive that %s is refused and nothing is left outside", async (_, make, message) => {
  const failed = unpack(await make());
  await expect(failed).rejects.toThrow(ArtifactError);
  await expect(failed).rejects.toThrow(message);
  await expect(failed).rejects.toThrow(/^Failed to extract model data archive from URL "s3:\/\/models\/m\.tar\.gz"/);
  expect(await readdir(directory)).toEqual(["model"]);
});

test("limits on entries, bytes and ratio are kept", async () => {
  const limits = { maxEntries: 2, maxBytes: 100_000, maxRatio: 50, ratioFloorBytes: 10_000 };
  await expect(unpack(await archive({ a: "1", b: "2", c: "3" }), limits)).rejects.toThrow("more than 2 entries");
  await expect(unpack(await archive({ a: "x".repeat(50_000) }), limits)).rejects.toThrow("more than 50 times its size");
  const noise = Array.from({ length: 40_000 }, (_, i) => ((i * 2_654_435_761) % 4_294_967_296).toString(36)).join("");
  await expect(unpack(await archive({ a: noise }), limits)).rejects.toThrow("more than 100000 bytes");
  await unpack(await archive({ a: "1", b: "2" }), limits);
});

test("a model appears whole or not at all", async () => {
  const storage = new MemoryStorage();
  storage.put("b", "bad.tar.gz", await archive({ good: "1", "../bad": "2" }));
  await expect(fetchModel(storage, "0", { kind: "archive", bucket: "b", key: "bad.tar.gz" }, target())).rejects.toThrow(
    ArtifactError,
  );
  expect(await readdir(directory)).toEqual([]);
  await fetchModel(storage, "0", undefined, target());
  expect(await readdir(target())).toEqual([]);
});

test("a prefix is copied with its folders, and names that leave it are refused", async () => {
  const storage = new MemoryStorage();
  storage.put("b", "m/", Buffer.from(""));
  storage.put("b", "m/model.json", Buffer.from("{}"));
  storage.put("b", "m/code/a.py", Buffer.from("pass"));
  await fetchModel(storage, "0", { kind: "prefix", bucket: "b", prefix: "m/" }, target());
  expect(await readFile(join(target(), "code/a.py"), "utf8")).toBe("pass");
  expect((await readdir(target())).sort()).toEqual(["code", "model.json"]);
  storage.put("b", "evil/../../x", Buffer.from("x"));
  await expect(
    fetchModel(storage, "0", { kind: "prefix", bucket: "b", prefix: "evil/" }, `${target()}2`),
  ).rejects.toThrow('Object "evil/../../x" of the model at s3://b/evil/ leaves the archive\'s root');
  await expect(
    fetchModel(storage, "0", { kind: "prefix", bucket: "b", prefix: "none/" }, `${target()}3`),
  ).rejects.toThrow("Could not find model data at s3://b/none/.");
});
