/**
 * Watches alarms: evaluates them on the clock, composite ones whenever another alarm changes, and sends what they have to
 * say until it was sent.
 */
import { AwsError } from "../../../protocol/aws-error.ts";
import type { Clock } from "../../../util/clock.ts";
import type { TopicPublisher } from "../ports.ts";
import type { MetricSpace } from "../store/metric-index.ts";
import type { MetricStore } from "../store/metric-store.ts";
import { floorTo } from "../store/tiers.ts";
import {
  initialReason,
  isCompositeAlarm,
  isMetricAlarm,
  type AlarmRecord,
  type CompositeAlarmRecord,
  type MetricAlarmRecord,
} from "./alarm-record.ts";
import { alarmsOf, holds, parseAlarmRule } from "./alarm-rule.ts";
import { platform, type AlarmStore, type PendingActionRecord } from "./alarm-store.ts";
import { evaluateMetricAlarm, evaluationIntervalMs, type NewState } from "./evaluation.ts";
import { isoTime, longTime } from "./reason.ts";

const tickMs = 10_000;
/** What is measured at the end of a period arrives a moment later. ms */
const delayMs = 3_000;
const pruneMs = 3_600_000;
/** A message that cannot be sent for reasons of our own is given up after this time. ms */
const giveUpAfterMs = 3_600_000;
/** Composite alarms may watch one another; a chain is followed this far within one round. */
const maxChain = 10;

export interface AlarmWorkerOptions {
  readonly alarms: AlarmStore;
  readonly metrics: MetricStore;
  readonly topics: TopicPublisher;
  readonly clock: Clock;
  /** A failure behind the scenes that changes nothing for clients but must not be silent. */
  readonly report: (what: string, error: unknown) => void;
}

export class AlarmWorker {
  readonly #options: AlarmWorkerOptions;
  #cancel: () => void = () => {};
  #working: Promise<void> = Promise.resolve();
  #closed = false;
  #lastEvaluation = 0;
  #lastPrune = 0;

  constructor(options: AlarmWorkerOptions) {
    this.#options = options;
  }

  /** Sends what an earlier server left unsent, and begins to watch. */
  async start(): Promise<void> {
    await this.#inTurn(() => this.#deliver());
    this.#schedule();
  }

