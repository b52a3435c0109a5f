/** How operations find the group and stream that a request names. */
import type { RequestContext } from "../../../protocol/service.ts";
import type { Actor, StoredRecord } from "../../../storage/record-store.ts";
import { groupMissing, invalid, streamMissing } from "../errors.ts";
import type { LogStore } from "../log-store.ts";
import { groupOfIdentifier, type LogGroupBody, type LogSpace, type LogStreamBody } from "../records.ts";

/** The group by `logGroupName` or `logGroupIdentifier` (a name or an ARN); exactly one of them. */
export function groupName(input: { logGroupName?: string; logGroupIdentifier?: string }): string {
  const { logGroupName, logGroupIdentifier } = input;
  if ((logGroupName === undefined) === (logGroupIdentifier === undefined)) {
    throw invalid("Exactly one of logGroupName and logGroupIdentifier must be specified.");
  }
  return logGroupName ?? groupOfIdentifier(logGroupIdentifier!);
}

export async function requireGroup(
  logs: LogStore,
  space: LogSpace,
  group: string,
): Promise<StoredRecord<LogGroupBody>> {
  const record = await logs.getGroup(space, group);
  if (record === undefined) throw groupMissing();
  return record;
}

export async function requireStream(
  logs: LogStore,
  space: LogSpace,
  group: string,
  stream: string,
): Promise<StoredRecord<LogStreamBody>> {
  const record = await logs.getStream(space, group, stream);
  if (record !== undefined) return record;
  await requireGroup(logs, space, group);
  throw streamMissing();
}

export function actorOf({ principal, operation, requestId }: RequestContext): Actor {
  return { by: principal.arn, call: `logs:${operation}`, requestId };
}

/** Page tokens that hold names: only this service reads them. */
export function encodeToken(position: Readonly<Record<string, string | number>>): string {
  return Buffer.from(JSON.stringify(position)).toString("base64url");
}

/**
 * @param shape the members that a token of this kind has, by their types
 * @throws AwsError InvalidParameterException for any other text
 */
export function decodeToken<Shape extends Readonly<Record<string, "string" | "number">>>(
  token: string,
  shape: Shape,
): { readonly [Name in keyof Shape]: Shape[Name] extends "string" ? string : number } {
  try {
    const decoded: unknown = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
    if (typeof decoded === "object" && decoded !== null) {
      const members = decoded as Readonly<Record<string, unknown>>;
      if (Object.entries(shape).every(([name, type]) => isOf(type, members[name]))) return decoded as never;
    }
  } catch (error) {
    throw invalid("The specified nextToken is invalid.", error);
  }
  throw invalid("The specified nextToken is invalid.");
}

function isOf(type: "string" | "number", value: unknown): boolean {
  return type === "string" ? typeof value === "string" : Number.isSafeInteger(value);
}
