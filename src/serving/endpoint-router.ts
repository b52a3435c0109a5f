/**
 * The data path of inference: which replica answers a request, and what became of it.
 *
 * The table is in memory and made by `endpoint-fleet.ts`. A request costs one map look-up, one choice by weight, one
 * HTTP/1.1 exchange on a Unix socket that is kept open; bodies are handed through, not copied. undici's `dispatch`
 * is used directly because it takes a third of the time of `http.request` (16 to 48 microseconds per call, Node 20).
 */
import type { Dispatcher } from "undici";
import type { Clock } from "../util/clock.ts";

/** Largest body of a response. */
export const maxResponseBytes = 26_214_400;
/** A model has this long to answer, waiting included. */
export const invocationTimeoutMs = 60_000;
/** How long a request waits for a replica that is being replaced. */
const replacementWaitMs = 10_000;
/** Unanswered requests of one variant; more are turned away. */
const maxOutstanding = 2_000;
/** Variants that are gone and whose last deeds nobody asked for yet. */
const maxDeparted = 1_000;

export type RoutingStrategy = "RANDOM" | "LEAST_OUTSTANDING_REQUESTS";

export interface EndpointKey {
  readonly accountId: string;
  readonly region: string;
  readonly endpointName: string;
}

/** A replica as the router sees it. */
export interface RoutedReplica {
  /** The workload that it is. */
  readonly id: string;
  readonly pool: Dispatcher;
  /** Requests sent to it and not yet answered; the router counts. */
  outstanding: number;
  /** A connection to it broke. */
  doubt(): void;
}

/** A variant as the router sees it; the replicas change as they come and go. */
export interface RoutedVariant {
  readonly name: string;
  /** Share of the traffic: weight / sum of weights. */
  readonly weight: number;
  readonly routing: RoutingStrategy;
  readonly replicas: () => readonly RoutedReplica[];
}

export interface InvocationRequest {
  readonly body: Uint8Array;
  /** Request headers of the container, lower-case; absent ones left out. */
  readonly headers: Record<string, string>;
  readonly targetVariant?: string;
  /** Aborts when the client hangs up. */
  readonly signal?: AbortSignal;
}

/** What the container answered, whatever its status. */
export interface InvocationResponse {
  readonly variant: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Uint8Array;
}

export type RoutingProblem = "no-endpoint" | "no-variant" | "no-traffic" | "no-replica" | "overloaded";

/** The request reached no model. */
export class NotRouted extends Error {
  readonly problem: RoutingProblem;
  constructor(problem: RoutingProblem) {
    super(problem);
    this.name = "NotRouted";
    this.problem = problem;
  }
}

/** The request reached a model, or may have, and there is no answer of it. */
export class NoAnswer extends Error {
  readonly variant: string;
  readonly reason: "timeout" | "replica-died" | "too-large" | "hung-up";
  constructor(variant: string, reason: NoAnswer["reason"], options?: ErrorOptions) {
    super(reason, options);
    this.name = "NoAnswer";
    this.variant = variant;
    this.reason = reason;
  }
}

/** Sums since the server started; latencies in microseconds. */
export interface VariantMetrics {
  readonly endpoint: EndpointKey;
  readonly variantName: string;
  readonly instances: number;
  readonly invocations: number;
  readonly invocation4XXErrors: number;
  readonly invocation5XXErrors: number;
  readonly invocationModelErrors: number;
  readonly modelLatencyMicros: LatencySum;
  readonly overheadLatencyMicros: LatencySum;
}

export interface LatencySum {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
}

/** A latency in microseconds and how often it occurred. */
export type LatencyCount = readonly [micros: number, count: number];

/** What a variant did since the last look. */
export interface VariantActivity {
  readonly endpoint: EndpointKey;
  readonly variantName: string;
  /** The workloads that serve it now. */
  readonly replicas: readonly string[];
  /** Requests that replicas are answering now. */
  readonly concurrent: number;
  readonly invocations: number;
  readonly invocation4XXErrors: number;
  readonly invocation5XXErrors: number;
  readonly invocationModelErrors: number;
  /** To three digits, so that they are few. */
  readonly modelLatencies: readonly LatencyCount[];
  readonly overheadLatencies: readonly LatencyCount[];
}

