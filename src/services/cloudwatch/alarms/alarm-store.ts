/**
 * Alarms and what becomes of them, in records. A change of state, the history that tells of it and the messages to be sent
 * are one batch: a crash leaves all of them or none, and what was not sent yet is sent by the next server.
 */
import { randomBytes } from "node:crypto";
import type { StateValue } from "../../../protocol/generated/cloudwatch.ts";
import { removalOf } from "../../../resources/record-changes.ts";
import {
  RecordExists,
  RevisionConflict,
  RecordMissing,
  type Actor,
  type ListCursor,
  type RecordChange,
  type RecordKey,
  type RecordStore,
  type StoredRecord,
} from "../../../storage/record-store.ts";
import { validationError } from "../errors.ts";
import { alarmArn } from "../names.ts";
import type { MetricSpace } from "../store/metric-index.ts";
import {
  initialReason,
  isCompositeAlarm,
  isMetricAlarm,
  type Alarm,
  type AlarmConfiguration,
  type AlarmRecord,
  type AlarmState,
} from "./alarm-record.ts";
import { compositeAlarmShape, metricAlarmShape } from "./alarm-shapes.ts";
import {
  actionItem,
  alarmTypeOf,
  configurationItem,
  historyFamily,
  historyItem,
  historyPrefix,
  historyRetentionMs,
  stateItem,
  type ActionOutcome,
  type HistoryBody,
  type HistoryRecord,
} from "./history.ts";
import { notificationOf } from "./notification.ts";

const alarmFamily = "cloudwatch-alarm";
const actionFamily = "cloudwatch-alarm-action";
const maxConflicts = 20;
const pageLength = 500;

/** A message to a topic that has not been sent. */
export interface PendingAction extends Omit<ActionOutcome, "error"> {
  readonly subject: string;
  /** ms since the epoch */
  readonly since: number;
}

export type PendingActionRecord = StoredRecord<PendingAction>;

export class AlarmStore {
  readonly #records: RecordStore;

  constructor(records: RecordStore) {
    this.#records = records;
  }

  find(space: MetricSpace, name: string): Promise<AlarmRecord | undefined> {
    return this.#records.get<Alarm>(keyOf(space, name));
  }

