/** Ports in memory, for tests of jobs that need neither S3 nor Logs. */
import { writeFile } from "node:fs/promises";
import { Readable } from "node:stream";
import type {
  LogEvent,
  LogSink,
  LogStreamKey,
  MetricDatum,
  MetricSink,
  ObjectEntry,
  ObjectStorage,
  WorkloadCredentials,
} from "./ports.ts";

/** For workloads that call nobody: they learn their region only. */
export const noCredentials: WorkloadCredentials = {
  environment: ({ region }) => ({ AWS_REGION: region, AWS_DEFAULT_REGION: region }),
};

export class MemoryObjects implements ObjectStorage {
  /** `bucket/key` to bytes */
  readonly objects = new Map<string, Buffer>();
  readonly buckets = new Set<string>();
  /** Called before every upload; may throw. */
  beforeUpload: (key: string) => void | Promise<void> = () => {};

  put(bucket: string, key: string, content: string | Buffer): this {
    this.buckets.add(bucket);
    this.objects.set(`${bucket}/${key}`, Buffer.from(content));
    return this;
  }

  async bucketExists(_accountId: string, bucket: string): Promise<boolean> {
    return this.buckets.has(bucket);
  }

  async *list(_accountId: string, bucket: string, prefix: string): AsyncGenerator<ObjectEntry> {
    for (const name of [...this.objects.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))) {
      if (name.startsWith(`${bucket}/${prefix}`)) yield this.#entry(name, bucket);
    }
  }

  async stat(_accountId: string, bucket: string, key: string): Promise<ObjectEntry | undefined> {
    return this.objects.has(`${bucket}/${key}`) ? this.#entry(`${bucket}/${key}`, bucket) : undefined;
  }

  #entry(name: string, bucket: string): ObjectEntry {
    return { key: name.slice(bucket.length + 1), size: this.objects.get(name)!.length, etag: "" };
  }

  async download(_accountId: string, bucket: string, key: string, file: string): Promise<void> {
    const bytes = this.objects.get(`${bucket}/${key}`);
    if (bytes === undefined) throw new Error(`no object ${bucket}/${key}`);
    await writeFile(file, bytes, { flag: "wx" });
  }

  async read(_accountId: string, bucket: string, key: string): Promise<Readable> {
    return Readable.from([this.objects.get(`${bucket}/${key}`)!]);
  }

  async upload(_accountId: string, bucket: string, key: string, source: AsyncIterable<Uint8Array>): Promise<void> {
    await this.beforeUpload(key);
    const chunks: Uint8Array[] = [];
    for await (const chunk of source) chunks.push(chunk);
    this.put(bucket, key, Buffer.concat(chunks));
  }
}

export class MemoryLogs implements LogSink {
  readonly streams = new Map<string, { events: LogEvent[]; offset: number }>();

  #stream(key: LogStreamKey): { events: LogEvent[]; offset: number } {
    const name = `${key.accountId}/${key.region}${key.group}:${key.stream}`;
    const found = this.streams.get(name) ?? { events: [], offset: 0 };
    this.streams.set(name, found);
    return found;
  }

  messages(key: LogStreamKey): string[] {
    return this.#stream(key).events.map((event) => event.message);
  }

  async append(key: LogStreamKey, events: readonly LogEvent[], sourceOffset?: number): Promise<void> {
    const stream = this.#stream(key);
    if (sourceOffset !== undefined) {
      if (sourceOffset <= stream.offset) return;
      stream.offset = sourceOffset;
    }
    stream.events.push(...events);
  }

  async sourceOffset(key: LogStreamKey): Promise<number> {
    return this.#stream(key).offset;
  }
}

export class MemoryMetrics implements MetricSink {
  readonly data: (MetricDatum & { readonly space: string })[] = [];

  put(space: { accountId: string; region: string }, data: readonly MetricDatum[]): void {
    for (const datum of data) this.data.push({ ...datum, space: `${space.accountId} ${space.region}` });
  }

  /** Values of one metric in the order in which they came. */
  values(name: string): MetricDatum["value"][] {
    return this.data.filter((datum) => datum.name === name).map(({ value }) => value);
  }
}
