/**
 * The job contract: a tree is made and filled, a workload runs in it, its log is followed, its artifacts are put into S3.
 *
 * Every step may be repeated after a crash. Nothing is remembered here: the caller keeps the job's record and calls the
 * steps in order; the compute backend knows whether the workload was launched.
 */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ComputeBackend, WorkloadLogLine, WorkloadState } from "../compute/compute-backend.ts";
import { modelArtifactsUri, type OutputLocation, uploadModel, uploadOutput } from "./artifacts.ts";
import { type Channel, downloadChannel } from "./channels.ts";
import { algorithmFailure, readFailureFile, unfinished } from "./failure.ts";
import { StorageFull } from "../storage/record-store.ts";
import type { Clock } from "../util/clock.ts";
import { asInCloudWatch, type Metric, type MetricRule, MetricSearch } from "./metrics.ts";
import { type JobMonitoring, MetricReport } from "./metrics-report.ts";
import { createMlTree, type HostDescription, mlTree } from "./ml-tree.ts";
import type { LogEvent, LogSink, LogStreamKey, MetricSink, ObjectStorage, StorageOfRole } from "./ports.ts";

/** All that a job needs to run, whatever service made it. */
export interface Job {
  /** Unique for ever, `[a-z0-9-]{1,80}`: names its folder and its workload. */
  readonly id: string;
  readonly accountId: string;
  /** Under which its data is read and its artifacts are written. */
  readonly roleArn: string;
  readonly hyperparameters: Readonly<Record<string, string>>;
  readonly channels: readonly Channel[];
  readonly host: HostDescription;
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly maxRuntimeMs: number;
  readonly stopGraceMs: number;
  readonly log: LogStreamKey;
  /** Lines of the platform at the beginning of the log. */
  readonly notes: readonly string[];
  readonly metrics: readonly MetricRule[];
  /** Where its metrics appear while it runs. */
  readonly monitoring: JobMonitoring;
  readonly output: OutputLocation;
}

export interface JobOutcome {
  readonly result: "succeeded" | "failed" | "stopped" | "max-runtime";
  /** For `failed`, in the form of FailureReason. */
  readonly failureReason?: string;
  /** ms since the epoch */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly metrics: readonly Metric[];
}

/** Lines sent to the log at a time. */
const linesPerAppend = 1000;
/** Lines read ahead of a slow log before reading waits. */
const linesAhead = 10_000;

export interface JobRunnerOptions {
  readonly compute: ComputeBackend;
  readonly storageOf: StorageOfRole;
  readonly logs: LogSink;
  readonly metrics: MetricSink;
  readonly clock: Clock;
  /** Jobs live in `<dataDirectory>/jobs/<id>` while they run. */
  readonly dataDirectory: string;
  /** A failure behind the scenes that changes nothing for the job but must not be silent. */
  readonly report: (what: string, error: unknown) => void;
}

export class JobRunner {
  readonly #compute: ComputeBackend;
  readonly #storageOf: StorageOfRole;
  readonly #logs: LogSink;
  readonly #metrics: MetricSink;
  readonly #clock: Clock;
  readonly #report: (what: string, error: unknown) => void;
  readonly #directory: string;
  /** Jobs that are followed now. */
  readonly #searches = new Map<string, MetricSearch>();

  constructor(options: JobRunnerOptions) {
    this.#compute = options.compute;
    this.#storageOf = options.storageOf;
    this.#logs = options.logs;
    this.#metrics = options.metrics;
    this.#clock = options.clock;
    this.#report = options.report;
    this.#directory = join(options.dataDirectory, "jobs");
  }