  /** The alarms of a space by name, from behind `after`. */
  async *list(
    space: MetricSpace,
    filter: { prefix?: string; state?: StateValue; after?: string } = {},
  ): AsyncGenerator<AlarmRecord> {
    let nameAfter = filter.after;
    for (;;) {
      const page = await this.#records.list<Alarm>({
        accountId: space.accountId,
        region: space.region,
        family: alarmFamily,
        orderBy: "name",
        limit: pageLength,
        ...(filter.prefix === undefined ? {} : { namePrefix: filter.prefix }),
        ...(filter.state === undefined ? {} : { status: filter.state }),
        ...(nameAfter === undefined ? {} : { nameAfter }),
      });
      yield* page.records;
      if (page.next === undefined) return;
      nameAfter = page.records.at(-1)!.name;
    }
  }

  /** The alarms of all accounts and regions. */
  all(): AsyncIterable<AlarmRecord> {
    return this.#records.scan<Alarm>(alarmFamily);
  }

  /**
   * Makes an alarm, or gives one another configuration; its state stays then.
   * @param tags of a new alarm
   */
  async put(
    space: MetricSpace,
    name: string,
    configuration: AlarmConfiguration,
    tags: Readonly<Record<string, string>>,
    actor: Actor,
    at: number,
  ): Promise<void> {
    await retried(async () => {
      const known = await this.find(space, name);
      if (known !== undefined && known.body.configuration.kind !== configuration.kind) {
        throw validationError(`There is an alarm of another kind with the name ${name}; delete it first`);
      }
      const arn = alarmArn(space, name);
      const state = known?.body.state ?? initialState(at);
      const body: Alarm = { configuration, configuredAt: at, state };
      const key = keyOf(space, name);
      const shape = shapeOf({ ...key, arn, status: state.value, createdAt: at, updatedAt: at, revision: 1, body });
      const item = configurationItem(name, configuration, known === undefined ? "Create" : "Update", shape);
      const change: RecordChange =
        known === undefined
          ? { op: "insert", key, arn, status: state.value, body }
          : { op: "update", key, status: state.value, body, expectedRevision: known.revision };
      const tagged = known === undefined && Object.keys(tags).length > 0;
      await this.#write(
        [change, ...(tagged ? [{ op: "tag" as const, arn, tags }] : []), this.#item(space, item, at, 0)],
        actor,
        at,
      );
    });
  }

  /** Gives alarms another configuration each, all or none. */
  async reconfigure(
    records: readonly AlarmRecord[],
    change: (configuration: AlarmConfiguration) => AlarmConfiguration,
    actor: Actor,
    at: number,
  ): Promise<void> {
    const changes = records.flatMap((record): RecordChange[] => {
      const configuration = change(record.body.configuration);
      const body: Alarm = { ...record.body, configuration, configuredAt: at };
      const item = configurationItem(record.name, configuration, "Update", shapeOf({ ...record, body }));
      const key = keyOf(record, record.name);
      return [
        { op: "update", key, status: record.status, body, expectedRevision: record.revision },
        this.#item(record, item, at, 0),
      ];
    });
    await this.#write(changes, actor, at);
  }

  /** Removes alarms, all or none. */
  async delete(records: readonly AlarmRecord[], actor: Actor, at: number): Promise<void> {
    const changes = records.flatMap((record): RecordChange[] => [
      ...removalOf(record),
      this.#item(record, configurationItem(record.name, record.body.configuration, "Delete", shapeOf(record)), at, 0),
    ]);
    await this.#write(changes, actor, at);
  }

  /**
   * Brings an alarm into a state, with its history and the messages that this makes due.
   * @returns whether it did: not when somebody else has changed the alarm
   */
  async enter(
    record: AlarmRecord,
    value: StateValue,
    reason: string,
    reasonData: string | undefined,
    actor: Actor,
    at: number,
  ): Promise<boolean> {
    const { state: before, configuration } = record.body;
    const changed = value !== before.value;
    const state: AlarmState = {
      value,
      reason,
      ...(reasonData === undefined ? {} : { reasonData }),
      updatedAt: at,
      transitionedAt: changed ? at : before.transitionedAt,
    };
    const body: Alarm = { ...record.body, state };
    const due = changed && configuration.actionsEnabled ? configuration.actions[value] : [];
    const changes: RecordChange[] = [
      { op: "update", key: keyOf(record, record.name), status: value, body, expectedRevision: record.revision },
    ];
    if (changed) changes.push(this.#item(record, stateItem(record, state), at, 1));
    for (const topicArn of due) changes.push(pendingAction(record, state, topicArn));
    try {
      await this.#write(changes, actor, at);
      return true;
    } catch (error) {
      if (error instanceof RevisionConflict || error instanceof RecordMissing) return false;
      throw error;
    }
  }

  /** Messages that have not been sent, the oldest first. */
  async pendingActions(): Promise<readonly PendingActionRecord[]> {
    const records = await this.#records.listByStatus<PendingAction>(actionFamily, ["pending"]);
    return [...records].sort((a, b) => a.body.since - b.body.since);
  }

  /** Notes what became of a message; it is sent no more. */
  async settleAction(record: PendingActionRecord, error: string | undefined, at: number): Promise<void> {
    const outcome = error === undefined ? record.body : { ...record.body, error };
    await this.#write(
      [
        { op: "delete", key: actionKey(record, record.name), ifExists: true },
        this.#item(record, actionItem(outcome), at, 2),
      ],
      platform,
      at,
    );
  }

  /** One page of the history of a space. */
  async history(
    space: MetricSpace,
    query: {
      alarmName?: string;
      from?: number;
      to?: number;
      descending: boolean;
      limit: number;
      after?: ListCursor;
    },
  ): Promise<{ records: readonly HistoryRecord[]; next?: ListCursor }> {
    const { alarmName, from, to, descending, limit, after } = query;
    return this.#records.list<HistoryBody>({
      accountId: space.accountId,
      region: space.region,
      family: historyFamily,
      orderBy: "createdAt",
      descending,
      limit,
      ...(alarmName === undefined ? {} : { namePrefix: historyPrefix(alarmName) }),
      ...(from === undefined ? {} : { createdAfter: from - 1 }),
      ...(to === undefined ? {} : { createdBefore: to + 1 }),
      ...(after === undefined ? {} : { after }),
    });
  }

  /** Forgets history that is too old. */
  async pruneHistory(now: number): Promise<void> {
    let doomed: RecordKey[] = [];
    for await (const { accountId, region, family, name, createdAt } of this.#records.scan<HistoryBody>(historyFamily)) {
      if (createdAt >= now - historyRetentionMs) continue;
      doomed.push({ accountId, region, family, name });
      if (doomed.length < pageLength) continue;
      await this.#remove(doomed, now);
      doomed = [];
    }
    await this.#remove(doomed, now);
  }

  async #remove(keys: readonly RecordKey[], at: number): Promise<void> {
    if (keys.length === 0) return;
    await this.#write(
      keys.map((key) => ({ op: "delete", key, ifExists: true })),
      platform,
      at,
    );
  }

  #item(space: MetricSpace, body: HistoryBody, at: number, place: number): RecordChange {
    return historyItem(space, body, at, place, randomBytes(4).toString("hex"));
  }

  async #write(changes: readonly RecordChange[], actor: Actor, at: number): Promise<void> {
    await this.#records.write(changes, { actor, at, history: false });
  }
}

export const platform: Actor = { by: "sagebrush:cloudwatch", call: "cloudwatch:alarms" };

export function shapeOf(record: AlarmRecord): unknown {
  if (isMetricAlarm(record)) return metricAlarmShape(record);
  return isCompositeAlarm(record) ? compositeAlarmShape(record) : undefined;
}

function keyOf({ accountId, region }: MetricSpace, name: string): RecordKey {
  return { accountId, region, family: alarmFamily, name };
}

function actionKey({ accountId, region }: MetricSpace, name: string): RecordKey {
  return { accountId, region, family: actionFamily, name };
}

function initialState(at: number): AlarmState {
  return { value: "INSUFFICIENT_DATA", reason: initialReason, updatedAt: at, transitionedAt: at };
}

function pendingAction(record: AlarmRecord, state: AlarmState, topicArn: string): RecordChange {
  const { subject, body: message } = notificationOf(record, state);
  const body: PendingAction = {
    alarmName: record.name,
    alarmType: alarmTypeOf(record.body.configuration),
    topicArn,
    state: state.value,
    transitionedAt: state.transitionedAt,
    subject,
    message,
    since: state.updatedAt,
  };
  return { op: "insert", key: actionKey(record, randomBytes(16).toString("hex")), status: "pending", body };
}

/** Decides anew while others write the same alarm in between. */
async function retried(work: () => Promise<void>): Promise<void> {
  for (let conflicts = 0; ; conflicts += 1) {
    try {
      await work();
      return;
    } catch (error) {
      const conflict =
        error instanceof RevisionConflict || error instanceof RecordMissing || error instanceof RecordExists;
      if (!conflict || conflicts >= maxConflicts) throw error;
    }
  }
}
