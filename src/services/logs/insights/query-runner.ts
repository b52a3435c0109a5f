/** Queries in the background: a few at a time, each with a timeout, their results kept for a while in memory. */
import { randomUUID } from "node:crypto";
import type { QueryStatus } from "../../../protocol/generated/logs.ts";
import type { Clock } from "../../../util/clock.ts";
import { limitExceeded } from "../errors.ts";
import type { LogStore } from "../log-store.ts";
import type { LogSpace } from "../records.ts";
import type { Plan, ResultCell } from "./plan.ts";
import { type QueryStatistics, runQuery, type ScannedGroup } from "./run-query.ts";
import { QueryTooLarge } from "./stages.ts";

export interface Query extends LogSpace {
  readonly id: string;
  readonly text: string;
  readonly groups: readonly ScannedGroup[];
  /** ms since the epoch */
  readonly createdAt: number;
  readonly by: string;
  readonly statistics: QueryStatistics;
  status: QueryStatus;
  durationMs: number;
  results: readonly (readonly ResultCell[])[];
}

/** Source: CloudWatch Logs quotas: concurrent queries, and their longest duration. */
const mostUnfinished = 100;
const timeoutMs = 60 * 60 * 1000;
/** Queries read and calculate in this process; more side by side end no sooner. */
const mostRunning = 2;
/** Queries that are remembered, and the characters of their results. */
const mostKept = 1000;
const mostKeptCharacters = 32 * 2 ** 20;

class Ended extends Error {
  readonly status: "Cancelled" | "Timeout";

  constructor(status: "Cancelled" | "Timeout") {
    super(`the query was ended: ${status}`);
    this.name = "Ended";
    this.status = status;
  }
}

export class QueryRunner {
  readonly #logs: LogStore;
  readonly #onProblem: (problem: string, cause: unknown) => void;
  /** By id, the oldest first. */
  readonly #queries = new Map<string, Query>();
  readonly #unfinished = new Map<string, AbortController>();
  readonly #sizes = new Map<string, number>();
  #waiting: (() => void)[] = [];
  #running = 0;
  #closed: Promise<unknown>[] = [];

  constructor(logs: LogStore, onProblem: (problem: string, cause: unknown) => void) {
    this.#logs = logs;
    this.#onProblem = onProblem;
  }

  /** @throws AwsError LimitExceededException */
  start(facts: Pick<Query, "accountId" | "region" | "text" | "groups" | "by">, plan: Plan, clock: Clock): Query {
    if (this.#unfinished.size >= mostUnfinished) {
      throw limitExceeded(`There are ${mostUnfinished} queries that have not ended; wait for them or stop some.`);
    }
    const query: Query = {
      ...facts,
      id: randomUUID(),
      createdAt: clock.now(),
      statistics: { recordsMatched: 0, recordsScanned: 0, bytesScanned: 0 },
      status: "Scheduled",
      durationMs: 0,
      results: [],
    };
    this.#queries.set(query.id, query);
    const ending = new AbortController();
    this.#unfinished.set(query.id, ending);
    const cancelTimeout = clock.schedule(timeoutMs, () => ending.abort(new Ended("Timeout")));
    const done = this.#run(query, plan, ending.signal, clock).finally(() => {
      cancelTimeout();
      this.#unfinished.delete(query.id);
      this.#forgetOldest();
      this.#closed = this.#closed.filter((other) => other !== done);
    });
    this.#closed.push(done);
    return query;
  }

  /** The query of the caller's own account and region. */
  find({ accountId, region }: LogSpace, id: string): Query | undefined {
    const query = this.#queries.get(id);
    return query?.accountId === accountId && query.region === region ? query : undefined;
  }

  /** Newest first. */
  list({ accountId, region }: LogSpace): Query[] {
    return [...this.#queries.values()]
      .filter((query) => query.accountId === accountId && query.region === region)
      .reverse();
  }

  /** @returns whether it had not ended yet */
  stop(query: Query): boolean {
    const ending = this.#unfinished.get(query.id);
    if (ending === undefined || ending.signal.aborted) return false;
    query.status = "Cancelled";
    ending.abort(new Ended("Cancelled"));
    return true;
  }

  /** Ends all queries. */
  async close(): Promise<void> {
    for (const ending of this.#unfinished.values()) ending.abort(new Ended("Cancelled"));
    await Promise.all(this.#closed);
  }

  async #run(query: Query, plan: Plan, signal: AbortSignal, clock: Clock): Promise<void> {
    await this.#turn();
    const started = clock.now();
    try {
      signal.throwIfAborted();
      query.status = "Running";
      const results = await runQuery(this.#logs, query, query.groups, plan, query.statistics, signal);
      signal.throwIfAborted();
      query.results = results;
      query.status = "Complete";
      this.#sizes.set(query.id, charactersIn(results));
    } catch (error) {
      query.status = error instanceof Ended ? error.status : "Failed";
      if (!(error instanceof Ended)) {
        const why = error instanceof QueryTooLarge ? error.message : "it failed";
        this.#onProblem(`the Insights query ${query.id} ended: ${why}`, error);
      }
    } finally {
      query.durationMs = clock.now() - started;
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #turn(): Promise<void> {
    if (this.#running >= mostRunning) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
  }

  #forgetOldest(): void {
    let characters = 0;
    for (const size of this.#sizes.values()) characters += size;
    for (const id of this.#queries.keys()) {
      if (this.#queries.size <= mostKept && characters <= mostKeptCharacters) return;
      if (this.#unfinished.has(id)) continue;
      // The last query is kept whatever its size: somebody waits for it.
      if (this.#queries.size === 1) return;
      characters -= this.#sizes.get(id) ?? 0;
      this.#sizes.delete(id);
      this.#queries.delete(id);
    }
  }
}

function charactersIn(results: Query["results"]): number {
  let characters = 0;
  for (const row of results) for (const { field, value } of row) characters += field.length + value.length;
  return characters;
}
