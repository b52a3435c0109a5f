/** CloudWatch Logs: groups, streams and their events; filters, live tails and Insights queries over them. */
import type { CloudWatchLogsOperations } from "../../protocol/generated/logs.ts";
import { defineService, type Service } from "../../protocol/service.ts";
import type { RecordStore } from "../../storage/record-store.ts";
import { accessRules } from "./access-rules.ts";
import { QueryRunner } from "./insights/query-runner.ts";
import type { LogStore } from "./log-store.ts";
import { logEventOperations } from "./operations/log-events.ts";
import { logGroupOperations } from "./operations/log-groups.ts";
import { logQueryOperations } from "./operations/log-queries.ts";
import { logStreamOperations } from "./operations/log-streams.ts";
import { logTagOperations } from "./operations/log-tags.ts";
import { queryDefinitionOperations } from "./operations/query-definitions.ts";

export interface LogsOptions {
  readonly records: RecordStore;
  readonly logs: LogStore;
}

export interface LogsService extends Service {
  /** Ends what runs in the background. */
  close(): Promise<void>;
}

export function logsService({ records, logs }: LogsOptions): LogsService {
  const queries = new QueryRunner(logs, (problem, cause) => logs.report(problem, cause));
  const parts = { records, logs, queries };
  const service = defineService<CloudWatchLogsOperations>(
    "logs",
    {
      ...logGroupOperations(parts),
      ...logStreamOperations(parts),
      ...logEventOperations(parts),
      ...logTagOperations(parts),
      ...logQueryOperations(parts),
      ...queryDefinitionOperations(parts),
    },
    { validationCode: "InvalidParameterException", accesses: accessRules },
  );
  return { ...service, close: () => queries.close() };
}