class Latency implements LatencySum {
  #recent = new Map<number, number>();
  count = 0;
  sum = 0;
  min = Number.POSITIVE_INFINITY;
  max = 0;

  add(micros: number): void {
    this.count += 1;
    this.sum += micros;
    if (micros < this.min) this.min = micros;
    if (micros > this.max) this.max = micros;
    const shown = toThreeDigits(micros);
    this.#recent.set(shown, (this.#recent.get(shown) ?? 0) + 1);
  }

  /** What was added since the last call. */
  takeRecent(): LatencyCount[] {
    const recent = [...this.#recent];
    this.#recent = new Map();
    return recent;
  }

  snapshot(): LatencySum {
    const { count, sum, min, max } = this;
    return { count, sum, min: count === 0 ? 0 : min, max };
  }
}

/** Kept while a variant keeps its name, so that an update of the endpoint loses no count. */
class Counters {
  invocations = 0;
  errors4XX = 0;
  errors5XX = 0;
  modelErrors = 0;
  readonly modelLatency = new Latency();
  readonly overheadLatency = new Latency();
  #seen = { invocations: 0, errors4XX: 0, errors5XX: 0, modelErrors: 0 };

  /** What was counted since the last call. */
  takeRecent(): Omit<VariantActivity, "endpoint" | "variantName" | "replicas" | "concurrent"> {
    const { invocations, errors4XX, errors5XX, modelErrors } = this;
    const before = this.#seen;
    this.#seen = { invocations, errors4XX, errors5XX, modelErrors };
    return {
      invocations: invocations - before.invocations,
      invocation4XXErrors: errors4XX - before.errors4XX,
      invocation5XXErrors: errors5XX - before.errors5XX,
      invocationModelErrors: modelErrors - before.modelErrors,
      modelLatencies: this.modelLatency.takeRecent(),
      overheadLatencies: this.overheadLatency.takeRecent(),
    };
  }
}

interface LiveVariant {
  readonly variant: RoutedVariant;
  readonly counters: Counters;
  outstanding: number;
  /** Requests that wait for a replica. */
  readonly waiting: Set<() => void>;
}

interface LiveEndpoint {
  readonly key: EndpointKey;
  readonly variants: readonly LiveVariant[];
  readonly byName: ReadonlyMap<string, LiveVariant>;
  readonly totalWeight: number;
}

export class EndpointRouter {
  readonly #endpoints = new Map<string, LiveEndpoint>();
  readonly #clock: Clock;
  readonly #random: () => number;
  /** Last deeds of variants that are gone. */
  #departed: VariantActivity[] = [];

