/** What the tests of serving share: an object storage and a log sink in memory, model archives, and a fleet on real processes. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { packTar } from "modern-tar";
import type { TarHeader } from "modern-tar";
import { LocalProcessBackend } from "../../../src/compute/local-process/local-process-backend.ts";
import { noCredentials } from "../../../src/jobs/ports.contract.ts";
import type { LogEvent, LogSink, LogStreamKey, ObjectEntry, ObjectStorage } from "../../../src/jobs/ports.ts";
import { SystemClock } from "../../../src/util/clock.ts";
import { EndpointFleet } from "../../../src/serving/endpoint-fleet.ts";
import type { Deployment, VariantDeployment } from "../../../src/serving/endpoint-fleet.ts";
import { EndpointRouter } from "../../../src/serving/endpoint-router.ts";
import { runtimeDirectory } from "../../../src/serving/runtime-directory.ts";

export const tinyModelServer = fileURLToPath(new URL("./tiny-model-server.mjs", import.meta.url));

export class MemoryStorage implements ObjectStorage {
  readonly objects = new Map<string, Uint8Array>();

  put(bucket: string, key: string, bytes: Uint8Array): void {
    this.objects.set(`${bucket}/${key}`, bytes);
  }

  async bucketExists(_: string, bucket: string): Promise<boolean> {
    return [...this.objects.keys()].some((name) => name.startsWith(`${bucket}/`));
  }

  async *list(_: string, bucket: string, prefix: string): AsyncGenerator<ObjectEntry> {
    for (const name of [...this.objects.keys()].sort()) {
      if (name.startsWith(`${bucket}/${prefix}`)) yield this.#entry(name, name.slice(bucket.length + 1));
    }
  }

  async stat(_: string, bucket: string, key: string): Promise<ObjectEntry | undefined> {
    return this.objects.has(`${bucket}/${key}`) ? this.#entry(`${bucket}/${key}`, key) : undefined;
  }

  async download(_: string, bucket: string, key: string, file: string): Promise<void> {
    await writeFile(file, this.objects.get(`${bucket}/${key}`)!);
  }

  async read(_: string, bucket: string, key: string): Promise<Readable> {
    return Readable.from([this.objects.get(`${bucket}/${key}`)!]);
  }

  async upload(): Promise<void> {
    throw new Error("serving writes no objects");
  }

  #entry(name: string, key: string): ObjectEntry {
    return { key, size: this.objects.get(name)!.length, etag: "etag" };
  }
}

export class MemoryLogs implements LogSink {
  readonly streams = new Map<string, { events: LogEvent[]; offset: number }>();

  async append(key: LogStreamKey, events: readonly LogEvent[], sourceOffset = 0): Promise<void> {
    const stream = this.#stream(key);
    if (sourceOffset <= stream.offset) return;
    stream.events.push(...events);
    stream.offset = sourceOffset;
  }

  async sourceOffset(key: LogStreamKey): Promise<number> {
    return this.#stream(key).offset;
  }

  #stream(key: LogStreamKey) {
    const name = `${key.group}:${key.stream}`;
    const found = this.streams.get(name) ?? { events: [], offset: 0 };
    this.streams.set(name, found);
    return found;
  }
}

/** A `.tar.gz` of these files; a header instead of a text makes any other entry. */
export async function archive(entries: Readonly<Record<string, string | Partial<TarHeader>>>): Promise<Buffer> {
  const tar = await packTar(
    Object.entries(entries).map(([name, content]) =>
      typeof content === "string"
        ? { header: { name, size: Buffer.byteLength(content) }, body: content }
        : { header: { name, size: 0, ...content } },
    ),
  );
  return gzipSync(tar);
}

export const endpoint = { accountId: "000000000000", region: "us-east-1", endpointName: "scores" };

/** One server's worth of serving, on its own directory. */
export class Place {
  readonly storage = new MemoryStorage();
  readonly logs = new MemoryLogs();
  readonly clock = new SystemClock();
  readonly problems: string[] = [];
  readonly directory: string;
  readonly sockets: string;
  readonly #program: string | undefined;
  backend: LocalProcessBackend;
  router: EndpointRouter;
  fleet: EndpointFleet;

  /** @param replicas what a replica runs: the tiny model, or the built-in algorithms as a server has them */
  static async make(replicas: "tiny" | "built-in" = "tiny"): Promise<Place> {
    const directory = await mkdtemp(join(tmpdir(), "sagebrush-serving-"));
    return new Place(directory, await runtimeDirectory(directory), replicas === "tiny" ? tinyModelServer : undefined);
  }

  private constructor(directory: string, sockets: string, program: string | undefined) {
    this.#program = program;
    this.directory = directory;
    this.sockets = sockets;
    this.backend = new LocalProcessBackend(directory);
    this.router = new EndpointRouter(this.clock);
    this.fleet = this.#fleet();
  }

  /** The server goes, and another one comes on the same directory; the replicas stay. */
  async restart(): Promise<void> {
    await this.fleet.close();
    await this.backend.close();
    this.backend = new LocalProcessBackend(this.directory);
    this.router = new EndpointRouter(this.clock);
    this.fleet = this.#fleet();
  }

  #fleet(): EndpointFleet {
    const { backend, storage, logs, clock, router } = this;
    return new EndpointFleet({
      backend,
      storageOf: () => storage,
      credentials: noCredentials,
      logs,
      clock,
      router,
      directory: join(this.directory, "endpoints"),
      runtimeDirectory: this.sockets,
      modelServerProgram: this.#program,
      report: (message, error) =>
        this.problems.push(`${message}: ${error instanceof Error ? error.message : String(error)}`),
    });
  }

  async end(): Promise<void> {
    await this.fleet.close();
    for (const id of await this.backend.list()) await this.backend.remove(id);
    await this.backend.close();
    await rm(this.directory, { recursive: true, force: true });
    await rm(this.sockets, { recursive: true, force: true });
  }

  /** Puts a model of this weight into the storage and describes a variant of it. */
  async variant(name: string, weight: number, more: Partial<VariantDeployment> = {}): Promise<VariantDeployment> {
    this.storage.put("models", `${name}/model.tar.gz`, await archive({ "model.json": JSON.stringify({ weight }) }));
    return {
      name,
      image: "tiny",
      environment: {},
      modelData: { kind: "archive", bucket: "models", key: `${name}/model.tar.gz` },
      weight: 1,
      instanceCount: 1,
      routing: "RANDOM",
      startupTimeoutMs: 20_000,
      maxModelBytes: 1024 ** 2,
      ...more,
    };
  }

  async deploy(variants: readonly VariantDeployment[]): Promise<Deployment> {
    const deployment = { id: randomBytes(6).toString("hex"), endpoint, variants };
    await this.fleet.start(deployment);
    await this.fleet.ready(deployment, AbortSignal.timeout(20_000));
    this.fleet.route(deployment);
    return deployment;
  }

  async ask(body: string, targetVariant?: string): Promise<{ status: number; text: string; variant: string }> {
    const {
      status,
      body: answer,
      variant,
    } = await this.router.invoke(endpoint, {
      body: Buffer.from(body),
      headers: { "content-type": "text/csv" },
      targetVariant,
    });
    return { status, text: Buffer.from(answer).toString(), variant };
  }
}

/** Looks until the condition holds; fails after ten seconds. */
export async function eventually<T>(look: () => T | Promise<T>): Promise<NonNullable<T>> {
  for (let turn = 0; turn < 500; turn += 1) {
    const found = await look();
    if (found) return found as NonNullable<T>;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("it did not happen within ten seconds");
}
