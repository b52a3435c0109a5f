/** Dashboards: kept as they are given; a body must be JSON. They belong to the account, whatever region they were put in. */
import type { CloudWatchOperations, DashboardValidationMessage } from "../../../protocol/generated/cloudwatch.ts";
import { AwsError } from "../../../protocol/aws-error.ts";
import type { OperationTable, RequestContext } from "../../../protocol/service.ts";
import { decodePaginationToken, encodePaginationToken } from "../../../resources/pagination-token.ts";
import { removalOf } from "../../../resources/record-changes.ts";
import { RecordMissing, RevisionConflict, type RecordKey, type RecordStore } from "../../../storage/record-store.ts";
import { actorOf } from "../alarms/alarm-operations.ts";
import { invalidValue } from "../errors.ts";
import { dashboardArn } from "../names.ts";
import { checkTags } from "../tags.ts";

type Operations = Pick<CloudWatchOperations, "PutDashboard" | "GetDashboard" | "ListDashboards" | "DeleteDashboards">;

interface DashboardBody {
  /** JSON */
  readonly body: string;
}

const family = "cloudwatch-dashboard";
const pageLength = 1000;
const maxNames = 100;
const maxConflicts = 20;
/** Bytes. */
const maxBody = 2 ** 20;

export function dashboardOperations({ records }: { readonly records: RecordStore }): OperationTable<Operations> {
  return {
    PutDashboard: {
      async handle(input, context) {
        const { DashboardName, DashboardBody } = input;
        if (!/^[A-Za-z0-9_-]{1,255}$/.test(DashboardName)) {
          throw invalidDashboard(
            `The value ${DashboardName.slice(0, 300)} for parameter DashboardName is invalid: it must match [A-Za-z0-9_-]{1,255}`,
            [],
          );
        }
        if (Buffer.byteLength(DashboardBody) > maxBody) {
          throw invalidDashboard(`The field DashboardBody has more than ${maxBody} bytes`, []);
        }
        checkBody(DashboardBody);
        const arn = dashboardArn(context, DashboardName);
        const known = await records.get(keyOf(context, DashboardName));
        const tags = known === undefined ? checkTags(input.Tags) : {};
        const body: DashboardBody = { body: DashboardBody };
        await records.write(
          [
            { op: "put", key: keyOf(context, DashboardName), arn, body },
            ...(Object.keys(tags).length > 0 ? [{ op: "tag" as const, arn, tags }] : []),
          ],
          { actor: actorOf(context), at: context.clock.now() },
        );
        return { DashboardValidationMessages: [] };
      },
    },
    GetDashboard: {
      async handle({ DashboardName }, context) {
        const record = await records.get<DashboardBody>(keyOf(context, DashboardName));
        if (record === undefined) throw noSuchDashboards([DashboardName]);
        return { DashboardArn: record.arn!, DashboardBody: record.body.body, DashboardName };
      },
    },
    ListDashboards: {
      async handle({ DashboardNamePrefix, NextToken }, context) {
        const query = ["dashboards", context.accountId, DashboardNamePrefix];
        const { records: found, next } = await records.list<DashboardBody>({
          ...spaceOf(context),
          family,
          orderBy: "name",
          limit: pageLength,
          ...(DashboardNamePrefix === undefined ? {} : { namePrefix: DashboardNamePrefix }),
          ...(NextToken === undefined ? {} : { nameAfter: positionOf(NextToken, query) }),
        });
        return {
          DashboardEntries: found.map(({ name, arn, updatedAt, body }) => ({
            DashboardName: name,
            DashboardArn: arn!,
            LastModified: new Date(updatedAt),
            Size: Buffer.byteLength(body.body),
          })),
          ...(next === undefined ? {} : { NextToken: encodePaginationToken(query, [next.name]) }),
        };
      },
    },
    DeleteDashboards: {
      async handle({ DashboardNames }, context) {
        const names = [...new Set(DashboardNames)];
        if (names.length === 0 || names.length > maxNames) {
          throw invalidValue(`The collection DashboardNames must have 1 to ${maxNames} elements.`);
        }
        for (let conflicts = 0; ; conflicts += 1) {
          const found = await Promise.all(names.map((name) => records.get(keyOf(context, name))));
          const missing = names.filter((_, index) => found[index] === undefined);
          if (missing.length > 0) throw noSuchDashboards(missing);
          try {
            await records.write(
              found.flatMap((record) => removalOf(record!)),
              { actor: actorOf(context), at: context.clock.now() },
            );
            return {};
          } catch (error) {
            const conflict = error instanceof RevisionConflict || error instanceof RecordMissing;
            if (!conflict || conflicts >= maxConflicts) throw error;
          }
        }
      },
    },
  };
}

/** @throws AwsError DashboardInvalidInputError when it is no JSON object */
function checkBody(text: string): void {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw invalidDashboard("The field DashboardBody must be a valid JSON object", [
      { DataPath: "/", Message: `The dashboard body is no JSON: ${(error as Error).message}` },
    ]);
  }
  const problem = problemOf(body);
  if (problem !== undefined) throw invalidDashboard("The dashboard body is invalid, see details", [problem]);
}

function problemOf(body: unknown): DashboardValidationMessage | undefined {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    return { DataPath: "/", Message: "The dashboard body must be a JSON object" };
  }
  const { widgets } = body as { widgets?: unknown };
  if (widgets !== undefined && !Array.isArray(widgets)) {
    return { DataPath: "/widgets", Message: "Should be an array of widgets" };
  }
  return undefined;
}

function invalidDashboard(
  message: string,
  dashboardValidationMessages: readonly DashboardValidationMessage[],
): AwsError {
  return new AwsError("DashboardInvalidInputError", message, { members: { dashboardValidationMessages } });
}

function noSuchDashboards(names: readonly string[]): AwsError {
  return new AwsError("DashboardNotFoundError", `Dashboard ${names.join(", ")} does not exist`);
}

/** A dashboard is the account's, so its space has no region. */
function spaceOf({ accountId }: Pick<RequestContext, "accountId">): { accountId: string; region: string } {
  return { accountId, region: "" };
}

function keyOf(context: Pick<RequestContext, "accountId">, name: string): RecordKey {
  return { ...spaceOf(context), family, name };
}

function positionOf(token: string, query: unknown): string {
  try {
    return decodePaginationToken(token, query, ["string"])[0] as string;
  } catch (error) {
    throw error instanceof AwsError ? invalidValue("The parameter NextToken is invalid.") : error;
  }
}
