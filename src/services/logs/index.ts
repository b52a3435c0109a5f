/** CloudWatch Logs: groups, streams and their events; filters, live tails, metrics and Insights queries over them. */
import type { CloudWatchLogsOperations } from "../../protocol/generated/logs.ts";
import { defineService, type Service } from "../../protocol/service.ts";
import type { RecordStore } from "../../storage/record-store.ts";
import type { Clock } from "../../util/clock.ts";
import { logsAccessRules } from "./access-rules.ts";
import { QueryRunner } from "./insights/query-runner.ts";
import type { LogStore } from "./log-store.ts";
import { MetricPublisher } from "./metrics/metric-publisher.ts";
import { liveTailOperations } from "./operations/live-tail.ts";
import { logEventOperations } from "./operations/log-events.ts";
import { logGroupOperations } from "./operations/log-groups.ts";
import { logQueryOperations } from "./operations/log-queries.ts";
import { logStreamOperations } from "./operations/log-streams.ts";
import { logTagOperations } from "./operations/log-tags.ts";
import { metricFilterOperations, testMetricFilterOperation } from "./operations/metric-filters.ts";
import { queryDefinitionOperations } from "./operations/query-definitions.ts";
import type { MetricSink } from "./ports.ts";

export interface LogsOptions {
  readonly records: RecordStore;
  readonly logs: LogStore;
  /** Where metric filters send what they find; without it there are no metric filters. */
  readonly metrics?: { readonly sink: MetricSink; readonly clock: Clock };
}

export interface LogsService extends Service {
  /** Ends what runs in the background: queries, live tails, metric filters. Before the store is closed. */
  close(): Promise<void>;
}

export function logsService({ records, logs, metrics }: LogsOptions): LogsService {
  const queries = new QueryRunner(logs, (problem, cause) => logs.report(problem, cause));
  const publisher = metrics && new MetricPublisher({ records, logs, metrics: metrics.sink, clock: metrics.clock });
  const parts = { records, logs, queries };
  const liveTail = liveTailOperations(parts);
  const service = defineService<CloudWatchLogsOperations>(
    "logs",
    {
      ...logGroupOperations(parts),
      ...logStreamOperations(parts),
      ...logEventOperations(parts),
      ...logTagOperations(parts),
      ...logQueryOperations(parts),
      ...queryDefinitionOperations(parts),
      ...liveTail.operations,
      ...testMetricFilterOperation(),
      ...(publisher &&
        metricFilterOperations({ records, logs, changed: (space, group) => publisher.forget(space, group) })),
    },
    { validationCode: "InvalidParameterException", accesses: logsAccessRules((arn) => records.tags(arn)) },
  );
  return {
    ...service,
    async close() {
      liveTail.tails.close();
      publisher?.close();
      await queries.close();
    },
  };
}
