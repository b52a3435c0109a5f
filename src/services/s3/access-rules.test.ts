import { expect, test } from "vitest";
import { account, openS3, otherAccount, streamOf, type S3Fixture } from "../../../tests/support/s3.ts";
import { loadServiceModel } from "../../protocol/service-models.ts";
import type { Principal } from "../../protocol/service.ts";
import { s3Service } from "./index.ts";

const Bucket = "the-bucket";

function principalOf(accountId: string, kind: Principal["kind"] = "user"): Principal {
  return { kind, accountId, arn: `arn:aws:iam::${accountId}:user/u`, userId: "AIDA", accessKeyId: "AKIDEXAMPLE" };
}

const anybody = principalOf("anonymous", "anonymous");

async function accessesOf(s3: S3Fixture, operation: string, input: object, principal = principalOf(account)) {
  const context = { accountId: principal.accountId, region: "us-east-1", principal, headers: {} };
  const accesses = await s3Service(s3).accesses!(operation, input as Record<string, unknown>, context);
  return accesses.map(({ conditions = {}, ...access }) => ({ ...access, conditions }));
}

async function asked(s3: S3Fixture, operation: string, input: object, principal?: Principal): Promise<string[]> {
  const accesses = await accessesOf(s3, operation, input, principal);
  return accesses.map(({ action, resource }) => `${action} ${resource}`);
}

test.each([
  ["ListBuckets", {}, ["s3:ListAllMyBuckets *"]],
  [
    "CreateBucket",
    { ACL: "private" },
    ["s3:CreateBucket arn:aws:s3:::the-bucket", "s3:PutBucketAcl arn:aws:s3:::the-bucket"],
  ],
  ["HeadBucket", {}, ["s3:ListBucket arn:aws:s3:::the-bucket"]],
  ["ListObjectsV2", {}, ["s3:ListBucket arn:aws:s3:::the-bucket"]],
  ["ListObjectVersions", {}, ["s3:ListBucketVersions arn:aws:s3:::the-bucket"]],
  ["ListMultipartUploads", {}, ["s3:ListBucketMultipartUploads arn:aws:s3:::the-bucket"]],
  ["GetObject", { Key: "a/b" }, ["s3:GetObject arn:aws:s3:::the-bucket/a/b"]],
  ["HeadObject", { Key: "k", VersionId: "v" }, ["s3:GetObjectVersion arn:aws:s3:::the-bucket/k"]],
  [
    "GetObjectAttributes",
    { Key: "k" },
    ["s3:GetObject arn:aws:s3:::the-bucket/k", "s3:GetObjectAttributes arn:aws:s3:::the-bucket/k"],
  ],
  [
    "PutObject",
    { Key: "k", Tagging: "a=b", ACL: "private" },
    [
      "s3:PutObject arn:aws:s3:::the-bucket/k",
      "s3:PutObjectTagging arn:aws:s3:::the-bucket/k",
      "s3:PutObjectAcl arn:aws:s3:::the-bucket/k",
    ],
  ],
  ["UploadPart", { Key: "k" }, ["s3:PutObject arn:aws:s3:::the-bucket/k"]],
  ["ListParts", { Key: "k" }, ["s3:ListMultipartUploadParts arn:aws:s3:::the-bucket/k"]],
  [
    "CopyObject",
    { Key: "k", CopySource: "other-bucket/s%20t?versionId=null" },
    ["s3:PutObject arn:aws:s3:::the-bucket/k", "s3:GetObjectVersion arn:aws:s3:::other-bucket/s t"],
  ],
  ["DeleteObject", { Key: "k", VersionId: "v" }, ["s3:DeleteObjectVersion arn:aws:s3:::the-bucket/k"]],
  ["DeleteObjects", {}, []],
  ["GetBucketEncryption", {}, ["s3:GetEncryptionConfiguration arn:aws:s3:::the-bucket"]],
  ["DeleteBucketLifecycle", {}, ["s3:PutLifecycleConfiguration arn:aws:s3:::the-bucket"]],
  ["PutBucketNotificationConfiguration", {}, ["s3:PutBucketNotification arn:aws:s3:::the-bucket"]],
  ["GetBucketTagging", {}, ["s3:GetBucketTagging arn:aws:s3:::the-bucket"]],
  ["PutObjectRetention", { Key: "k" }, ["s3:PutObjectRetention arn:aws:s3:::the-bucket/k"]],
])("%s %o asks for %o", async (operation, input, expected) => {
  await using s3 = await openS3();
  await s3.call("CreateBucket", { Bucket });
  expect(await asked(s3, operation, { Bucket, ...input })).toEqual(expected);
});

