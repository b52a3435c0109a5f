import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AwsError } from "../../protocol/aws-error.ts";
import type { Access } from "../../protocol/access.ts";
import type { ResourceGroupsTaggingAPIOperations as Operations } from "../../protocol/generated/resourcegroupstaggingapi.ts";
import type { AccessRules, Handler, RequestContext, Service } from "../../protocol/service.ts";
import { SqliteRecordStore } from "../../storage/sqlite-record-store.ts";
import { requestContext } from "../../../tests/support/request-context.ts";
import { taggingService } from "./index.ts";

const accountId = "123456789012";
const region = "eu-west-1";
const stranger = "210987654321";
const sagemaker = `arn:aws:sagemaker:${region}:${accountId}`;

let directory: string;
let records: SqliteRecordStore;
let tagging: Service;
/** What a service was asked, and what it says: its own action with the policy of the resource. */
let consulted: unknown[];
const rulesOf =
  (service: string): AccessRules =>
  (operation, input) => {
    consulted.push([service, operation, input]);
    return [{ action: `${service}:${operation}`, resource: "as the service names it", policy: "its policy" }];
  };
const bucketOwners = new Map<string, { accountId: string; region: string }>();

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sagebrush-tagging-"));
  records = new SqliteRecordStore({ file: join(directory, "records.db"), reserveBytes: 0 });
  bucketOwners.clear();
  consulted = [];
  tagging = taggingService({
    records,
    buckets: { ownerOf: (bucket) => Promise.resolve(bucketOwners.get(bucket)) },
    services: { rulesOf: (service) => (service === "rds" ? undefined : rulesOf(service)) },
  });
});
afterEach(async () => {
  await records.close();
  rmSync(directory, { recursive: true, force: true });
});

function call<Name extends keyof Operations>(
  operation: Name,
  input: Operations[Name]["input"],
  facts: Partial<RequestContext> = {},
): Promise<Operations[Name]["output"]> {
  const handle = tagging.operations[operation].handle as Handler<unknown, Operations[Name]["output"]>;
  const context = requestContext({ service: "resourcegroupstaggingapi", operation, accountId, region, ...facts });
  return Promise.resolve().then(() => handle(input, context));
}

/** A resource with this ARN, as its service would have made it. */
async function resource(arn: string, tags: Record<string, string> = {}): Promise<string> {
  const key = { accountId: "any", region: "any", family: "thing", name: arn };
  await records.write(
    [
      { op: "insert", key, arn, body: {} },
      { op: "tag", arn, tags },
    ],
    { actor: { by: "test", call: "test" }, at: 0 },
  );
  return arn;
}

async function arnsOf(input: Operations["GetResources"]["input"], facts?: Partial<RequestContext>): Promise<string[]> {
  const { ResourceTagMappingList = [] } = await call("GetResources", input, facts);
  return ResourceTagMappingList.map(({ ResourceARN }) => ResourceARN!);
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "accepted",
    (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
  );
}

