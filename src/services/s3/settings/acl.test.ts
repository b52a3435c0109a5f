import { expect, test } from "vitest";
import { account, openS3, otherAccount, streamOf, type S3Fixture } from "../../../../tests/support/s3.ts";
import type { AccessControlPolicy, Grant, ObjectOwnership } from "../../../protocol/generated/s3.ts";
import type { Principal } from "../../../protocol/service.ts";
import { canonicalUserId } from "../owner.ts";
import type { Bucket as BucketFacts } from "../records.ts";
import { isGranted, objectAclOf } from "./acl.ts";
import { allUsers, authenticatedUsers } from "./public-access.ts";

const Bucket = "the-bucket";
const owner = canonicalUserId(account);
const stranger = canonicalUserId(otherAccount);

async function withLists(): Promise<S3Fixture> {
  const s3 = await openS3();
  await s3.call("CreateBucket", { Bucket, ObjectOwnership: "ObjectWriter" });
  await s3.call("DeletePublicAccessBlock", { Bucket });
  return s3;
}

const full = (id: string): Grant => ({ Grantee: { Type: "CanonicalUser", ID: id }, Permission: "FULL_CONTROL" });

test("canned lists and grant headers become grants", async () => {
  await using s3 = await withLists();
  const shown = async () => s3.call("GetBucketAcl", { Bucket });
  expect(await shown()).toEqual({ Owner: { ID: owner }, Grants: [full(owner)] });
  await s3.call("PutBucketAcl", { Bucket, ACL: "public-read-write" });
  expect((await shown()).Grants).toEqual([
    full(owner),
    { Grantee: { Type: "Group", URI: allUsers }, Permission: "READ" },
    { Grantee: { Type: "Group", URI: allUsers }, Permission: "WRITE" },
  ]);
  await s3.call("PutBucketAcl", { Bucket, GrantRead: `id="${stranger}", uri=${authenticatedUsers}` });
  expect((await shown()).Grants).toEqual([
    { Grantee: { Type: "CanonicalUser", ID: stranger }, Permission: "READ" },
    { Grantee: { Type: "Group", URI: authenticatedUsers }, Permission: "READ" },
  ]);
  await s3.call("PutBucketAcl", { Bucket, AccessControlPolicy: { Owner: { ID: owner }, Grants: [full(owner)] } });
  expect(await shown()).toEqual({ Owner: { ID: owner }, Grants: [full(owner)] });
});

test.each([
  ["InvalidArgument", { ACL: "everyone" }],
  ["InvalidRequest", { ACL: "private", GrantRead: `id=${stranger}` }],
  ["InvalidArgument", { GrantRead: "id=me" }],
  ["InvalidArgument", { GrantRead: "uri=http://example.com/" }],
  ["InvalidArgument", { GrantRead: 'emailAddress="a@example.com"' }],
  ["InvalidArgument", { GrantRead: "anyone" }],
  ["MalformedACLError", { AccessControlPolicy: { Grants: [full(owner)] } }],
  ["AccessDenied", { AccessControlPolicy: { Owner: { ID: stranger }, Grants: [full(owner)] } }],
  [
    "MalformedACLError",
    { AccessControlPolicy: { Owner: { ID: owner }, Grants: [{ ...full(owner), Permission: "ALL" }] } },
  ],
  ["MissingSecurityHeader", {}],
])("a list is refused with %s: %o", async (code, input) => {
  await using s3 = await withLists();
  await expect(s3.call("PutBucketAcl", { Bucket, ...input } as never)).rejects.toMatchObject({ code });
});

test("where the bucket's owner owns everything there are no lists but his", async () => {
  await using s3 = await openS3();
  await s3.call("CreateBucket", { Bucket });
  await s3.call("PutBucketAcl", { Bucket, ACL: "private" });
  await expect(s3.call("PutBucketAcl", { Bucket, ACL: "authenticated-read" })).rejects.toMatchObject({
    code: "AccessControlListNotSupported",
    status: 400,
    message: "The bucket does not allow ACLs",
  });
});

test("public lists are refused while they are blocked", async () => {
  await using s3 = await openS3();
  await s3.call("CreateBucket", { Bucket, ObjectOwnership: "BucketOwnerPreferred" });
  await expect(s3.call("PutBucketAcl", { Bucket, ACL: "public-read" })).rejects.toMatchObject({
    code: "AccessDenied",
    status: 403,
  });
  await s3.call("PutBucketAcl", { Bucket, GrantRead: `id=${stranger}` });
});

test("ownership cannot be enforced while the bucket's list grants others something", async () => {
  await using s3 = await withLists();
  const enforce = () =>
    s3.call("PutBucketOwnershipControls", {
      Bucket,
      OwnershipControls: { Rules: [{ ObjectOwnership: "BucketOwnerEnforced" }] },
    });
  await s3.call("PutBucketAcl", { Bucket, ACL: "public-read" });
  await expect(enforce()).rejects.toMatchObject({ code: "InvalidBucketAclWithObjectOwnership" });
  await s3.call("PutBucketAcl", { Bucket, ACL: "private" });
  await enforce();
});

function bucketWith(ownership: ObjectOwnership | undefined, more: object = {}): BucketFacts {
  const settings = { ...(ownership && { ownership }), ...more };
  return { name: Bucket, accountId: account, region: "us-east-1", createdAt: 0, settings };
}

