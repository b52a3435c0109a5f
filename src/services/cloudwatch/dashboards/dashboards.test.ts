import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { requestContext } from "../../../../tests/support/request-context.ts";
import type { AwsError } from "../../../protocol/aws-error.ts";
import type { CloudWatchOperations } from "../../../protocol/generated/cloudwatch.ts";
import { SqliteRecordStore } from "../../../storage/sqlite-record-store.ts";
import { tagOperations } from "../tag-operations.ts";
import { dashboardOperations } from "./dashboard-operations.ts";

let directory: string;
let records: SqliteRecordStore;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "dashboards-"));
  records = new SqliteRecordStore({ file: join(directory, "records.db"), reserveBytes: 0 });
});

afterEach(async () => {
  await records.close();
  rmSync(directory, { recursive: true, force: true });
});

type Name =
  | "PutDashboard"
  | "GetDashboard"
  | "ListDashboards"
  | "DeleteDashboards"
  | "TagResource"
  | "ListTagsForResource";

async function call<Operation extends Name>(
  operation: Operation,
  input: CloudWatchOperations[Operation]["input"],
  region = "us-east-1",
) {
  const table = { ...dashboardOperations({ records }), ...tagOperations({ records }) };
  const context = requestContext({ service: "cloudwatch", operation, region });
  return (await table[operation]!.handle(input as never, context)) as CloudWatchOperations[Operation]["output"];
}

async function refusal(work: Promise<unknown>): Promise<AwsError> {
  return work.then(
    () => expect.unreachable(),
    (error: AwsError) => error,
  );
}

const DashboardBody = '{"widgets":[]}';
const DashboardArn = "arn:aws:cloudwatch::000000000000:dashboard/main";

test("a dashboard is kept as it is given, for the whole account, until it is deleted", async () => {
  await call("PutDashboard", { DashboardName: "main", DashboardBody, Tags: [{ Key: "Team", Value: "red" }] });
  const found = await call("GetDashboard", { DashboardName: "main" }, "eu-west-1");
  expect(found).toEqual({ DashboardArn, DashboardBody, DashboardName: "main" });
  await call("PutDashboard", { DashboardName: "main", DashboardBody: "{}" });
  await call("PutDashboard", { DashboardName: "other", DashboardBody });
  const { DashboardEntries } = await call("ListDashboards", { DashboardNamePrefix: "ma" });
  expect(DashboardEntries).toEqual([{ DashboardName: "main", DashboardArn, LastModified: new Date(0), Size: 2 }]);
  await call("TagResource", { ResourceARN: DashboardArn, Tags: [{ Key: "Stage", Value: "test" }] });
  expect((await call("ListTagsForResource", { ResourceARN: DashboardArn })).Tags).toHaveLength(2);
  expect(await refusal(call("DeleteDashboards", { DashboardNames: ["main", "none"] }))).toMatchObject({
    code: "DashboardNotFoundError",
    message: "Dashboard none does not exist",
  });
  await call("DeleteDashboards", { DashboardNames: ["main"] });
  expect((await call("ListDashboards", {})).DashboardEntries!.map(({ DashboardName }) => DashboardName)).toEqual([
    "other",
  ]);
  expect(await refusal(call("GetDashboard", { DashboardName: "main" }))).toMatchObject({
    code: "DashboardNotFoundError",
  });
});

test.each([
  ["no JSON", "main", "{", "/"],
  ["no object", "main", "[]", "/"],
  ["widgets that are no list", "main", '{"widgets":{}}', "/widgets"],
])("a dashboard of %s is refused with the place of the mistake", async (_what, DashboardName, body, DataPath) => {
  expect(await refusal(call("PutDashboard", { DashboardName, DashboardBody: body }))).toMatchObject({
    code: "DashboardInvalidInputError",
    members: { dashboardValidationMessages: [{ DataPath }] },
  });
});

test("names are checked, and tags of what is not there or somebody else's are refused", async () => {
  expect(await refusal(call("PutDashboard", { DashboardName: "a/b", DashboardBody }))).toMatchObject({
    code: "DashboardInvalidInputError",
  });
  for (const ResourceARN of [DashboardArn, "arn:aws:cloudwatch::111111111111:dashboard/main"]) {
    expect(await refusal(call("ListTagsForResource", { ResourceARN }))).toMatchObject({
      code: "ResourceNotFoundException",
    });
  }
  expect(await refusal(call("ListTagsForResource", { ResourceARN: "arn:aws:s3:::bucket" }))).toMatchObject({
    code: "InvalidParameterValueException",
  });
  await call("PutDashboard", { DashboardName: "main", DashboardBody });
  const reserved = call("TagResource", { ResourceARN: DashboardArn, Tags: [{ Key: "aws:x", Value: "" }] });
  expect(await refusal(reserved)).toMatchObject({ code: "ValidationError" });
});
