/** What happened to alarms: kept for 30 days, also when the alarm is gone. */
import type {
  AlarmHistoryItem,
  AlarmType,
  HistoryItemType,
  StateValue,
} from "../../../protocol/generated/cloudwatch.ts";
import type { RecordChange, StoredRecord } from "../../../storage/record-store.ts";
import type { MetricSpace } from "../store/metric-index.ts";
import type { AlarmConfiguration, AlarmRecord, AlarmState } from "./alarm-record.ts";

export const historyFamily = "cloudwatch-alarm-history";
export const historyRetentionMs = 30 * 24 * 3_600_000;

/** The record's time is the item's. */
export interface HistoryBody {
  readonly alarmName: string;
  readonly alarmType: AlarmType;
  readonly type: HistoryItemType;
  readonly summary: string;
  /** JSON */
  readonly data: string;
}

export type HistoryRecord = StoredRecord<HistoryBody>;

/** Names of alarms have no line feed, so items of one alarm are found by this. */
export function historyPrefix(alarmName: string): string {
  return `${alarmName}\n`;
}

/** A change that adds an item. Items of one moment keep their order by `place`. */
export function historyItem(
  { accountId, region }: MetricSpace,
  body: HistoryBody,
  at: number,
  place: number,
  unique: string,
): RecordChange {
  const time = String(at).padStart(16, "0");
  const name = `${historyPrefix(body.alarmName)}${time}-${place}-${unique}`;
  return { op: "insert", key: { accountId, region, family: historyFamily, name }, body };
}

export function historyShape({ createdAt, body }: HistoryRecord): AlarmHistoryItem {
  return {
    AlarmName: body.alarmName,
    AlarmType: body.alarmType,
    Timestamp: new Date(createdAt),
    HistoryItemType: body.type,
    HistorySummary: body.summary,
    HistoryData: body.data,
  };
}

export function alarmTypeOf({ kind }: AlarmConfiguration): AlarmType {
  return kind === "metric" ? "MetricAlarm" : "CompositeAlarm";
}

const configurationWords = {
  Create: ["created", "createdAlarm"],
  Update: ["updated", "updatedAlarm"],
  Delete: ["deleted", "deletedAlarm"],
} as const;

/** @param shape the alarm as the API shows it */
export function configurationItem(
  alarmName: string,
  configuration: AlarmConfiguration,
  change: keyof typeof configurationWords,
  shape: unknown,
): HistoryBody {
  const [verb, member] = configurationWords[change];
  return {
    alarmName,
    alarmType: alarmTypeOf(configuration),
    type: "ConfigurationUpdate",
    summary: `Alarm "${alarmName}" ${verb}`,
    data: JSON.stringify({ version: "1.0", type: change, [member]: shape }),
  };
}

export function stateItem(record: AlarmRecord, to: AlarmState): HistoryBody {
  const { configuration, state: from } = record.body;
  return {
    alarmName: record.name,
    alarmType: alarmTypeOf(configuration),
    type: "StateUpdate",
    summary: `Alarm updated from ${from.value} to ${to.value}`,
    data: JSON.stringify({ version: "1.0", oldState: stateShape(from), newState: stateShape(to) }),
  };
}

function stateShape({ value, reason, reasonData }: AlarmState): Record<string, unknown> {
  return {
    stateValue: value,
    stateReason: reason,
    ...(reasonData === undefined ? {} : { stateReasonData: JSON.parse(reasonData) as unknown }),
  };
}

export interface ActionOutcome {
  readonly alarmName: string;
  readonly alarmType: AlarmType;
  readonly topicArn: string;
  readonly state: StateValue;
  /** ms since the epoch */
  readonly transitionedAt: number;
  readonly message: string;
  /** Absent when it was executed. */
  readonly error?: string;
}

export function actionItem({
  alarmName,
  alarmType,
  topicArn,
  state,
  transitionedAt,
  message,
  error,
}: ActionOutcome): HistoryBody {
  const failed = error !== undefined;
  return {
    alarmName,
    alarmType,
    type: "Action",
    summary: failed
      ? `Failed to execute action ${topicArn}. Received error: "${error}"`
      : `Successfully executed action ${topicArn}`,
    data: JSON.stringify({
      actionState: failed ? "Failed" : "Succeeded",
      stateUpdateTimestamp: transitionedAt,
      stateValue: state,
      notificationResource: topicArn,
      publishedMessage: message,
      error: error ?? null,
    }),
  };
}