describe("resources", () => {
  test("of all services are found with their tags, those of the caller's account and region", async () => {
    const endpoint = await resource(`${sagemaker}:endpoint/a`, { team: "x", cost: "1" });
    const topic = await resource(`arn:aws:sns:${region}:${accountId}:news`, { team: "x" });
    await resource(`${sagemaker}:endpoint/untagged`);
    await resource(`arn:aws:sagemaker:us-east-1:${accountId}:endpoint/a`, { team: "x" });
    await resource(`arn:aws:sagemaker:${region}:${stranger}:endpoint/a`, { team: "x" });
    expect(await call("GetResources", {})).toEqual({
      ResourceTagMappingList: [
        {
          ResourceARN: endpoint,
          Tags: [
            { Key: "cost", Value: "1" },
            { Key: "team", Value: "x" },
          ],
        },
        { ResourceARN: topic, Tags: [{ Key: "team", Value: "x" }] },
      ],
      PaginationToken: "",
    });
  });

  test("without account or region in their ARN are their owner's: buckets by S3, roles of the account", async () => {
    bucketOwners.set("mine", { accountId, region });
    bucketOwners.set("elsewhere", { accountId, region: "us-east-1" });
    bucketOwners.set("yours", { accountId: stranger, region });
    for (const bucket of ["mine", "elsewhere", "yours", "gone"]) await resource(`arn:aws:s3:::${bucket}`, { a: "b" });
    await resource(`arn:aws:iam::${accountId}:role/Worker`, { a: "b" });
    expect(await arnsOf({})).toEqual(["arn:aws:s3:::mine"]);
    expect(await arnsOf({}, { region: "us-east-1" })).toEqual([
      `arn:aws:iam::${accountId}:role/Worker`,
      "arn:aws:s3:::elsewhere",
    ]);
  });

  test("are filtered by tags, all of them, and of one the values", async () => {
    const one = await resource(`${sagemaker}:model/1`, { team: "x", stage: "test" });
    const two = await resource(`${sagemaker}:model/2`, { team: "y", stage: "prod" });
    await resource(`${sagemaker}:model/3`, { team: "z" });
    expect(await arnsOf({ TagFilters: [{ Key: "stage" }] })).toEqual([one, two]);
    expect(await arnsOf({ TagFilters: [{ Key: "team", Values: ["x", "y", "q"] }] })).toEqual([one, two]);
    expect(
      await arnsOf({
        TagFilters: [
          { Key: "team", Values: ["x", "y"] },
          { Key: "stage", Values: ["prod"] },
        ],
      }),
    ).toEqual([two]);
    expect(await arnsOf({ TagFilters: [{ Key: "Stage" }] })).toEqual([]);
  });

  test("are filtered by service and type", async () => {
    const tags = { a: "b" };
    const endpoint = await resource(`${sagemaker}:endpoint/e`, tags);
    const config = await resource(`${sagemaker}:endpoint-config/e`, tags);
    const alarm = await resource(`arn:aws:cloudwatch:${region}:${accountId}:alarm:a`, tags);
    const topic = await resource(`arn:aws:sns:${region}:${accountId}:t`, tags);
    bucketOwners.set("b", { accountId, region });
    const bucket = await resource("arn:aws:s3:::b", tags);
    expect(await arnsOf({ ResourceTypeFilters: ["sagemaker:endpoint"] })).toEqual([endpoint]);
    expect(await arnsOf({ ResourceTypeFilters: ["sagemaker"] })).toEqual([config, endpoint]);
    expect(await arnsOf({ ResourceTypeFilters: ["cloudwatch:alarm", "s3", "sns:topic"] })).toEqual([
      alarm,
      bucket,
      topic,
    ]);
    expect(await arnsOf({ ResourceTypeFilters: ["s3:bucket"] })).toEqual([bucket]);
    expect(await refusal(arnsOf({ ResourceTypeFilters: ["Not a type"] }))).toContain("Unsupported resource type");
  });

  test("come in pages, of resources or of tags, that end with an empty token", async () => {
    const arns: string[] = [];
    for (let index = 0; index < 7; index += 1)
      arns.push(await resource(`${sagemaker}:model/${index}`, { a: "b", c: "d" }));
    const found: string[] = [];
    let PaginationToken = "";
    do {
      const page = await call("GetResources", { ResourcesPerPage: 3, PaginationToken });
      expect(page.ResourceTagMappingList!.length).toBeLessThanOrEqual(3);
      found.push(...page.ResourceTagMappingList!.map(({ ResourceARN }) => ResourceARN!));
      PaginationToken = page.PaginationToken!;
    } while (PaginationToken !== "" && found.length < 20);
    expect(found).toEqual(arns);

    const many = Object.fromEntries(Array.from({ length: 48 }, (_, index) => [`key-${index}`, "v"]));
    const large = [await resource(`${sagemaker}:model/x`, many), await resource(`${sagemaker}:model/y`, many)];
    const first = await call("GetResources", { TagsPerPage: 100 });
    // 7 x 2 tags and 48 fit into 100; the other 48 do not.
    expect(first.ResourceTagMappingList!.map(({ ResourceARN }) => ResourceARN)).toEqual([...arns, large[0]]);
    expect(await arnsOf({ TagsPerPage: 100, PaginationToken: first.PaginationToken })).toEqual([large[1]]);
    expect(await refusal(arnsOf({ PaginationToken: first.PaginationToken, ResourceTypeFilters: ["s3"] }))).toContain(
      "token",
    );
    expect(await refusal(arnsOf({ TagsPerPage: 150 }))).toContain("TagsPerPage");
    expect(await refusal(arnsOf({ ResourcesPerPage: 101 }))).toContain("ResourcesPerPage");
  });

  test("are asked for by ARN; what is not there or not the caller's is left out", async () => {
    const one = await resource(`${sagemaker}:model/1`, { a: "b" });
    const foreign = await resource(`arn:aws:sagemaker:${region}:${stranger}:model/1`, { a: "b" });
    const ResourceARNList = [one, foreign, `${sagemaker}:model/none`, "nonsense"];
    expect(await arnsOf({ ResourceARNList })).toEqual([one]);
    expect(await refusal(arnsOf({ ResourceARNList, TagFilters: [{ Key: "a" }] }))).toContain(
      "InvalidParameterException",
    );
  });
});

