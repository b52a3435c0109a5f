/**
 * What jobs and endpoints need of neighbouring services. The server wires S3 and Logs behind these interfaces, or an
 * outside S3; jobs never import a service.
 */
import type { Readable } from "node:stream";

export interface ObjectEntry {
  readonly key: string;
  readonly size: number;
  readonly etag: string;
}

/** Objects of one account, as a job with the account's rights sees them. */
export interface ObjectStorage {
  bucketExists(accountId: string, bucket: string): Promise<boolean>;
  /** Objects whose key starts with `prefix` (plain string prefix), in UTF-8 byte order. */
  list(accountId: string, bucket: string, prefix: string): AsyncIterable<ObjectEntry>;
  /** undefined when there is no such object. */
  stat(accountId: string, bucket: string, key: string): Promise<ObjectEntry | undefined>;
  /** Copies an object's bytes to a new file (a reflink where the disk can). */
  download(accountId: string, bucket: string, key: string, file: string, signal?: AbortSignal): Promise<void>;
  read(accountId: string, bucket: string, key: string): Promise<Readable>;
  /** Writes an object durably; it appears whole or not at all. */
  upload(
    accountId: string,
    bucket: string,
    key: string,
    source: AsyncIterable<Uint8Array>,
    options?: { contentType?: string; metadata?: Readonly<Record<string, string>> },
  ): Promise<void>;
}

/**
 * Objects as the role of a job or an endpoint may see them: what its policies do not allow is refused with S3's AccessDenied.
 * Without a role, with the rights of the account.
 */
export type StorageOfRole = (workload: {
  readonly accountId: string;
  readonly region: string;
  readonly roleArn: string | undefined;
}) => ObjectStorage;

export interface LogEvent {
  /** ms since the epoch */
  readonly timestamp: number;
  readonly message: string;
}

export interface LogStreamKey {
  readonly accountId: string;
  readonly region: string;
  readonly group: string;
  readonly stream: string;
}

/** CloudWatch Logs as the platform writes it: group and stream are made on first use. */
export interface LogSink {
  /**
   * Appends events. With `sourceOffset` the append is idempotent: events of a source are kept once, however often
   * they are sent, as long as `sourceOffset` (position in the source after these events) only grows.
   */
  append(key: LogStreamKey, events: readonly LogEvent[], sourceOffset?: number): Promise<void>;
  /** The last `sourceOffset` that was kept; 0 when none. */
  sourceOffset(key: LogStreamKey): Promise<number>;
}

/** One value, or several of the same moment, of a metric. */
export interface MetricDatum {
  /** e.g. `/aws/sagemaker/TrainingJobs`, `AWS/SageMaker` */
  readonly namespace: string;
  readonly name: string;
  /** e.g. `{ TrainingJobName: "…" }`; at most 30. */
  readonly dimensions: Readonly<Record<string, string>>;
  /** A unit of CloudWatch, e.g. `Percent`, `Microseconds`, `Count`; `None` unless given. */
  readonly unit?: string;
  /** ms since the epoch */
  readonly timestamp: number;
  /** One value, or values and how often each occurred. */
  readonly value: number | readonly (readonly [value: number, count: number])[];
}

/** CloudWatch as the platform writes it. */
export interface MetricSink {
  /** Keeps the data; returns at once, for what measures must not wait for what is measured. */
  put(space: { readonly accountId: string; readonly region: string }, data: readonly MetricDatum[]): void;
}

/** Which workload runs under which role. */
export interface WorkloadIdentity {
  /** Of the compute backend; its credentials end with it. */
  readonly workloadId: string;
  readonly region: string;
  readonly roleArn: string;
  /** `[\w+=,.@-]{2,64}`, e.g. `SageMaker` for jobs, as AWS names these sessions. */
  readonly sessionName: string;
}

/** What a workload uses of its machine, as SageMaker's instance metrics tell it. */
export function usageData(
  share: { readonly cpuPercent: number; readonly memoryPercent: number; readonly diskPercent: number },
  about: Pick<MetricDatum, "namespace" | "dimensions" | "timestamp">,
): MetricDatum[] {
  const values = {
    CPUUtilization: share.cpuPercent,
    MemoryUtilization: share.memoryPercent,
    DiskUtilization: share.diskPercent,
  };
  return Object.entries(values).map(([name, value]) => ({ ...about, name, unit: "Percent", value }));
}

/** Temporary credentials of the role that a workload runs under, as variables of its environment. */
export interface WorkloadCredentials {
  /**
   * The variables by which SDKs find and renew the credentials (`AWS_CONTAINER_CREDENTIALS_FULL_URI` and
   * `AWS_CONTAINER_AUTHORIZATION_TOKEN`), and those that point them here (`AWS_ENDPOINT_URL`, `AWS_REGION`, …). They stay valid for the life of the
   * workload, also over a restart of the server on the same port.
   */
  environment(workload: WorkloadIdentity): Readonly<Record<string, string>>;
}

/** `s3://bucket/key…` in its parts; undefined when it is no S3 URI. */
export function parseS3Uri(uri: string): { bucket: string; key: string } | undefined {
  const match = /^s3:\/\/([^/]+)(?:\/(.*))?$/s.exec(uri);
  return match ? { bucket: match[1], key: match[2] ?? "" } : undefined;
}
