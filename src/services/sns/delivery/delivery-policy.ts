/**
 * Delivery policies: JSON by which the owner of a topic or a subscription says how HTTP endpoints are called.
 *
 * Source: Amazon SNS Developer Guide, "Creating an HTTP/S delivery policy".
 */
import { invalidParameter } from "../errors.ts";
import { httpRetryPolicy, totalRetryMs, type BackoffFunction, type RetryPolicy } from "./retry-policy.ts";

export interface HttpDeliveryPolicy {
  readonly retry: RetryPolicy;
  readonly maxReceivesPerSecond?: number;
  readonly contentType: string;
}

export const defaultContentType = "text/plain; charset=UTF-8";

const contentTypes = [
  "application/atom+xml",
  "application/json",
  "application/octet-stream",
  "application/soap+xml",
  "application/x-www-form-urlencoded",
  "application/xhtml+xml",
  "application/xml",
  "text/css",
  "text/csv",
  "text/html",
  "text/plain",
  "text/xml",
];

/** Seconds; a hard limit of SNS. */
const maxRetrySeconds = 3600;
const maxRetries = 100;
const maxPolicyLength = 4096;

type Json = Readonly<Record<string, unknown>>;

const defaultRetry = {
  minDelayTarget: 20,
  maxDelayTarget: 20,
  numRetries: 3,
  numMaxDelayRetries: 0,
  numNoDelayRetries: 0,
  numMinDelayRetries: 0,
  backoffFunction: "linear",
};

/**
 * What a topic's policy comes to, in SNS's form.
 * @param text the topic's own, if it was set; checked when it was
 */
export function effectiveTopicPolicy(text: string | undefined): Json {
  const http = text === undefined ? {} : member(parse(text), "http");
  return {
    http: {
      defaultHealthyRetryPolicy: { ...defaultRetry, ...member(http, "defaultHealthyRetryPolicy") },
      disableSubscriptionOverrides: http["disableSubscriptionOverrides"] ?? false,
      ...(http["defaultThrottlePolicy"] === undefined ? {} : { defaultThrottlePolicy: http["defaultThrottlePolicy"] }),
      defaultRequestPolicy: { headerContentType: defaultContentType, ...member(http, "defaultRequestPolicy") },
    },
  };
}

/** What the policies of a subscription and its topic come to, in SNS's form. */
export function effectiveSubscriptionPolicy(topic: string | undefined, own: string | undefined): Json {
  const http = member(effectiveTopicPolicy(topic), "http");
  const overrides = own === undefined || http["disableSubscriptionOverrides"] === true ? {} : parse(own);
  const throttle = overrides["throttlePolicy"] ?? http["defaultThrottlePolicy"];
  return {
    healthyRetryPolicy: { ...member(http, "defaultHealthyRetryPolicy"), ...member(overrides, "healthyRetryPolicy") },
    sicklyRetryPolicy: null,
    throttlePolicy: throttle ?? null,
    requestPolicy: { ...member(http, "defaultRequestPolicy"), ...member(overrides, "requestPolicy") },
    guaranteed: false,
  };
}

/** The same, as the sender uses it. */
export function httpDeliveryPolicy(topic: string | undefined, own: string | undefined): HttpDeliveryPolicy {
  const policy = effectiveSubscriptionPolicy(topic, own);
  const { maxReceivesPerSecond } = member(policy, "throttlePolicy");
  return {
    retry: retryPolicy(member(policy, "healthyRetryPolicy")),
    contentType: String(member(policy, "requestPolicy")["headerContentType"]),
    ...(typeof maxReceivesPerSecond === "number" ? { maxReceivesPerSecond } : {}),
  };
}

/** @throws AwsError InvalidParameter when it breaks SNS's rules */
export function checkTopicDeliveryPolicy(text: string): void {
  const document = parse(text);
  onlyMembers(document, ["http"], "DeliveryPolicy");
  const http = member(document, "http");
  const known = [
    "defaultHealthyRetryPolicy",
    "defaultSicklyRetryPolicy",
    "disableSubscriptionOverrides",
    "defaultThrottlePolicy",
    "defaultRequestPolicy",
  ];
  onlyMembers(http, known, "http");
  if (!["boolean", "undefined"].includes(typeof http["disableSubscriptionOverrides"])) {
    throw mistake("http.disableSubscriptionOverrides must be a boolean");
  }
  checkParts(http, "defaultHealthyRetryPolicy", "defaultThrottlePolicy", "defaultRequestPolicy");
}

