/** For tests: the service on real stores in a folder of its own, called without a server. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requestContext } from "../../../tests/support/request-context.ts";
import type { CloudWatchLogsOperations } from "../../protocol/generated/logs.ts";
import type { OperationDefinition, RequestContext } from "../../protocol/service.ts";
import { SqliteRecordStore } from "../../storage/sqlite-record-store.ts";
import { ManualClock } from "../../util/clock.ts";
import { logsService, type LogsOptions, type LogsService } from "./index.ts";
import { LogStore } from "./log-store.ts";

export const space = { accountId: "000000000000", region: "us-east-1" };

type Operations = CloudWatchLogsOperations;

export interface LogsUnderTest {
  readonly directory: string;
  readonly records: SqliteRecordStore;
  readonly logs: LogStore;
  readonly clock: ManualClock;
  readonly problems: unknown[];
  readonly service: LogsService;
  call<Name extends keyof Operations>(
    operation: Name,
    input: Operations[Name]["input"],
    facts?: Partial<RequestContext>,
  ): Promise<Operations[Name]["output"]>;
  /** Makes the group and stream that are not there, and puts messages with their times. */
  write(
    group: string,
    stream: string,
    events: readonly (readonly [timestamp: number, message: string])[],
  ): Promise<void>;
  /** Closes the stores and opens them again on the same files. */
  reopen(): Promise<LogsUnderTest>;
  close(): Promise<void>;
}

export async function openLogs(
  options: Partial<LogsOptions> = {},
  directory = mkdtempSync(join(tmpdir(), "sagebrush-logs-")),
  clock = new ManualClock(),
): Promise<LogsUnderTest> {
  const problems: unknown[] = [];
  const records = new SqliteRecordStore({ file: join(directory, "records.db"), reserveBytes: 0 });
  const logs = await LogStore.open(records, join(directory, "logs"), clock, {
    onProblem: (_problem, cause) => problems.push(cause),
  });
  const service = logsService({ records, logs, ...options });
  const closeStores = async () => {
    await service.close();
    await logs.close();
    await records.close();
  };
  return {
    directory,
    records,
    logs,
    clock,
    problems,
    service,
    async call(operation, input, facts = {}) {
      const { handle } = service.operations[operation] as unknown as OperationDefinition<unknown, unknown>;
      return (await handle(input, requestContext({ service: "logs", operation, clock, ...space, ...facts }))) as never;
    },
    async write(group, stream, events) {
      const pairs = events.map(([timestamp, message]) => ({ timestamp, message }));
      await logs.append({ ...space, group, stream }, pairs);
    },
    async reopen() {
      await closeStores();
      return openLogs(options, directory, clock);
    },
    async close() {
      await closeStores();
      rmSync(directory, { recursive: true });
    },
  };
}
