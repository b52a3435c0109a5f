import { expect, test } from "vitest";
import { account, openS3, otherAccount, streamOf } from "../../../tests/support/s3.ts";

test("a bucket is made once in the whole server", async () => {
  await using s3 = await openS3();
  expect(await s3.call("CreateBucket", { Bucket: "the-bucket" })).toEqual({
    Location: "/the-bucket",
    BucketArn: "arn:aws:s3:::the-bucket",
  });
  await expect(s3.call("CreateBucket", { Bucket: "the-bucket" }, { accountId: otherAccount })).rejects.toMatchObject({
    code: "BucketAlreadyExists",
    status: 409,
    members: { BucketName: "the-bucket" },
  });
});

test("making one's own bucket again succeeds in us-east-1 and nowhere else", async () => {
  await using s3 = await openS3();
  await s3.call("CreateBucket", { Bucket: "old-bucket" });
  await expect(s3.call("CreateBucket", { Bucket: "old-bucket" })).resolves.toMatchObject({ Location: "/old-bucket" });
  const seoul = { region: "ap-northeast-2" };
  const input = { Bucket: "new-bucket", CreateBucketConfiguration: { LocationConstraint: "ap-northeast-2" } } as const;
  await s3.call("CreateBucket", input, seoul);
  await expect(s3.call("CreateBucket", input, seoul)).rejects.toMatchObject({
    code: "BucketAlreadyOwnedByYou",
    message: "Your previous request to create the named bucket succeeded and you already own it.",
  });
});

test("the location constraint names the region of the endpoint, or any through us-east-1", async () => {
  await using s3 = await openS3();
  const create = (name: string, constraint: string | undefined, region: string) =>
    s3.call(
      "CreateBucket",
      { Bucket: name, ...(constraint && { CreateBucketConfiguration: { LocationConstraint: constraint as "EU" } }) },
      { region },
    );
  await create("tokyo", "ap-northeast-1", "us-east-1");
  await create("ireland", "EU", "eu-west-1");
  expect(await s3.call("GetBucketLocation", { Bucket: "tokyo" })).toEqual({ LocationConstraint: "ap-northeast-1" });
  expect(await s3.call("HeadBucket", { Bucket: "ireland" })).toMatchObject({ BucketRegion: "eu-west-1" });
  await expect(create("nowhere", undefined, "eu-west-1")).rejects.toMatchObject({
    code: "IllegalLocationConstraintException",
    message:
      "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.",
  });
  await expect(create("elsewhere", "us-west-2", "eu-west-1")).rejects.toMatchObject({
    code: "IllegalLocationConstraintException",
    message:
      "The us-west-2 location constraint is incompatible for the region specific endpoint this request was sent to.",
  });
  await expect(create("default", "us-east-1", "us-east-1")).rejects.toMatchObject({
    code: "InvalidLocationConstraint",
  });
  await expect(create("default", "the-moon", "us-east-1")).rejects.toMatchObject({ code: "InvalidLocationConstraint" });
});

test("the oldest region is told by an empty location", async () => {
  await using s3 = await openS3();
  await s3.call("CreateBucket", { Bucket: "the-bucket" });
  expect(await s3.call("GetBucketLocation", { Bucket: "the-bucket" })).toEqual({});
});

test("only an empty bucket can be deleted, and its unfinished uploads go with it", async () => {
  await using s3 = await openS3();
  await s3.call("CreateBucket", { Bucket: "the-bucket" });
  await s3.call("PutObject", { Bucket: "the-bucket", Key: "k", Body: streamOf("x") });
  await expect(s3.call("DeleteBucket", { Bucket: "the-bucket" })).rejects.toMatchObject({
    code: "BucketNotEmpty",
    status: 409,
    message: "The bucket you tried to delete is not empty",
  });
  await s3.call("DeleteObject", { Bucket: "the-bucket", Key: "k" });
  const { UploadId } = await s3.call("CreateMultipartUpload", { Bucket: "the-bucket", Key: "big" });
  await s3.call("UploadPart", {
    Bucket: "the-bucket",
    Key: "big",
    UploadId: UploadId!,
    PartNumber: 1,
    Body: streamOf("x"),
  });
  await s3.call("DeleteBucket", { Bucket: "the-bucket" });
  expect(await s3.blobIds()).toEqual([]);
  await expect(s3.call("HeadBucket", { Bucket: "the-bucket" })).rejects.toMatchObject({
    code: "NoSuchBucket",
    status: 404,
    members: { BucketName: "the-bucket" },
  });
  await s3.call("CreateBucket", { Bucket: "the-bucket" });
  expect((await s3.call("ListMultipartUploads", { Bucket: "the-bucket" })).Uploads).toEqual([]);
});

