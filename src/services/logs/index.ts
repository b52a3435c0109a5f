/** CloudWatch Logs: groups, streams and their events. */
import type { CloudWatchLogsOperations } from "../../protocol/generated/logs.ts";
import { defineService, type Service } from "../../protocol/service.ts";
import type { RecordStore } from "../../storage/record-store.ts";
import { accessRules } from "./access-rules.ts";
import type { LogStore } from "./log-store.ts";
import { logEventOperations } from "./operations/log-events.ts";
import { logGroupOperations } from "./operations/log-groups.ts";
import { logStreamOperations } from "./operations/log-streams.ts";
import { logTagOperations } from "./operations/log-tags.ts";

export interface LogsOptions {
  readonly records: RecordStore;
  readonly logs: LogStore;
}

export interface LogsService extends Service {
  /** Ends what runs in the background. */
  close(): Promise<void>;
}

export function logsService(options: LogsOptions): LogsService {
  const service = defineService<CloudWatchLogsOperations>(
    "logs",
    {
      ...logGroupOperations(options),
      ...logStreamOperations(options),
      ...logEventOperations(options),
      ...logTagOperations(options),
    },
    { validationCode: "InvalidParameterException", accesses: accessRules },
  );
  return { ...service, close: async () => {} };
}