test("no operation but DeleteObjects, which asks for each key, goes unasked", async () => {
  await using s3 = await openS3();
  await s3.call("CreateBucket", { Bucket });
  const unasked: string[] = [];
  for (const name of Object.keys(loadServiceModel("s3").model.operations)) {
    if ((await asked(s3, name, { Bucket, Key: "k", CopySource: "a/b" })).length === 0) unasked.push(name);
  }
  expect(unasked).toEqual(["DeleteObjects"]);
});

test("conditions say what the request says", async () => {
  await using s3 = await openS3();
  await s3.call("CreateBucket", { Bucket });
  const [list] = await accessesOf(s3, "ListObjectsV2", { Bucket, Prefix: "a/", Delimiter: "/", MaxKeys: 7 });
  expect(list.conditions).toMatchObject({
    "s3:prefix": "a/",
    "s3:delimiter": "/",
    "s3:max-keys": "7",
    "s3:ResourceAccount": account,
  });
  const [put] = await accessesOf(s3, "PutObject", {
    Bucket,
    Key: "k",
    ACL: "private",
    ServerSideEncryption: "AES256",
    Tagging: "team=blue&size=L",
  });
  expect(put.conditions).toMatchObject({
    "s3:x-amz-acl": "private",
    "s3:x-amz-server-side-encryption": "AES256",
    "s3:RequestObjectTag/team": "blue",
    "s3:RequestObjectTagKeys": ["team", "size"],
  });
  const [get] = await accessesOf(s3, "GetObject", { Bucket, Key: "k", VersionId: "v1" });
  expect(get.conditions).toMatchObject({ "s3:VersionId": "v1" });
  const CreateBucketConfiguration = { LocationConstraint: "eu-west-1" };
  const [create] = await accessesOf(s3, "CreateBucket", { Bucket: "another", CreateBucketConfiguration });
  expect(create.conditions).toMatchObject({ "s3:LocationConstraint": "eu-west-1" });
});

const openPolicy = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: `arn:aws:s3:::${Bucket}/*` }],
});

test("owner and policy of the bucket go with every access, but a public policy not to strangers of a restricted one", async () => {
  await using s3 = await openS3();
  await s3.call("CreateBucket", { Bucket });
  await s3.call("DeletePublicAccessBlock", { Bucket });
  await s3.call("PutBucketPolicy", { Bucket, Policy: openPolicy });
  const get = { Bucket, Key: "k" };
  expect(await accessesOf(s3, "GetObject", get, anybody)).toMatchObject([{ owner: account, policy: openPolicy }]);
  await s3.call("PutPublicAccessBlock", {
    Bucket,
    PublicAccessBlockConfiguration: { RestrictPublicBuckets: true },
  });
  const [strangers] = await accessesOf(s3, "GetObject", get, principalOf(otherAccount));
  expect(strangers).not.toHaveProperty("policy");
  expect(strangers.owner).toBe(account);
  expect(await accessesOf(s3, "GetObject", get)).toMatchObject([{ policy: openPolicy }]);
});