  /** Whether the workload was ever launched; then its tree must not be touched. */
  async isLaunched(id: string): Promise<boolean> {
    return (await this.#compute.observe(id)).phase !== "unknown";
  }

  /**
   * Makes the `/opt/ml` tree and downloads the channels into it.
   * @throws ClientError when the data cannot be brought, StorageFull and others when this machine is to blame
   */
  async prepare(job: Job, signal: AbortSignal): Promise<void> {
    await mkdir(this.#folder(job.id), { recursive: true, mode: 0o700 });
    const tree = await createMlTree(this.#root(job.id), job);
    const objects = this.#objectsOf(job);
    for (const channel of job.channels) {
      await downloadChannel(channel, {
        objects,
        accountId: job.accountId,
        dataFolder: tree.data,
        signal,
      });
    }
  }

  async launch(job: Job): Promise<void> {
    const root = this.#root(job.id);
    await this.#compute.launch({
      id: job.id,
      command: job.command,
      env: job.env,
      cwd: root,
      mlRoot: root,
      stopGraceMs: job.stopGraceMs,
      maxRuntimeMs: job.maxRuntimeMs,
    });
  }

  /** Asks the workload to end; follow() tells when it has. */
  async stop(id: string): Promise<void> {
    await this.#compute.stop(id);
  }

  /**
   * Sends the workload's log to its stream, searching it for metrics, until the workload has ended.
   *
   * May be called again after a crash: the stream gets every line once. All lines are searched again, so that metrics
   * from before the crash count.
   * @throws the signal's reason when it aborts
   */
  async follow(job: Job, signal: AbortSignal): Promise<JobOutcome> {
    const search = new MetricSearch(job.metrics);
    const report = new MetricReport(this.#metrics, job.log, job.monitoring);
    const ended = new AbortController();
    const workload = { compute: this.#compute, id: job.id, folder: this.#directory };
    const sampling = report.sampleHost(workload, this.#clock, ended.signal).catch((error: unknown) => {
      this.#report(`what job ${job.id} uses of its machine is no longer told`, error);
    });
    this.#searches.set(job.id, search);
    try {
      const sent = await this.#logs.sourceOffset(job.log);
      const stream = new LogStreamWriter(this.#logs, job.log, search, sent, report);
      await stream.begin(job.notes);
      for await (const line of this.#compute.logs(job.id, 0, signal)) await stream.add(line);
      const exit = await this.#compute.exited(job.id, signal);
      await stream.end(exit.detail);
      return {
        ...(await this.#resultOf(job, exit)),
        startedAt: exit.startedAt,
        endedAt: exit.exitedAt,
        metrics: search.final,
      };
    } finally {
      this.#searches.delete(job.id);
      ended.abort();
      await sampling;
    }
  }

  /** The last value so far of every metric of a job that runs; undefined when it does not. */
  metricsOf(id: string): readonly Metric[] | undefined {
    return this.#searches.get(id)?.final;
  }

  async #resultOf(
    job: Job,
    exit: WorkloadState & { phase: "exited" },
  ): Promise<Pick<JobOutcome, "result" | "failureReason">> {
    switch (exit.stoppedBy) {
      case "stop":
        return { result: "stopped" };
      case "max-runtime":
        return { result: "max-runtime" };
      case "lost":
      case "launch-failed":
        return {
          result: "failed",
          failureReason: unfinished(exit.detail),
        };
      case undefined:
        if (exit.exitCode === 0) return { result: "succeeded" };
        return { result: "failed", failureReason: algorithmFailure(exit, await this.#failureText(job), exit.detail) };
    }
  }

  async #failureText(job: Job): Promise<string | undefined> {
    return readFailureFile(mlTree(this.#root(job.id)).failure);
  }

  /**
   * Puts what the job left into S3.
   * @returns the URI of the model; undefined when the job failed and so has none
   */
  async upload(job: Job, outcome: JobOutcome): Promise<string | undefined> {
    const tree = mlTree(this.#root(job.id));
    const failed = outcome.result === "failed";
    const failure = failed && (await this.#failureText(job)) !== undefined ? tree.failure : undefined;
    const objects = this.#objectsOf(job);
    await uploadOutput(objects, job.output, tree.outputData, failure);
    if (failed) return undefined;
    await uploadModel(objects, job.output, tree.model);
    return modelArtifactsUri(job.output);
  }

  /** Removes the workload and all files of a job; it may be called for a job that never began. */
  async discard(id: string): Promise<void> {
    await this.#compute.remove(id);
    await rm(this.#folder(id), { recursive: true, force: true });
  }

  /**
   * Discards what a crash left of jobs that have ended. To be called before jobs are made and driven.
   * @param prefix of the ids that the caller gives its jobs
   * @param living ids of jobs that have not ended
   */
  async sweep(prefix: string, living: ReadonlySet<string>): Promise<void> {
    const folders = await readdir(this.#directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw error;
    });
    const ids = new Set([...folders, ...(await this.#compute.list())]);
    for (const id of ids) if (id.startsWith(prefix) && !living.has(id)) await this.discard(id);
  }

  #objectsOf({ accountId, roleArn, log: { region } }: Job): ObjectStorage {
    return this.#storageOf({ accountId, region, roleArn });
  }

  #folder(id: string): string {
    return join(this.#directory, id);
  }

  #root(id: string): string {
    return join(this.#folder(id), "ml");
  }
}

/**
 * Sends lines to a log stream as fast as it takes them: what arrives while one batch is written becomes the next.
 *
 * Source offsets are the log's byte offsets plus one; 1 stands for the notes before the first line.
 */
class LogStreamWriter {
  readonly #logs: LogSink;
  readonly #key: LogStreamKey;
  readonly #metrics: MetricSearch;
  readonly #sent: number;
  readonly #report: MetricReport;
  /** Events that found no room on the disk. */
  #lost = 0;
  #lastOffset = 0;
  #waiting: WorkloadLogLine[] = [];
  #sending: Promise<void> | undefined;
  #failure: { error: unknown } | undefined;

  constructor(logs: LogSink, key: LogStreamKey, metrics: MetricSearch, sent: number, report: MetricReport) {
    this.#logs = logs;
    this.#key = key;
    this.#metrics = metrics;
    this.#sent = sent;
    this.#report = report;
  }

  async begin(notes: readonly string[]): Promise<void> {
    if (notes.length === 0 || this.#sent >= 1) return;
    const timestamp = Date.now();
    await this.#append(
      notes.map((message) => ({ timestamp, message })),
      1,
    );
  }

  async add(line: WorkloadLogLine): Promise<void> {
    this.#lastOffset = line.offset;
    this.#waiting.push(line);
    this.#sending ??= this.#send();
    if (this.#waiting.length > linesAhead) await this.#sending;
    this.#throwFailure();
  }

  /** @param note of the platform after the last line, e.g. that the disk was full and lines are missing */
  async end(note: string | undefined): Promise<void> {
    await this.#sending;
    this.#throwFailure();
    // One more than the offset of the last line, and less than that of any other.
    const offset = this.#lastOffset + 2;
    const lost = this.#lost === 0 ? [] : [`the disk was full, so ${this.#lost} lines are missing here`];
    const notes = note === undefined ? lost : [note, ...lost];
    if (notes.length === 0 || offset <= this.#sent) return;
    await this.#append([{ timestamp: Date.now(), message: `Sagebrush: ${notes.join("; ")}` }], offset);
  }

  /** A full disk costs lines of the log, never the job: its end must be seen, and may be what makes room. */
  async #append(events: readonly LogEvent[], offset: number): Promise<void> {
    try {
      await this.#logs.append(this.#key, events, offset);
    } catch (error) {
      if (!(error instanceof StorageFull)) throw error;
      this.#lost += events.length;
    }
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }

  async #send(): Promise<void> {
    try {
      // Lines that are there already come along in the first batch.
      await new Promise((resolve) => setImmediate(resolve));
      while (this.#waiting.length > 0) {
        const lines = this.#waiting.splice(0, linesPerAppend);
        const { found, givenUp } = this.#metrics.search(lines);
        const events: LogEvent[] = lines
          .filter((line) => line.offset + 1 > this.#sent && line.text !== "")
          .map((line) => ({ timestamp: line.timestamp, message: asInCloudWatch(line.text) }));
        const { offset, timestamp } = lines.at(-1)!;
        if (offset + 1 <= this.#sent) continue;
        for (const name of givenUp) events.push({ timestamp, message: `Sagebrush: ${slowRegex(name)}` });
        if (events.length > 0) await this.#append(events, offset + 1);
        // What the stream has is told as a metric already, and after the stream has it, it is not told again: a crash in
        // between costs values, but none is counted twice.
        this.#report.found(found.filter(({ line }) => lines[line].offset + 1 > this.#sent));
      }
    } catch (error) {
      this.#failure = { error };
    } finally {
      this.#sending = undefined;
    }
  }
}

function slowRegex(name: string): string {
  return `the regular expression of metric "${name}" took too long on several lines; the metric is not searched any more`;
}