  /** @param random uniform in [0, 1) */
  constructor(clock: Clock, random: () => number = Math.random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Puts an endpoint into the table or replaces it. Counters of a variant that stays under its name go on. */
  set(key: EndpointKey, variants: readonly RoutedVariant[]): void {
    const before = this.#endpoints.get(nameOf(key));
    const live = variants.map((variant) => ({
      variant,
      counters: before?.byName.get(variant.name)?.counters ?? new Counters(),
      outstanding: 0,
      waiting: new Set<() => void>(),
    }));
    this.#endpoints.set(nameOf(key), {
      key,
      variants: live,
      byName: new Map(live.map((variant) => [variant.variant.name, variant])),
      totalWeight: live.reduce((sum, { variant }) => sum + variant.weight, 0),
    });
    if (before === undefined) return;
    const names = new Set(variants.map(({ name }) => name));
    this.#depart(
      before,
      before.variants.filter(({ variant }) => !names.has(variant.name)),
    );
    wake(before);
  }

  delete(key: EndpointKey): void {
    const endpoint = this.#endpoints.get(nameOf(key));
    this.#endpoints.delete(nameOf(key));
    if (endpoint === undefined) return;
    this.#depart(endpoint, endpoint.variants);
    wake(endpoint);
  }

  /** Tells waiting requests that a variant's replicas changed. */
  replicasChanged(key: EndpointKey): void {
    const endpoint = this.#endpoints.get(nameOf(key));
    if (endpoint !== undefined) wake(endpoint);
  }

  metrics(): readonly VariantMetrics[] {
    return [...this.#endpoints.values()].flatMap(({ key, variants }) =>
      variants.map(({ variant, counters }) => ({
        endpoint: key,
        variantName: variant.name,
        instances: variant.replicas().length,
        invocations: counters.invocations,
        invocation4XXErrors: counters.errors4XX,
        invocation5XXErrors: counters.errors5XX,
        invocationModelErrors: counters.modelErrors,
        modelLatencyMicros: counters.modelLatency.snapshot(),
        overheadLatencyMicros: counters.overheadLatency.snapshot(),
      })),
    );
  }

  /** What every variant did since the last call, those among them that are gone. */
  takeActivity(): readonly VariantActivity[] {
    const departed = this.#departed;
    this.#departed = [];
    const present = [...this.#endpoints.values()].flatMap(({ key, variants }) =>
      variants.map((live) => activityOf(key, live)),
    );
    return [...departed, ...present];
  }

  #depart({ key }: LiveEndpoint, variants: readonly LiveVariant[]): void {
    const activities = variants.map((live) => activityOf(key, live));
    this.#departed.push(...activities.filter(({ invocations }) => invocations > 0));
    // Nobody may be asking.
    this.#departed.splice(0, this.#departed.length - maxDeparted);
  }

  /**
   * Sends a request to a replica of the endpoint.
   *
   * It is sent again, to another replica, only when it certainly was not sent before; a prediction is never asked twice.
   *
   * @throws NotRouted when no model saw it, NoAnswer when one did and did not answer
   */
  async invoke(key: EndpointKey, request: InvocationRequest): Promise<InvocationResponse> {
    const arrived = performance.now();
    const deadline = this.#clock.now() + invocationTimeoutMs;
    for (;;) {
      const endpoint = this.#endpoints.get(nameOf(key));
      if (endpoint === undefined) throw new NotRouted("no-endpoint");
      const live = this.#choose(endpoint, request.targetVariant);
      const replica = pickReplica(live.variant, this.#random);
      if (replica === undefined) {
        if (this.#clock.now() >= deadline) throw new NotRouted("no-replica");
        await this.#waitForReplica(live, request.signal);
        continue;
      }
      if (live.outstanding >= maxOutstanding) throw new NotRouted("overloaded");
      live.outstanding += 1;
      replica.outstanding += 1;
      const sentAt = performance.now();
      try {
        const response = await this.#exchange(live.variant.name, replica, request, deadline);
        count(live.counters, response.status, arrived, sentAt);
        return response;
      } catch (error) {
        if (error instanceof NotSent || (error instanceof NoAnswer && error.reason === "replica-died")) replica.doubt();
        if (error instanceof NotSent) {
          if (this.#clock.now() >= deadline) throw new NotRouted("no-replica");
          continue;
        }
        if (error instanceof NoAnswer && error.reason !== "hung-up") count(live.counters, 500, arrived, sentAt);
        throw error;
      } finally {
        live.outstanding -= 1;
        replica.outstanding -= 1;
      }
    }
  }

  #choose(endpoint: LiveEndpoint, target: string | undefined): LiveVariant {
    if (target !== undefined) {
      const found = endpoint.byName.get(target);
      if (found === undefined) throw new NotRouted("no-variant");
      return found;
    }
    if (endpoint.variants.length === 1 && endpoint.totalWeight > 0) return endpoint.variants[0];
    return chooseByWeight(endpoint.variants, endpoint.totalWeight, this.#random());
  }

  #waitForReplica(live: LiveVariant, signal: AbortSignal | undefined): Promise<void> {
    if (live.waiting.size >= maxOutstanding) throw new NotRouted("overloaded");
    return new Promise((resolve, reject) => {
      const settle = (then: () => void) => {
        cancel();
        signal?.removeEventListener("abort", hungUp);
        live.waiting.delete(changed);
        then();
      };
      const changed = () => settle(resolve);
      const hungUp = () => settle(() => reject(new NoAnswer(live.variant.name, "hung-up")));
      const cancel = this.#clock.schedule(replacementWaitMs, () => settle(() => reject(new NotRouted("no-replica"))));
      live.waiting.add(changed);
      signal?.addEventListener("abort", hungUp, { once: true });
    });
  }

  #exchange(
    variant: string,
    replica: RoutedReplica,
    request: InvocationRequest,
    deadline: number,
  ): Promise<InvocationResponse> {
    return new Promise((resolve, reject) => {
      let sent: Dispatcher.DispatchController | undefined;
      let status = 0;
      let headers: InvocationResponse["headers"] = {};
      let body: Uint8Array | undefined;
      let more: Uint8Array[] | undefined;
      let size = 0;
      let problem: NoAnswer | undefined;

      // One request is answered or given up; a request that is given up before it was sent is dropped when its turn comes.
      const giveUp = (reason: NoAnswer["reason"]) => {
        problem = new NoAnswer(variant, reason);
        sent?.abort(problem);
        finish();
        reject(problem);
      };
      const cancelTimeout = this.#clock.schedule(deadline - this.#clock.now(), () => giveUp("timeout"));
      const hungUp = () => giveUp("hung-up");
      request.signal?.addEventListener("abort", hungUp, { once: true });
      const finish = () => {
        cancelTimeout();
        request.signal?.removeEventListener("abort", hungUp);
      };

      replica.pool.dispatch(
        { path: "/invocations", method: "POST", headers: request.headers, body: request.body },
        {
          onRequestStart(controller) {
            sent = controller;
            if (problem !== undefined) controller.abort(problem);
          },
          onResponseStart(_, statusCode, responseHeaders) {
            status = statusCode;
            headers = responseHeaders;
          },
          onResponseData(_, chunk) {
            size += chunk.length;
            if (size > maxResponseBytes) giveUp("too-large");
            else if (body === undefined) body = chunk;
            else (more ??= [body]).push(chunk);
          },
          onResponseEnd() {
            finish();
            resolve({
              variant,
              status,
              headers,
              body: more === undefined ? (body ?? empty) : Buffer.concat(more, size),
            });
          },
          onResponseError(_, error) {
            finish();
            reject(
              problem ?? (sent === undefined ? new NotSent() : new NoAnswer(variant, "replica-died", { cause: error })),
            );
          },
        },
      );
    });
  }
}

