/**
 * The `/opt/ml` tree of one job host: the files through which a training container and the platform speak.
 *
 * Layout and file contents are SageMaker's training contract ("How Amazon SageMaker Provides Training Information" in
 * the developer guide); the shape of resourceconfig.json is that of a live job.
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Paths of the tree under a root that stands for `/opt/ml`. */
export interface MlTree {
  readonly root: string;
  readonly config: string;
  readonly data: string;
  readonly model: string;
  readonly output: string;
  readonly outputData: string;
  /** A failing workload leaves its reason here. */
  readonly failure: string;
}

export function mlTree(root: string): MlTree {
  return {
    root,
    config: join(root, "input", "config"),
    data: join(root, "input", "data"),
    model: join(root, "model"),
    output: join(root, "output"),
    outputData: join(root, "output", "data"),
    failure: join(root, "output", "failure"),
  };
}

/** What a container learns about one channel. */
export interface ChannelDescription {
  readonly name: string;
  readonly inputMode: "File";
  readonly distribution: "FullyReplicated" | "ShardedByS3Key";
  readonly contentType?: string;
  readonly compression?: "None" | "Gzip";
  readonly recordWrapper?: "None" | "RecordIO";
}

export interface HostDescription {
  /** e.g. `ml.m5.xlarge`; told to the workload, no machine is rented for it */
  readonly instanceType: string;
  /** `algo-1` … */
  readonly currentHost: string;
  readonly hosts: readonly string[];
}

/** Every value is passed on byte for byte, also when a client has put JSON into it. */
export function hyperparametersJson(hyperparameters: Readonly<Record<string, string>>): string {
  return JSON.stringify(hyperparameters);
}

/** Channel name to what the container may know of it: no S3 URI, and no ContentType where the caller gave none. */
export function inputDataConfigJson(channels: readonly ChannelDescription[]): string {
  const entries = channels.map((channel) => [
    channel.name,
    {
      ...(channel.contentType !== undefined && { ContentType: channel.contentType }),
      TrainingInputMode: channel.inputMode,
      S3DistributionType: channel.distribution,
      RecordWrapperType: channel.recordWrapper ?? "None",
      ...(channel.compression !== undefined && { CompressionType: channel.compression }),
    },
  ]);
  // A channel may be called "__proto__"; fromEntries defines it as an own property like any other.
  return JSON.stringify(Object.fromEntries(entries));
}

export function resourceConfigJson(host: HostDescription): string {
  const group = "homogeneousCluster";
  return JSON.stringify({
    current_host: host.currentHost,
    current_instance_type: host.instanceType,
    current_group_name: group,
    hosts: host.hosts,
    instance_groups: [{ instance_group_name: group, instance_type: host.instanceType, hosts: host.hosts }],
    network_interface_name: "eth0",
    topology: null,
  });
}

/** Makes the tree anew, without data; what an interrupted attempt left there is removed. */
export async function createMlTree(
  root: string,
  job: {
    readonly hyperparameters: Readonly<Record<string, string>>;
    readonly channels: readonly ChannelDescription[];
    readonly host: HostDescription;
  },
): Promise<MlTree> {
  const tree = mlTree(root);
  await rm(root, { recursive: true, force: true });
  // output/intermediate stays absent: toolkits take its presence as a sign that the platform uploads it.
  await Promise.all(
    [tree.config, tree.data, tree.model, tree.outputData].map((folder) => mkdir(folder, { recursive: true })),
  );
  await Promise.all([
    writeFile(join(tree.config, "hyperparameters.json"), hyperparametersJson(job.hyperparameters)),
    writeFile(join(tree.config, "inputdataconfig.json"), inputDataConfigJson(job.channels)),
    writeFile(join(tree.config, "resourceconfig.json"), resourceConfigJson(job.host)),
  ]);
  return tree;
}
