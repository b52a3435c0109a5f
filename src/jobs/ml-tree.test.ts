import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createMlTree, hyperparametersJson, inputDataConfigJson, resourceConfigJson } from "./ml-tree.ts";

test("hyperparameters pass byte for byte, also those that hold JSON", () => {
  expect(hyperparametersJson({ num_round: "10", optimizer: '"adam"' })).toBe(
    '{"num_round":"10","optimizer":"\\"adam\\""}',
  );
  expect(hyperparametersJson({})).toBe("{}");
});

// Form and order of a captured file.
test("inputdataconfig.json describes channels without their S3 URIs", () => {
  const train = { name: "train", inputMode: "File", distribution: "FullyReplicated" } as const;
  expect(inputDataConfigJson([{ ...train, contentType: "text/csv" }])).toBe(
    '{"train":{"ContentType":"text/csv","TrainingInputMode":"File","S3DistributionType":"FullyReplicated","RecordWrapperType":"None"}}',
  );
  expect(inputDataConfigJson([{ ...train, compression: "Gzip" }])).toBe(
    '{"train":{"TrainingInputMode":"File","S3DistributionType":"FullyReplicated","RecordWrapperType":"None","CompressionType":"Gzip"}}',
  );
  expect(inputDataConfigJson([])).toBe("{}");
});

// The captured file of a live job.
test("resourceconfig.json has the shape of a live job's", () => {
  expect(resourceConfigJson({ instanceType: "ml.c5.xlarge", currentHost: "algo-1", hosts: ["algo-1"] })).toBe(
    '{"current_host":"algo-1","current_instance_type":"ml.c5.xlarge","current_group_name":"homogeneousCluster","hosts":["algo-1"],"instance_groups":[{"instance_group_name":"homogeneousCluster","instance_type":"ml.c5.xlarge","hosts":["algo-1"]}],"network_interface_name":"eth0","topology":null}',
  );
});

test("a tree is made anew and holds no output/intermediate", async () => {
  const root = await mkdtemp(join(tmpdir(), "sagebrush-ml-"));
  const job = {
    hyperparameters: {},
    channels: [],
    host: { instanceType: "ml.m5.large", currentHost: "algo-1", hosts: ["algo-1"] },
  };
  const tree = await createMlTree(root, job);
  await writeFile(join(tree.model, "old"), "of an attempt that was interrupted");
  await createMlTree(root, job);
  expect((await readdir(root, { recursive: true })).sort()).toEqual([
    "input",
    "input/config",
    "input/config/hyperparameters.json",
    "input/config/inputdataconfig.json",
    "input/config/resourceconfig.json",
    "input/data",
    "model",
    "output",
    "output/data",
  ]);
  expect(await readFile(join(tree.config, "hyperparameters.json"), "utf8")).toBe("{}");
  await rm(root, { recursive: true });
});