  /** An alarm was set to a state by hand: composite alarms look at it, and its messages are sent. */
  async notice(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#evaluateComposites();
      await this.#deliver();
    });
  }

  /** Evaluates what is due now. */
  async evaluate(): Promise<void> {
    await this.#inTurn(async () => {
      const now = this.#options.clock.now();
      await this.#evaluateMetricAlarms(now);
      await this.#evaluateComposites();
      await this.#deliver();
      this.#lastEvaluation = now;
      if (now - this.#lastPrune >= pruneMs) {
        this.#lastPrune = now;
        await this.#options.alarms.pruneHistory(now);
      }
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    await this.#working;
  }

  /** One thing at a time: two evaluations of one alarm would tell its change twice. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#working.then(async () => {
      try {
        await work();
      } catch (error) {
        this.#options.report("alarms could not be evaluated; the next round tries again", error);
      }
    });
    this.#working = turn;
    return turn;
  }

  #schedule(): void {
    const { clock } = this.#options;
    if (this.#closed) return;
    const now = clock.now();
    const next = floorTo(now - delayMs, tickMs) + tickMs + delayMs;
    this.#cancel = clock.schedule(next - now, () => {
      void this.evaluate().then(() => this.#schedule());
    });
  }

  async #evaluateMetricAlarms(now: number): Promise<void> {
    const { alarms, metrics, report } = this.#options;
    const due: MetricAlarmRecord[] = [];
    for await (const record of alarms.all()) if (isMetricAlarm(record) && this.#isDue(record, now)) due.push(record);
    for (const record of due) {
      if (this.#closed) return;
      try {
        const state = await evaluateMetricAlarm(metrics, record, now);
        if (state !== undefined) await this.#enter(record, state, now);
      } catch (error) {
        if (error instanceof AwsError) await this.#cannotEvaluate(record, error, now);
        else report(`alarm ${record.name} could not be evaluated; the next round tries again`, error);
      }
    }
  }

  /** A period has ended since the last round; alarms that are new need not wait for that. */
  #isDue({ body: { configuration, state } }: MetricAlarmRecord, now: number): boolean {
    const interval = evaluationIntervalMs(configuration);
    return state.reason === initialReason || floorTo(now, interval) > floorTo(this.#lastEvaluation, interval);
  }

  /** An expression that its data show to be wrong tells no state. */
  async #cannotEvaluate(record: MetricAlarmRecord, error: AwsError, now: number): Promise<void> {
    const reason = `Insufficient Data: ${error.message}`;
    const { state } = record.body;
    if (state.value === "INSUFFICIENT_DATA" && state.reason === reason) return;
    await this.#enter(record, { value: "INSUFFICIENT_DATA", reason }, now);
  }

  async #evaluateComposites(): Promise<void> {
    const { alarms, clock } = this.#options;
    for (let round = 0; round < maxChain && !this.#closed; round += 1) {
      const byKey = new Map<string, AlarmRecord>();
      const composites: CompositeAlarmRecord[] = [];
      for await (const record of alarms.all()) {
        byKey.set(keyOf(record, record.name), record);
        if (isCompositeAlarm(record)) composites.push(record);
      }
      let changed = false;
      for (const record of composites) {
        const state = compositeState(record, (name) => byKey.get(keyOf(record, name)));
        if (state !== undefined) changed = (await this.#enter(record, state, clock.now())) || changed;
      }
      if (!changed) return;
    }
  }

  #enter(record: AlarmRecord, { value, reason, reasonData }: NewState, at: number): Promise<boolean> {
    return this.#options.alarms.enter(record, value, reason, reasonData, platform, at);
  }

  async #deliver(): Promise<void> {
    for (const action of await this.#options.alarms.pendingActions()) {
      if (this.#closed) return;
      await this.#send(action);
    }
  }

  /**
   * A message is kept until it was sent, so after a crash it may be sent twice. What the topic refuses is not sent again.
   */
  async #send(action: PendingActionRecord): Promise<void> {
    const { alarms, topics, clock, report } = this.#options;
    const { topicArn, subject, message, alarmName, since } = action.body;
    const { accountId, region } = action;
    try {
      const { AlarmArn } = JSON.parse(message) as { AlarmArn: string };
      if (!(await topics.topicAllows(topicArn, "cloudwatch.amazonaws.com", AlarmArn, accountId))) {
        await alarms.settleAction(action, notAuthorized(topicArn), clock.now());
        return;
      }
      await topics.publish({ accountId, region }, topicArn, { subject: oneLine(subject), body: message });
    } catch (error) {
      const hopeless = error instanceof AwsError && error.status < 500;
      if (!hopeless && clock.now() - since < giveUpAfterMs) {
        report(`alarm ${alarmName} could not tell ${topicArn}; it is tried again`, error);
        return;
      }
      await alarms.settleAction(action, (error as Error).message, clock.now());
      return;
    }
    await alarms.settleAction(action, undefined, clock.now());
  }
}

function notAuthorized(topicArn: string): string {
  return `CloudWatch Alarms is not authorized to perform: SNS:Publish on resource: ${topicArn} because no resource-based policy allows the SNS:Publish action`;
}

/** Names of alarms have no control characters, so a subject is one line; topics take nothing but ASCII there. */
function oneLine(subject: string): string {
  return subject.replaceAll(/[^\x20-\x7e]/g, "?");
}

function keyOf({ accountId, region }: MetricSpace, name: string): string {
  return `${accountId} ${region} ${name}`;
}

/** @returns undefined when the alarm stays in its state */
function compositeState(
  { body }: CompositeAlarmRecord,
  find: (name: string) => AlarmRecord | undefined,
): NewState | undefined {
  const rule = parseAlarmRule(body.configuration.rule);
  const value = holds(rule, (name) => find(name)?.body.state.value) ? "ALARM" : "OK";
  if (value === body.state.value) return undefined;
  const children = alarmsOf(rule).flatMap((name) => find(name) ?? []);
  // What changed last has brought it about.
  const latest = children.toSorted((a, b) => b.body.state.transitionedAt - a.body.state.transitionedAt)[0];
  const reason =
    latest === undefined
      ? `The rule ${body.configuration.rule} is ${value === "ALARM" ? "true" : "false"}`
      : `${latest.arn} transitioned to ${latest.body.state.value} at ${longTime(latest.body.state.transitionedAt)}`;
  const triggeringAlarms = children.map(({ arn, body: { state } }) => ({
    arn,
    state: { value: state.value, timestamp: isoTime(state.transitionedAt) },
  }));
  return { value, reason, reasonData: JSON.stringify({ triggeringAlarms }) };
}
