/**
 * When a delivery that failed is tried again: four phases, one after the other.
 *
 * Source: Amazon SNS Developer Guide, "Amazon SNS message delivery retries", which gives the numbers of each protocol and
 * names the back-off functions; their curves are not published, so each goes from the shortest to the longest delay in its
 * own way.
 */
export type BackoffFunction = "linear" | "arithmetic" | "geometric" | "exponential";

export interface RetryPolicy {
  /** Retries at once. */
  readonly noDelayRetries: number;
  /** Retries after the shortest delay, before the back-off. */
  readonly minDelayRetries: number;
  /** Retries from the shortest to the longest delay. */
  readonly backoffRetries: number;
  /** Retries after the longest delay, after the back-off. */
  readonly maxDelayRetries: number;
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  readonly backoff: BackoffFunction;
}

/** HTTP and HTTPS unless topic or subscription say otherwise: 3 retries, 20 s apart. */
export const httpRetryPolicy: RetryPolicy = {
  noDelayRetries: 0,
  minDelayRetries: 0,
  backoffRetries: 3,
  maxDelayRetries: 0,
  minDelayMs: 20_000,
  maxDelayMs: 20_000,
  backoff: "linear",
};

/** Endpoints of the platform: 100,015 retries over 23 days. */
export const queueRetryPolicy: RetryPolicy = {
  noDelayRetries: 3,
  minDelayRetries: 2,
  backoffRetries: 10,
  maxDelayRetries: 100_000,
  minDelayMs: 1000,
  maxDelayMs: 20_000,
  backoff: "exponential",
};

/** Mail: 50 retries over more than 6 hours. */
export const mailRetryPolicy: RetryPolicy = {
  noDelayRetries: 0,
  minDelayRetries: 2,
  backoffRetries: 10,
  maxDelayRetries: 38,
  minDelayMs: 10_000,
  maxDelayMs: 600_000,
  backoff: "exponential",
};

/** How far a back-off is between its ends, 0 to 1, at `step` of `last`. */
const curves: Readonly<Record<BackoffFunction, (step: number, last: number, policy: RetryPolicy) => number>> = {
  linear: (step, last, { minDelayMs, maxDelayMs }) => minDelayMs + ((maxDelayMs - minDelayMs) * step) / last,
  arithmetic: (step, last, { minDelayMs, maxDelayMs }) =>
    minDelayMs + ((maxDelayMs - minDelayMs) * step * (step + 1)) / (last * (last + 1)),
  geometric: (step, last, { minDelayMs, maxDelayMs }) => minDelayMs * (maxDelayMs / minDelayMs) ** (step / last),
  exponential: (step, _, { minDelayMs, maxDelayMs }) => Math.min(minDelayMs * 2 ** step, maxDelayMs),
};

/**
 * @param attempts how often it was tried, at least 1
 * @returns ms until the next try; undefined when there is none
 */
export function retryDelayMs(policy: RetryPolicy, attempts: number): number | undefined {
  let retry = attempts - 1;
  if (retry < policy.noDelayRetries) return 0;
  retry -= policy.noDelayRetries;
  if (retry < policy.minDelayRetries) return policy.minDelayMs;
  retry -= policy.minDelayRetries;
  if (retry < policy.backoffRetries) {
    const last = policy.backoffRetries - 1;
    return Math.round(last === 0 ? policy.minDelayMs : curves[policy.backoff](retry, last, policy));
  }
  retry -= policy.backoffRetries;
  return retry < policy.maxDelayRetries ? policy.maxDelayMs : undefined;
}

/** ms that all retries of a policy take together. */
export function totalRetryMs(policy: RetryPolicy): number {
  let total = 0;
  for (let attempts = 1; ; attempts += 1) {
    const delay = retryDelayMs(policy, attempts);
    if (delay === undefined) return total;
    total += delay;
  }
}