const empty = new Uint8Array(0);

function activityOf(endpoint: EndpointKey, { variant, counters, outstanding }: LiveVariant): VariantActivity {
  return {
    endpoint,
    variantName: variant.name,
    replicas: variant.replicas().map(({ id }) => id),
    concurrent: outstanding,
    ...counters.takeRecent(),
  };
}

/** Whole microseconds below 1,000, three digits above: at most 0.5 % off. */
function toThreeDigits(micros: number): number {
  if (micros < 1000) return Math.round(micros);
  const unit = 10 ** (Math.floor(Math.log10(micros)) - 2);
  return Math.round(micros / unit) * unit;
}

/** The replica certainly did not get the request. */
class NotSent extends Error {}

function nameOf({ accountId, region, endpointName }: EndpointKey): string {
  return `${accountId}/${region}/${endpointName}`;
}

/**
 * The variant at `point` of the weights laid end to end.
 *
 * @param point uniform in [0, 1)
 */
function chooseByWeight(variants: readonly LiveVariant[], totalWeight: number, point: number): LiveVariant {
  if (!(totalWeight > 0)) throw new NotRouted("no-traffic");
  let rest = point * totalWeight;
  let chosen: LiveVariant | undefined;
  for (const live of variants) {
    if (live.variant.weight <= 0) continue;
    chosen = live;
    rest -= live.variant.weight;
    if (rest < 0) break;
  }
  // Rounding may leave a rest behind the last variant with a weight; it is chosen then.
  return chosen!;
}

function pickReplica({ routing, replicas }: RoutedVariant, random: () => number): RoutedReplica | undefined {
  const all = replicas();
  if (all.length <= 1) return all[0];
  const start = Math.floor(random() * all.length);
  if (routing === "RANDOM") return all[start];
  let least = all[start];
  for (const replica of all) if (replica.outstanding < least.outstanding) least = replica;
  return least;
}

function wake(endpoint: LiveEndpoint): void {
  for (const live of endpoint.variants) for (const changed of live.waiting) changed();
}

function count(counters: Counters, status: number, arrived: number, sentAt: number): void {
  counters.invocations += 1;
  if (status >= 500) counters.errors5XX += 1;
  else if (status >= 400) counters.errors4XX += 1;
  if (status < 200 || status >= 300) counters.modelErrors += 1;
  counters.modelLatency.add((performance.now() - sentAt) * 1000);
  counters.overheadLatency.add((sentAt - arrived) * 1000);
}
