/** Log groups and streams as records, and what they are called. */
import { formatArn, parseArn, splitResource } from "../../resources/arn.ts";
import type { RecordKey } from "../../storage/record-store.ts";

export interface LogSpace {
  readonly accountId: string;
  readonly region: string;
}

export interface LogGroupBody {
  /** Events older than so many days are dropped; kept for ever when absent. */
  readonly retentionInDays?: number;
  readonly deletionProtection?: boolean;
}

export interface LogStreamBody {
  /** Name of the file of its events: random, never the stream's own name. */
  readonly file: string;
}

export const families = {
  group: "log-group",
  stream: "log-stream",
  metricFilter: "log-metric-filter",
  queryDefinition: "log-query-definition",
} as const;

export function groupKey({ accountId, region }: LogSpace, group: string): RecordKey {
  return { accountId, region, family: families.group, name: group };
}

/** Neither a group nor a stream name may hold a colon, so it separates them. */
export function streamKey({ accountId, region }: LogSpace, group: string, stream: string): RecordKey {
  return { accountId, region, family: families.stream, name: `${group}:${stream}` };
}

export function logGroupArn({ accountId, region }: LogSpace, group: string): string {
  return formatArn({ service: "logs", region, accountId, resource: `log-group:${group}` });
}

export function logStreamArn(space: LogSpace, group: string, stream: string): string {
  return `${logGroupArn(space, group)}:log-stream:${stream}`;
}

/** The group that a name or an ARN (`…:log-group:NAME`, in some answers followed by `:*`) stands for. */
export function groupOfIdentifier(identifier: string): string {
  const arn = parseArn(identifier);
  return arn === undefined ? identifier : splitResource(arn.resource).id.replace(/:\*$/, "");
}

const dayMs = 24 * 3600 * 1000;

/** The time before which a group's events are gone, ms since the epoch; 0 when it keeps them for ever. */
export function cutoffOf({ retentionInDays }: LogGroupBody, now: number): number {
  return retentionInDays === undefined ? 0 : Math.max(0, now - retentionInDays * dayMs);
}