describe("keys and values", () => {
  test("are those of the caller's resources", async () => {
    await resource(`${sagemaker}:model/1`, { team: "x", stage: "prod" });
    await resource(`${sagemaker}:model/2`, { team: "y" });
    await resource(`arn:aws:sagemaker:${region}:${stranger}:model/1`, { team: "secret", hidden: "1" });
    expect(await call("GetTagKeys", {})).toEqual({ TagKeys: ["stage", "team"], PaginationToken: "" });
    expect(await call("GetTagValues", { Key: "team" })).toEqual({ TagValues: ["x", "y"], PaginationToken: "" });
    expect(await call("GetTagValues", { Key: "none" })).toEqual({ TagValues: [], PaginationToken: "" });
  });

  test("come in pages", async () => {
    const tags = (from: number) =>
      Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`k${from + index}`, "v"]));
    for (let index = 0; index < 21; index += 1) await resource(`${sagemaker}:model/${index}`, tags(1000 + index * 50));
    const first = await call("GetTagKeys", {});
    expect(first.TagKeys).toHaveLength(1000);
    const second = await call("GetTagKeys", { PaginationToken: first.PaginationToken });
    expect(second.TagKeys).toHaveLength(50);
    expect(second.PaginationToken).toBe("");
    expect(second.TagKeys!.at(-1)).toBe("k2049");
  });
});