test("the root user of the account can always repair the policy", async () => {
  await using s3 = await openS3();
  await s3.call("CreateBucket", { Bucket });
  await s3.call("DeletePublicAccessBlock", { Bucket });
  await s3.call("PutBucketPolicy", { Bucket, Policy: openPolicy });
  const [repair] = await accessesOf(s3, "DeleteBucketPolicy", { Bucket }, principalOf(account, "root"));
  expect(repair).not.toHaveProperty("policy");
  const [read] = await accessesOf(s3, "GetObject", { Bucket, Key: "k" }, principalOf(account, "root"));
  expect(read).toHaveProperty("policy");
});

test("a missing bucket is asked about by identity policies alone, and by nobody without a name", async () => {
  await using s3 = await openS3();
  const [access] = await accessesOf(s3, "GetObject", { Bucket, Key: "k" });
  expect(access).not.toHaveProperty("owner");
  expect(await asked(s3, "GetObject", { Bucket, Key: "k" }, anybody)).toEqual([]);
  expect(await asked(s3, "CreateBucket", { Bucket }, anybody)).toEqual(["s3:CreateBucket arn:aws:s3:::the-bucket"]);
});

test("a list grants nothing to strangers whose public policy counts no more, for it may have denied them", async () => {
  await using s3 = await openS3();
  await s3.call("CreateBucket", { Bucket, ObjectOwnership: "ObjectWriter" });
  await s3.call("DeletePublicAccessBlock", { Bucket });
  await s3.call("PutBucketAcl", { Bucket, ACL: "public-read" });
  await s3.call("PutBucketPolicy", { Bucket, Policy: openPolicy });
  const list = () => accessesOf(s3, "ListObjectsV2", { Bucket }, principalOf(otherAccount));
  expect(await list()).toMatchObject([{ granted: true }]);
  const restricted = { RestrictPublicBuckets: true };
  await s3.call("PutPublicAccessBlock", { Bucket, PublicAccessBlockConfiguration: restricted });
  expect((await list())[0]).not.toHaveProperty("granted");
});

test("lists grant where they have a say", async () => {
  await using s3 = await openS3();
  await s3.call("CreateBucket", { Bucket, ObjectOwnership: "ObjectWriter" });
  await s3.call("DeletePublicAccessBlock", { Bucket });
  await s3.call("PutBucketAcl", { Bucket, ACL: "public-read" });
  await s3.call("PutObject", { Bucket, Key: "k", Body: streamOf("x") });
  expect(await accessesOf(s3, "ListObjectsV2", { Bucket }, anybody)).toMatchObject([{ granted: true }]);
  expect((await accessesOf(s3, "PutObject", { Bucket, Key: "k" }, anybody))[0]).not.toHaveProperty("granted");
  // The bucket's list says nothing of its objects.
  expect((await accessesOf(s3, "GetObject", { Bucket, Key: "k" }, anybody))[0]).not.toHaveProperty("granted");
});

test("an object's tags are looked at when a policy may ask for them", async () => {
  await using s3 = await openS3();
  await s3.call("CreateBucket", { Bucket });
  await s3.call("PutObject", { Bucket, Key: "k", Body: streamOf("x"), Tagging: "team=blue" });
  const conditions = async (operation: string, principal: Principal) =>
    (await accessesOf(s3, operation, { Bucket, Key: "k" }, principal))[0].conditions;
  const blue = { "s3:ExistingObjectTag/team": "blue" };
  const root = principalOf(account, "root");
  expect(await conditions("GetObject", root)).not.toMatchObject(blue);
  expect(await conditions("GetObject", principalOf(account))).toMatchObject(blue);
  expect(await conditions("PutObject", principalOf(account))).not.toMatchObject(blue);
  const Statement = {
    Effect: "Allow",
    Principal: { AWS: account },
    Action: "s3:GetObject",
    Resource: `arn:aws:s3:::${Bucket}/*`,
    Condition: { StringEquals: blue },
  };
  await s3.call("PutBucketPolicy", { Bucket, Policy: JSON.stringify({ Version: "2012-10-17", Statement }) });
  expect(await conditions("GetObject", root)).toMatchObject(blue);
});
