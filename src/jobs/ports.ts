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

/** `s3://bucket/key…` in its parts; undefined when it is no S3 URI. */
export function parseS3Uri(uri: string): { bucket: string; key: string } | undefined {
  const match = /^s3:\/\/([^/]+)(?:\/(.*))?$/s.exec(uri);
  return match ? { bucket: match[1], key: match[2] ?? "" } : undefined;
}