test("an account sees its own buckets, by prefix, region and page", async () => {
  await using s3 = await openS3();
  for (const name of ["b-2", "b-1", "a-1", "b-3"]) await s3.call("CreateBucket", { Bucket: `${name}-bucket` });
  await s3.call("CreateBucket", { Bucket: "b-9-bucket" }, { accountId: otherAccount });
  const names = async (input: Parameters<typeof s3.call<"ListBuckets">>[1]) => {
    const { Buckets, ContinuationToken } = await s3.call("ListBuckets", input);
    return { names: Buckets!.map(({ Name }) => Name), next: ContinuationToken };
  };
  expect((await names({})).names).toEqual(["a-1-bucket", "b-1-bucket", "b-2-bucket", "b-3-bucket"]);
  expect((await names({ BucketRegion: "eu-west-1" })).names).toEqual([]);
  const first = await names({ Prefix: "b-", MaxBuckets: 2 });
  expect(first.names).toEqual(["b-1-bucket", "b-2-bucket"]);
  const second = await names({ Prefix: "b-", MaxBuckets: 2, ContinuationToken: first.next! });
  expect(second).toEqual({ names: ["b-3-bucket"], next: undefined });
  await expect(names({ MaxBuckets: 0 })).rejects.toMatchObject({ code: "InvalidArgument" });
});

test("a bucket is missing for everybody, and another account's than expected is not told about", async () => {
  await using s3 = await openS3();
  await s3.call("CreateBucket", { Bucket: "the-bucket" });
  await expect(s3.call("HeadBucket", { Bucket: "no-bucket" }, { anonymous: true })).rejects.toMatchObject({
    code: "NoSuchBucket",
  });
  const wrongOwner = { Bucket: "the-bucket", ExpectedBucketOwner: otherAccount };
  await expect(s3.call("HeadBucket", wrongOwner)).rejects.toMatchObject({ code: "AccessDenied", status: 403 });
  await s3.call("HeadBucket", { Bucket: "the-bucket", ExpectedBucketOwner: account });
});

test("where the requester pays, strangers must agree to", async () => {
  await using s3 = await openS3();
  const Bucket = "the-bucket";
  await s3.call("CreateBucket", { Bucket });
  await s3.call("PutBucketRequestPayment", { Bucket, RequestPaymentConfiguration: { Payer: "Requester" } });
  expect(await s3.call("GetBucketRequestPayment", { Bucket })).toEqual({ Payer: "Requester" });
  await s3.call("HeadBucket", { Bucket });
  const stranger = { accountId: otherAccount };
  await expect(s3.call("HeadBucket", { Bucket }, stranger)).rejects.toMatchObject({ code: "AccessDenied" });
  await s3.call("HeadBucket", { Bucket }, { ...stranger, headers: { "x-amz-request-payer": "requester" } });
});

test("new buckets are closed: no lists, nothing public, and the tags they were given", async () => {
  await using s3 = await openS3();
  const Bucket = "the-bucket";
  await s3.call("CreateBucket", { Bucket, CreateBucketConfiguration: { Tags: [{ Key: "team", Value: "blue" }] } });
  expect(await s3.call("GetPublicAccessBlock", { Bucket })).toEqual({
    PublicAccessBlockConfiguration: {
      BlockPublicAcls: true,
      IgnorePublicAcls: true,
      BlockPublicPolicy: true,
      RestrictPublicBuckets: true,
    },
  });
  expect(await s3.call("GetBucketOwnershipControls", { Bucket })).toEqual({
    OwnershipControls: { Rules: [{ ObjectOwnership: "BucketOwnerEnforced" }] },
  });
  expect(await s3.call("GetBucketTagging", { Bucket })).toEqual({ TagSet: [{ Key: "team", Value: "blue" }] });
  expect(await s3.records.tags("arn:aws:s3:::the-bucket")).toEqual({ team: "blue" });

  await expect(s3.call("CreateBucket", { Bucket: "open-bucket", ACL: "public-read" })).rejects.toMatchObject({
    code: "InvalidBucketAclWithObjectOwnership",
  });
  await expect(
    s3.call("CreateBucket", { Bucket: "open-bucket", ACL: "public-read", ObjectOwnership: "ObjectWriter" }),
  ).rejects.toMatchObject({ code: "InvalidBucketAclWithBlockPublicAccessError" });
  await s3.call("CreateBucket", { Bucket: "old-bucket", ACL: "private", ObjectOwnership: "BucketOwnerPreferred" });
});

test("a deleted bucket takes its settings and tags along", async () => {
  await using s3 = await openS3();
  const Bucket = "the-bucket";
  await s3.call("CreateBucket", { Bucket, CreateBucketConfiguration: { Tags: [{ Key: "a", Value: "b" }] } });
  await s3.call("PutBucketVersioning", { Bucket, VersioningConfiguration: { Status: "Enabled" } });
  await s3.call("DeleteBucket", { Bucket });
  await s3.call("CreateBucket", { Bucket });
  await expect(s3.call("GetBucketTagging", { Bucket })).rejects.toMatchObject({ code: "NoSuchTagSet", status: 404 });
  expect(await s3.call("GetBucketVersioning", { Bucket })).toEqual({});
});
