/** The composition root: builds every backend and service, wires them, and listens. The only place that says `new` to a backend. */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { LocalProcessBackend, type LimitDescription } from "../compute/local-process/local-process-backend.ts";
import type { Service } from "../protocol/service.ts";
import { ReconcilerEngine } from "../resources/reconciler.ts";
import { runtimeDirectory } from "../serving/runtime-directory.ts";
import { ensureDefaultRole } from "../services/iam/index.ts";
import { MetricStore } from "../services/cloudwatch/index.ts";
import { LogStore } from "../services/logs/log-store.ts";
import { BucketNotifications } from "../services/s3/index.ts";
import { ObjectStore } from "../services/s3/object-store.ts";
import { loadOrCreateRootCredentials } from "../services/sts/root-credentials.ts";
import { SecretKey } from "../services/sts/secret-key.ts";
import { FileBlobStore } from "../storage/file-blob-store.ts";
import { SqliteRecordStore } from "../storage/sqlite-record-store.ts";
import { SystemClock } from "../util/clock.ts";
import type { ServerConfig } from "./config.ts";
import { DataDirectory } from "./data-directory.ts";
import { listen } from "./http-server.ts";
import { RequestHandler } from "./request-handler.ts";
import { buildServices } from "./services.ts";
import { databaseFile, objectKeyFile, verificationPath, verificationRoute } from "./verification.ts";

export interface RunningServer {
  readonly url: string;
  readonly services: readonly Service[];
  /** The request chain without the socket. */
  readonly handler: RequestHandler;
  /** Stops answering and ends the replicas of endpoints; jobs go on by themselves and are adopted by the next start. */
  close(): Promise<void>;
}

/** One line per fault on standard error: time, what, request id; never a secret, for faults carry no input. */
function report(what: string, error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  console.error(`${new Date().toISOString()} ${what}: ${text}`);
}

/**
 * Starts a server. Resolves when it answers.
 * @throws DataDirectoryBusy, DataDirectoryUnusable, PortUnavailable, DatabaseUnusable
 */
export async function startServer(config: ServerConfig): Promise<RunningServer> {
  const directory = DataDirectory.open(config.dataDirectory);
  /** What must be closed, in the order of its making. */
  const closers: (() => Promise<void> | void)[] = [() => directory.release()];
  const closeAll = async () => {
    for (const close of closers.reverse()) await close();
  };
  try {
    const clock = new SystemClock();
    const startedAt = clock.now();
    const roots = new Map([[config.accountId, loadOrCreateRootCredentials(config.dataDirectory)]]);
    for (const id of config.otherAccounts) roots.set(id, loadOrCreateRootCredentials(config.dataDirectory, id));
    const secrets = SecretKey.load(config.dataDirectory);
    const records = new SqliteRecordStore({ file: join(directory.path, databaseFile) });
    closers.push(() => records.close());
    const blobs = await FileBlobStore.open(directory.folder("blobs"));
    for (const accountId of roots.keys()) await ensureDefaultRole(records, accountId, clock);
    const notifications = new BucketNotifications({ records, clock, onProblem: report });
    const objects = new ObjectStore({
      events: notifications,
      records,
      blobs,
      clock,
      keyFile: join(directory.path, objectKeyFile),
      onProblem: report,
    });
    const logs = await LogStore.open(records, directory.folder("logs"), clock, { onProblem: report });
    closers.push(() => logs.close());
    const metrics = await MetricStore.open({ directory: directory.folder("metrics"), clock, report });
    closers.push(() => metrics.close());
    const compute = new LocalProcessBackend(config.dataDirectory);
    closers.push(() => compute.close());
    const engine = new ReconcilerEngine({ records, clock, log: report });

    let url = `http://${config.host}:${config.port}`;
    const built = buildServices({
      baseUrl: () => url,
      roots,
      secrets,
      dataDirectory: directory.path,
      records,
      objects,
      notifications,
      outsideS3: config.outsideS3,
      logs,
      metrics,
      compute,
      engine,
      clock,
      runtimeDirectory: await runtimeDirectory(config.dataDirectory),
      maxConcurrentJobs: config.maxConcurrentJobs ?? Math.max(2, availableParallelism()),
      report,
    });

    const { services, lookup } = built;
    closers.push(() => built.close());
    // Reconcilers leave their steps before what they drive is closed.
    closers.push(() => engine.stop());

    const handler = new RequestHandler({
      services,
      lookup,
      authorizer: built.authorizer,
      noteUse: built.noteUse,
      clock,
      auth: config.auth,
      accountId: config.accountId,
      region: config.region,
      baseUrl: () => url,
      onFault: (error, { requestId, service, operation }) =>
        report(`${service}:${operation} (request ${requestId}) failed`, error),
    });
    // What is resumed is told the server's URL, so the port has to be known; requests wait until all is back.
    const back = signalOnce();
    const listener = await listen({
      host: config.host,
      port: config.port,
      handle: (request) => (back.given ? handler.handle(request) : back.promise.then(() => handler.handle(request))),
      routes: {
        "/_sagebrush/health": () => ({
          status: 200,
          headers: { "content-type": "application/json" },
          body: '{"status":"ok"}\n',
        }),
        [verificationPath]: verificationRoute(objects, secrets),
        ...built.routes,
      },
      onFault: (error) => report("a response could not be written", error),
    });
    closers.push(() => listener.close());
    // Answers that go on for ever end before the listener waits for them.
    closers.push(() => built.endStreams());
    url = listener.url;
    await built.resume();
    await engine.start();
    back.give();
    try {
      directory.announce({
        pid: process.pid,
        url,
        region: config.region,
        accountId: config.accountId,
        auth: config.auth,
        startedAt,
      });
    } catch (error) {
      // A full disk is emptied through the server, so the server runs; only the command line has to be told the port.
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      report(
        `the disk is full, so \`sagebrush env\` finds ${url} only by --port; free some space and start again`,
        error,
      );
    }
    const stopSweeping = sweepInBackground([
      // Younger blobs may belong to an upload that is under way; what is older than this process is not.
      () => objects.sweepOrphans({ olderThanMs: clock.now() - startedAt }),
      () => logs.sweep(),
    ]);
    closers.push(stopSweeping);
    return { url, services, handler, close: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** Something that many wait for and that happens once. */
function signalOnce(): { given: boolean; readonly promise: Promise<void>; give(): void } {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((done) => (resolve = done));
  const signal = {
    given: false,
    promise,
    give() {
      signal.given = true;
      resolve();
    },
  };
  return signal;
}

/** Bytes that a crash left without an owner are freed a little after the start, out of the way of the first requests. */
function sweepInBackground(sweeps: readonly (() => Promise<unknown>)[]): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  const timer = setTimeout(() => {
    running = (async () => {
      for (const sweep of sweeps) {
        try {
          await sweep();
        } catch (error) {
          report("a sweep failed; the next start tries again", error);
        }
      }
    })();
  }, 3000);
  timer.unref();
  return async () => {
    clearTimeout(timer);
    await running;
  };
}

/** What the process backend can limit on this machine, for `sagebrush doctor`. */
export function describeLimits(dataDirectory: string): readonly LimitDescription[] {
  return new LocalProcessBackend(dataDirectory).describeLimits();
}