describe("tagging", () => {
  test("changes resources that there are, and names those it could not change", async () => {
    const one = await resource(`${sagemaker}:model/1`, { old: "1" });
    const foreign = await resource(`arn:aws:sagemaker:${region}:${stranger}:model/1`);
    const full = await resource(
      `${sagemaker}:model/full`,
      Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`key-${index}`, "v"])),
    );
    const none = `${sagemaker}:model/none`;
    const answer = await call("TagResources", { ResourceARNList: [one, foreign, full, none], Tags: { team: "x" } });
    expect(Object.keys(answer.FailedResourcesMap!)).toEqual([foreign, full, none]);
    expect(answer.FailedResourcesMap![none]).toEqual({
      StatusCode: 400,
      ErrorCode: "InvalidParameterException",
      ErrorMessage: `Could not find a resource with the ARN ${none}`,
    });
    expect(await records.tags(one)).toEqual({ old: "1", team: "x" });
    expect(await records.tags(foreign)).toEqual({});
    expect(await records.tags(none)).toEqual({});
    expect(await call("UntagResources", { ResourceARNList: [one], TagKeys: ["old", "absent"] })).toEqual({
      FailedResourcesMap: {},
    });
    expect(await records.tags(one)).toEqual({ team: "x" });
    expect(await refusal(call("TagResources", { ResourceARNList: [one], Tags: { "aws:x": "1" } }))).toContain(
      "reserved",
    );
  });

  test("needs the right to tag each resource by its service", async () => {
    const model = await resource(`${sagemaker}:model/1`);
    const queue = await resource(`arn:aws:sqs:${region}:${accountId}:work`);
    const asked: Access[] = [];
    const authorize = (...accesses: readonly Access[]) => {
      asked.push(...accesses);
      return accesses.some(({ action }) => action === "sagemaker:AddTags")
        ? Promise.reject(new AwsError("AccessDeniedException", "no"))
        : Promise.resolve();
    };
    const input = { ResourceARNList: [model, queue], Tags: { team: "x" } };
    const answer = await call("TagResources", input, { authorize });
    const own = { resource: "as the service names it", policy: "its policy" };
    expect(asked).toEqual([
      { action: "sagemaker:AddTags", ...own },
      { action: "sqs:TagQueue", ...own },
    ]);
    expect(answer.FailedResourcesMap).toMatchObject({ [model]: { ErrorCode: "AccessDeniedException" } });
    expect(await records.tags(model)).toEqual({});
    expect(await records.tags(queue)).toEqual({ team: "x" });
  });

  test.each([
    [`${sagemaker}:model/1`, "AddTags", { ResourceArn: `${sagemaker}:model/1` }, "DeleteTags"],
    [`arn:aws:sqs:${region}:${accountId}:work`, "TagQueue", { QueueUrl: `${accountId}/work` }, "UntagQueue"],
    [`arn:aws:sns:${region}:${accountId}:news`, "TagResource", {}, "UntagResource"],
    [
      `arn:aws:cloudwatch:${region}:${accountId}:alarm:hot`,
      "TagResource",
      { ResourceARN: `arn:aws:cloudwatch:${region}:${accountId}:alarm:hot` },
      "UntagResource",
    ],
    [`arn:aws:iam::${accountId}:role/path/Worker`, "TagRole", { RoleName: "Worker" }, "UntagRole"],
    [`arn:aws:iam::${accountId}:user/Ann`, "TagUser", { UserName: "Ann" }, "UntagUser"],
  ])("%s is tagged as by its own service", async (arn, tag, target, untag) => {
    await resource(arn);
    const facts = arn.includes(":iam:") ? { region: "us-east-1" } : {};
    await call("TagResources", { ResourceARNList: [arn], Tags: { team: "x" } }, facts);
    await call("UntagResources", { ResourceARNList: [arn], TagKeys: ["team"] }, facts);
    expect(consulted).toEqual([
      [arn.split(":")[2], tag, expect.objectContaining({ ...target, Tags: [{ Key: "team", Value: "x" }] })],
      [arn.split(":")[2], untag, expect.objectContaining({ ...target, TagKeys: ["team"] })],
    ]);
  });

  test("groups of logs and buckets have words of their own for it; of other services the plain action is asked", async () => {
    const group = await resource(`arn:aws:logs:${region}:${accountId}:log-group:g`);
    bucketOwners.set("mine", { accountId, region });
    const bucket = await resource("arn:aws:s3:::mine");
    const database = await resource(`arn:aws:rds:${region}:${accountId}:db:d`);
    const asked: Access[] = [];
    const authorize = (...accesses: readonly Access[]) => Promise.resolve(void asked.push(...accesses));
    const arns = [group, bucket, database];
    await call("TagResources", { ResourceARNList: arns, Tags: { a: "b" } }, { authorize });
    expect(consulted).toEqual([
      ["logs", "TagResource", { resourceArn: group, tags: { a: "b" } }],
      ["s3", "PutBucketTagging", { Bucket: "mine" }],
    ]);
    expect(asked.at(-1)).toEqual({ action: "rds:TagResource", resource: database });
  });
});
