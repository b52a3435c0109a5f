import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { modelArtifactsUri, type OutputLocation, outputPrefix, uploadModel, uploadOutput } from "./artifacts.ts";
import { MemoryObjects } from "./ports.contract.ts";

let folder: string;
let objects: MemoryObjects;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sagebrush-artifacts-"));
  objects = new MemoryObjects();
});
afterEach(() => rm(folder, { recursive: true }));

const gzip: OutputLocation = { accountId: "1", bucket: "b", prefix: "out/job/output", compression: "GZIP" };
const none: OutputLocation = { ...gzip, compression: "NONE" };

/** What the system's tar, an independent reader, finds in an uploaded archive. */
function listed(key: string): string[] {
  const { stdout, status } = spawnSync("tar", ["-tvzf", "-"], {
    input: objects.objects.get(`b/${key}`)!,
    encoding: "utf8",
  });
  expect(status).toBe(0);
  return stdout
    .trim()
    .split("\n")
    .filter(Boolean)
    .map((line) => line.split(/\s+/).slice(0, 2).concat(line.split(/\s+/).slice(5)).join(" "));
}

test("members of model.tar.gz are relative to the model folder and belong to root", async () => {
  await mkdir(join(folder, "code"));
  await writeFile(join(folder, "xgboost-model"), "m", { mode: 0o644 });
  await writeFile(join(folder, "code", "inference.py"), "c", { mode: 0o644 });
  await mkdir(join(folder, "empty"), { mode: 0o755 });
  await uploadModel(objects, gzip, folder);
  expect(listed("out/job/output/model.tar.gz")).toEqual([
    "-rw-r--r-- root/root code/inference.py",
    "drwxr-xr-x root/root empty/",
    "-rw-r--r-- root/root xgboost-model",
  ]);
});

test("the times of files survive and the same files give the same bytes", async () => {
  await writeFile(join(folder, "a"), "1");
  await utimes(join(folder, "a"), 1_700_000_000, 1_700_000_000);
  await uploadModel(objects, gzip, folder);
  const first = objects.objects.get("b/out/job/output/model.tar.gz")!;
  await uploadModel(objects, gzip, folder);
  expect(objects.objects.get("b/out/job/output/model.tar.gz")!.equals(first)).toBe(true);
  const { stdout } = spawnSync("tar", ["-tvzf", "-"], {
    input: first,
    encoding: "utf8",
    env: { TZ: "UTC", PATH: process.env.PATH },
  });
  expect(stdout).toContain("2023-11-14 22:13");
});

test("an empty model folder makes an empty archive", async () => {
  await uploadModel(objects, gzip, folder);
  expect(listed("out/job/output/model.tar.gz")).toEqual([]);
});

test("output.tar.gz is made only when there is data", async () => {
  await uploadOutput(objects, gzip, folder);
  expect(objects.objects.size).toBe(0);
  await writeFile(join(folder, "report.txt"), "r");
  await uploadOutput(objects, gzip, folder);
  expect(listed("out/job/output/output.tar.gz").map((line) => line.split(" ").at(-1))).toEqual(["report.txt"]);
});

test("the output of a failed job has the failure at its root beside the data", async () => {
  const data = join(folder, "data");
  await mkdir(data);
  await writeFile(join(data, "report.txt"), "r");
  await writeFile(join(folder, "failure"), "why");
  await uploadOutput(objects, gzip, data, join(folder, "failure"));
  expect(
    listed("out/job/output/output.tar.gz")
      .map((line) => line.split(" ").at(-1))
      .toSorted((a, b) => (a! < b! ? -1 : 1)),
  ).toEqual(["data/report.txt", "failure"]);
});

test("without compression the files themselves are uploaded", async () => {
  await mkdir(join(folder, "code"));
  await writeFile(join(folder, "model.bin"), "m");
  await writeFile(join(folder, "code", "inference.py"), "c");
  await uploadModel(objects, none, folder);
  expect([...objects.objects.keys()].sort()).toEqual([
    "b/out/job/output/model/code/inference.py",
    "b/out/job/output/model/model.bin",
  ]);
  expect(modelArtifactsUri(none)).toBe("s3://b/out/job/output/model/");
  expect(modelArtifactsUri(gzip)).toBe("s3://b/out/job/output/model.tar.gz");
});

test("a link stays a link in an archive and is never followed out of the folder", async () => {
  await symlink("/etc/passwd", join(folder, "link"));
  await uploadModel(objects, gzip, folder);
  expect(listed("out/job/output/model.tar.gz")[0]).toMatch(/^lrwx.* link -> \/etc\/passwd$/);
  await expect(uploadModel(objects, none, folder)).rejects.toThrow("model/link is no regular file");
});

test.each([
  ["out", "out/job/output"],
  ["out/", "out/job/output"],
  ["a/b//", "a/b/job/output"],
  ["", "job/output"],
])("the output path %j gives the folder %j", (path, prefix) => {
  expect(outputPrefix(path, "job")).toBe(prefix);
});
