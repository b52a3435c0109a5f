/** CloudWatch: metrics, alarms and dashboards. */
import type { CloudWatchOperations } from "../../protocol/generated/cloudwatch.ts";
import { defineService, type Service } from "../../protocol/service.ts";
import type { RecordStore } from "../../storage/record-store.ts";
import type { Clock } from "../../util/clock.ts";
import { cloudwatchAccessRules } from "./access-rules.ts";
import { alarmOperations } from "./alarms/alarm-operations.ts";
import { AlarmStore } from "./alarms/alarm-store.ts";
import { AlarmWorker } from "./alarms/alarm-worker.ts";
import { describeAlarmOperations } from "./alarms/describe-alarms.ts";
import { dashboardOperations } from "./dashboards/dashboard-operations.ts";
import { metricOperations } from "./metrics/metric-operations.ts";
import type { TopicPublisher } from "./ports.ts";
import type { MetricStore } from "./store/metric-store.ts";
import { tagOperations } from "./tag-operations.ts";

export type { TopicPublisher } from "./ports.ts";
export { MetricStore } from "./store/metric-store.ts";

export interface CloudWatchDependencies {
  readonly metrics: MetricStore;
  readonly records: RecordStore;
  readonly clock: Clock;
  /** A failure behind the scenes that changes nothing for clients but must not be silent. */
  readonly report: (what: string, error: unknown) => void;
}

export interface CloudWatchService extends Service {
  /** Begins to watch alarms, after sending what an earlier server left unsent. */
  startAlarms(topics: TopicPublisher): Promise<void>;
  /** Stops watching; the metric store is its owner's to close. */
  close(): Promise<void>;
}

export function cloudwatchService({ metrics, records, clock, report }: CloudWatchDependencies): CloudWatchService {
  const alarms = new AlarmStore(records);
  let worker: AlarmWorker | undefined;
  return {
    ...defineService<CloudWatchOperations>(
      "cloudwatch",
      {
        ...metricOperations(metrics),
        ...alarmOperations({ alarms, stateWasSet: () => void worker?.notice() }),
        ...describeAlarmOperations({ alarms }),
        ...dashboardOperations({ records }),
        ...tagOperations({ records }),
      },
      { validationCode: "ValidationError", accesses: cloudwatchAccessRules((arn) => records.tags(arn)) },
    ),
    async startAlarms(topics) {
      worker = new AlarmWorker({ alarms, metrics, topics, clock, report });
      await worker.start();
    },
    async close() {
      await worker?.close();
    },
  };
}