function principalOf(accountId: string, kind: Principal["kind"] = "root"): Principal {
  return { kind, accountId, arn: `arn:aws:iam::${accountId}:root`, userId: accountId, accessKeyId: "AKIDEXAMPLE" };
}

test("the list of a new object depends on who owns it", () => {
  const mine = principalOf(account);
  const other = principalOf(otherAccount);
  for (const ACL of [undefined, "private", "bucket-owner-full-control"] as const) {
    expect(objectAclOf({ ...(ACL && { ACL }) }, bucketWith("BucketOwnerEnforced"), other)).toBeUndefined();
  }
  for (const input of [{ ACL: "public-read" }, { GrantRead: `id=${stranger}` }] as const) {
    expect(() => objectAclOf(input, bucketWith(undefined), mine)).toThrow("The bucket does not allow ACLs");
  }
  // What grants the bucket's owner everything and nobody else anything is the same said in another way.
  expect(objectAclOf({ GrantFullControl: `id=${owner}` }, bucketWith(undefined), other)).toBeUndefined();

  expect(objectAclOf({}, bucketWith("ObjectWriter"), mine)).toBeUndefined();
  expect(objectAclOf({}, bucketWith("ObjectWriter"), other)).toEqual({
    Owner: { ID: stranger },
    Grants: [full(stranger)],
  });
  expect(objectAclOf({ ACL: "bucket-owner-full-control" }, bucketWith("ObjectWriter"), other)).toEqual({
    Owner: { ID: stranger },
    Grants: [full(stranger), full(owner)],
  });
  expect(objectAclOf({ ACL: "bucket-owner-full-control" }, bucketWith("BucketOwnerPreferred"), other)).toBeUndefined();
  expect(() =>
    objectAclOf(
      { ACL: "public-read" },
      bucketWith("ObjectWriter", { publicAccessBlock: { BlockPublicAcls: true } }),
      mine,
    ),
  ).toThrow("blocked by the BlockPublicAcls block public access setting");
});

test("grants reach whom they name, and the public only where it is not ignored", () => {
  const acl = (grant: Grant): AccessControlPolicy => ({ Owner: { ID: owner }, Grants: [grant] });
  const toGroup = (URI: string) => acl({ Grantee: { Type: "Group", URI }, Permission: "READ" });
  const open = bucketWith("ObjectWriter");
  const ignoring = bucketWith("ObjectWriter", { publicAccessBlock: { IgnorePublicAcls: true } });
  const anybody = principalOf("anonymous", "anonymous");
  const other = principalOf(otherAccount);
  expect(isGranted(toGroup(allUsers), "READ", open, anybody)).toBe(true);
  expect(isGranted(toGroup(allUsers), "WRITE", open, anybody)).toBe(false);
  expect(isGranted(toGroup(allUsers), "READ", ignoring, other)).toBe(false);
  expect(isGranted(toGroup(authenticatedUsers), "READ", open, anybody)).toBe(false);
  expect(isGranted(toGroup(authenticatedUsers), "READ", open, other)).toBe(true);
  expect(isGranted(acl(full(stranger)), "READ_ACP", ignoring, other)).toBe(true);
  expect(isGranted(acl(full(stranger)), "READ_ACP", open, anybody)).toBe(false);
});

test("objects have lists of their own, and others' objects an owner of their own", async () => {
  await using s3 = await withLists();
  await s3.call("PutObject", { Bucket, Key: "k", Body: streamOf("x"), ACL: "public-read" });
  const grants = async () => (await s3.call("GetObjectAcl", { Bucket, Key: "k" })).Grants;
  const everybody = { Grantee: { Type: "Group", URI: allUsers }, Permission: "READ" };
  expect(await grants()).toEqual([full(owner), everybody]);
  await s3.call("PutObjectAcl", { Bucket, Key: "k", ACL: "private" });
  expect(await grants()).toEqual([full(owner)]);
  await s3.call("PutObject", { Bucket, Key: "theirs", Body: streamOf("x") }, { accountId: otherAccount });
  expect(await s3.call("GetObjectAcl", { Bucket, Key: "theirs" })).toEqual({
    Owner: { ID: stranger },
    Grants: [full(stranger)],
  });
  await s3.call("PutObjectAcl", { Bucket, Key: "theirs", ACL: "bucket-owner-read" }, { accountId: otherAccount });
  expect((await s3.call("GetObjectAcl", { Bucket, Key: "theirs" })).Grants).toEqual([
    full(stranger),
    { Grantee: { Type: "CanonicalUser", ID: owner }, Permission: "READ" },
  ]);
  await expect(s3.call("PutObjectAcl", { Bucket, Key: "none", ACL: "private" })).rejects.toMatchObject({
    code: "NoSuchKey",
  });
  // When the bucket's owner takes over, lists are there no more.
  await s3.call("PutBucketOwnershipControls", {
    Bucket,
    OwnershipControls: { Rules: [{ ObjectOwnership: "BucketOwnerEnforced" }] },
  });
  expect(await s3.call("GetObjectAcl", { Bucket, Key: "theirs" })).toEqual({
    Owner: { ID: owner },
    Grants: [full(owner)],
  });
  await expect(s3.call("PutObjectAcl", { Bucket, Key: "k", ACL: "public-read" })).rejects.toMatchObject({
    code: "AccessControlListNotSupported",
  });
});