/** @throws AwsError InvalidParameter when it breaks SNS's rules */
export function checkSubscriptionDeliveryPolicy(text: string): void {
  const document = parse(text);
  const known = ["healthyRetryPolicy", "sicklyRetryPolicy", "throttlePolicy", "requestPolicy", "guaranteed"];
  onlyMembers(document, known, "DeliveryPolicy");
  checkParts(document, "healthyRetryPolicy", "throttlePolicy", "requestPolicy");
}

function checkParts(document: Json, retryName: string, throttleName: string, requestName: string): void {
  const retry = member(document, retryName);
  onlyMembers(retry, Object.keys(defaultRetry), retryName);
  checkRetry({ ...defaultRetry, ...retry }, retryName);
  const throttle = member(document, throttleName);
  onlyMembers(throttle, ["maxReceivesPerSecond"], throttleName);
  const { maxReceivesPerSecond: rate } = throttle;
  if (rate != null && !(Number.isInteger(rate) && (rate as number) >= 1)) {
    throw mistake(`${throttleName}.maxReceivesPerSecond must be a whole number of at least 1`);
  }
  const request = member(document, requestName);
  onlyMembers(request, ["headerContentType"], requestName);
  const { headerContentType: type } = request;
  if (type === undefined) return;
  const plain =
    typeof type === "string" ? /^([a-z+/-]+)(?:;\s?charset=[A-Za-z0-9-]{1,20})?$/.exec(type)?.[1] : undefined;
  if (plain === undefined || !contentTypes.includes(plain)) {
    throw mistake(`${requestName}.headerContentType must be one of ${contentTypes.join(", ")}`);
  }
}

function checkRetry(retry: Json, name: string): void {
  const whole = (key: string, low: number, high: number): number => {
    const value = retry[key];
    if (!Number.isInteger(value) || (value as number) < low || (value as number) > high) {
      throw mistake(`${name}.${key} must be a whole number between ${low} and ${high}`);
    }
    return value as number;
  };
  const minDelay = whole("minDelayTarget", 1, maxRetrySeconds);
  const maxDelay = whole("maxDelayTarget", 1, maxRetrySeconds);
  if (minDelay > maxDelay) throw mistake(`${name}.maxDelayTarget must be at least minDelayTarget`);
  const retries = whole("numRetries", 0, maxRetries);
  const phases = ["numNoDelayRetries", "numMinDelayRetries", "numMaxDelayRetries"].map((key) =>
    whole(key, 0, maxRetries),
  );
  if (phases.reduce((sum, count) => sum + count, 0) > retries) {
    throw mistake(`${name}.numRetries must be at least the sum of the retries of its phases`);
  }
  if (!["linear", "arithmetic", "geometric", "exponential"].includes(retry["backoffFunction"] as string)) {
    throw mistake(`${name}.backoffFunction must be one of linear, arithmetic, geometric, exponential`);
  }
  if (totalRetryMs(retryPolicy(retry)) > maxRetrySeconds * 1000) {
    throw mistake(`${name}: total policy retry time must be at most ${maxRetrySeconds} seconds`);
  }
}

/** @param retry complete and checked */
function retryPolicy(retry: Json): RetryPolicy {
  const number = (key: string) => retry[key] as number;
  const [none, min, max] = [number("numNoDelayRetries"), number("numMinDelayRetries"), number("numMaxDelayRetries")];
  return {
    ...httpRetryPolicy,
    noDelayRetries: none,
    minDelayRetries: min,
    maxDelayRetries: max,
    backoffRetries: number("numRetries") - none - min - max,
    minDelayMs: number("minDelayTarget") * 1000,
    maxDelayMs: number("maxDelayTarget") * 1000,
    backoff: retry["backoffFunction"] as BackoffFunction,
  };
}

function parse(text: string): Json {
  if (text.length > maxPolicyLength) throw mistake(`at most ${maxPolicyLength} characters are allowed`);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  } catch (cause) {
    throw invalidParameter("DeliveryPolicy: failed to parse JSON.", cause);
  }
  throw mistake("a delivery policy is a JSON object");
}

/** An object in an object; empty where there is none or null. */
function member(document: Json, name: string): Json {
  const value = document[name];
  if (value == null) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw mistake(`${name} must be an object`);
  return value as Json;
}

function onlyMembers(document: Json, known: readonly string[], name: string): void {
  const unknown = Object.keys(document).find((key) => !known.includes(key));
  if (unknown !== undefined) throw mistake(`${name} has no member ${unknown}`);
}

function mistake(what: string) {
  return invalidParameter(`DeliveryPolicy: ${what}`);
}
