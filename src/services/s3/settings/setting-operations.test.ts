import { expect, test } from "vitest";
import { openS3, type S3Fixture } from "../../../../tests/support/s3.ts";
import type { S3Operations } from "../../../protocol/generated/s3.ts";
import { compileRefusals } from "../../../protocol/refusals.ts";
import { s3Service } from "../index.ts";

const Bucket = "the-bucket";

async function withBucket(): Promise<S3Fixture> {
  const s3 = await openS3();
  await s3.call("CreateBucket", { Bucket });
  return s3;
}

type Name = keyof S3Operations;

/** Each sub-resource: how it is put, what Get shows then, and what Get says when there is none. */
const subResources: readonly {
  readonly get: Name;
  readonly put: Name;
  readonly input: object;
  readonly shown: object;
  readonly remove?: Name;
  readonly absent: string | object;
}[] = [
  {
    get: "GetBucketVersioning",
    put: "PutBucketVersioning",
    input: { VersioningConfiguration: { Status: "Suspended" } },
    shown: { Status: "Suspended" },
    absent: {},
  },
  {
    get: "GetBucketTagging",
    put: "PutBucketTagging",
    input: { Tagging: { TagSet: [{ Key: "größe", Value: "" }] } },
    shown: { TagSet: [{ Key: "größe", Value: "" }] },
    remove: "DeleteBucketTagging",
    absent: "NoSuchTagSet",
  },
  {
    get: "GetBucketCors",
    put: "PutBucketCors",
    input: { CORSConfiguration: { CORSRules: [{ AllowedMethods: ["GET"], AllowedOrigins: ["*"] }] } },
    shown: { CORSRules: [{ AllowedMethods: ["GET"], AllowedOrigins: ["*"] }] },
    remove: "DeleteBucketCors",
    absent: "NoSuchCORSConfiguration",
  },
  {
    get: "GetBucketWebsite",
    put: "PutBucketWebsite",
    input: { WebsiteConfiguration: { IndexDocument: { Suffix: "index.html" } } },
    shown: { IndexDocument: { Suffix: "index.html" } },
    remove: "DeleteBucketWebsite",
    absent: "NoSuchWebsiteConfiguration",
  },
  {
    get: "GetBucketLifecycleConfiguration",
    put: "PutBucketLifecycleConfiguration",
    input: {
      LifecycleConfiguration: {
        Rules: [
          { ID: "old", Status: "Enabled", Filter: { Prefix: "tmp/" }, Expiration: { Date: new Date("2030-01-01") } },
        ],
      },
    },
    shown: {
      Rules: [
        { ID: "old", Status: "Enabled", Filter: { Prefix: "tmp/" }, Expiration: { Date: new Date("2030-01-01") } },
      ],
      TransitionDefaultMinimumObjectSize: "all_storage_classes_128K",
    },
    remove: "DeleteBucketLifecycle",
    absent: "NoSuchLifecycleConfiguration",
  },
  {
    get: "GetBucketEncryption",
    put: "PutBucketEncryption",
    input: {
      ServerSideEncryptionConfiguration: {
        Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" }, BucketKeyEnabled: false }],
      },
    },
    shown: {
      ServerSideEncryptionConfiguration: {
        Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" }, BucketKeyEnabled: false }],
      },
    },
    remove: "DeleteBucketEncryption",
    absent: "ServerSideEncryptionConfigurationNotFoundError",
  },
  {
    get: "GetPublicAccessBlock",
    put: "PutPublicAccessBlock",
    input: { PublicAccessBlockConfiguration: { BlockPublicAcls: true } },
    shown: {
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        IgnorePublicAcls: false,
        BlockPublicPolicy: false,
        RestrictPublicBuckets: false,
      },
    },
    remove: "DeletePublicAccessBlock",
    absent: "NoSuchPublicAccessBlockConfiguration",
  },
  {
    get: "GetBucketOwnershipControls",
    put: "PutBucketOwnershipControls",
    input: { OwnershipControls: { Rules: [{ ObjectOwnership: "ObjectWriter" }] } },
    shown: { OwnershipControls: { Rules: [{ ObjectOwnership: "ObjectWriter" }] } },
    remove: "DeleteBucketOwnershipControls",
    absent: "OwnershipControlsNotFoundError",
  },
  {
    get: "GetBucketRequestPayment",
    put: "PutBucketRequestPayment",
    input: { RequestPaymentConfiguration: { Payer: "Requester" } },
    shown: { Payer: "Requester" },
    absent: { Payer: "BucketOwner" },
  },
];

test.each(subResources)(
  "$put is shown by $get, also after a restart",
  async ({ get, put, input, shown, remove, absent }) => {
    await using s3 = await withBucket();
    const call = (store: S3Fixture, operation: Name, more = {}) => store.call(operation, { Bucket, ...more } as never);
    const requireAbsent = async () => {
      if (typeof absent === "string") {
        await expect(call(s3, get)).rejects.toMatchObject({
          code: absent,
          status: 404,
          members: { BucketName: Bucket },
        });
      } else expect(await call(s3, get)).toEqual(absent);
    };
    // New buckets have some settings of their own.
    if (remove !== undefined) await call(s3, remove);
    await requireAbsent();
    await call(s3, put, input);
    expect(await call(s3, get)).toEqual(shown);
    const again = await s3.reopen();
    expect(await call(again, get)).toEqual(shown);
    if (remove === undefined) return;
    await again.call(remove, { Bucket } as never);
    const { code } = await again.call(get, { Bucket } as never).then(
      () => ({ code: "none" }),
      (error: { code: string }) => error,
    );
    expect(code).toBe(absent);
  },
);

test("writers of different settings do not undo each other", async () => {
  await using s3 = await withBucket();
  await Promise.all([
    s3.call("PutBucketVersioning", { Bucket, VersioningConfiguration: { Status: "Enabled" } }),
    s3.call("PutBucketCors", {
      Bucket,
      CORSConfiguration: { CORSRules: [{ AllowedMethods: ["PUT"], AllowedOrigins: ["http://a.example"] }] },
    }),
    s3.call("PutBucketWebsite", { Bucket, WebsiteConfiguration: { IndexDocument: { Suffix: "i.html" } } }),
    s3.call("PutBucketRequestPayment", { Bucket, RequestPaymentConfiguration: { Payer: "Requester" } }),
    s3.call("DeletePublicAccessBlock", { Bucket }),
  ]);
  expect((await s3.objects.bucket(Bucket))!.settings).toEqual({
    ownership: "BucketOwnerEnforced",
    versioning: "Enabled",
    cors: { CORSRules: [{ AllowedMethods: ["PUT"], AllowedOrigins: ["http://a.example"] }] },
    website: { IndexDocument: { Suffix: "i.html" } },
    requestPayer: "Requester",
  });
});

test("new tags take the place of all that were there", async () => {
  await using s3 = await withBucket();
  const put = (...TagSet: { Key: string; Value: string }[]) =>
    s3.call("PutBucketTagging", { Bucket, Tagging: { TagSet } });
  await put({ Key: "a", Value: "1" }, { Key: "b", Value: "2" });
  await put({ Key: "b", Value: "3" }, { Key: "c", Value: "4" });
  expect(await s3.records.tags(`arn:aws:s3:::${Bucket}`)).toEqual({ b: "3", c: "4" });
});

test.each([
  ["InvalidTag", [{ Key: "", Value: "" }]],
  ["InvalidTag", [{ Key: "aws:x", Value: "" }]],
  ["InvalidTag", [{ Key: "a", Value: "<" }]],
  ["InvalidTag", [{ Key: "k".repeat(129), Value: "" }]],
  ["InvalidTag", [{ Key: "k", Value: "v".repeat(257) }]],
  [
    "InvalidTag",
    [
      { Key: "a", Value: "1" },
      { Key: "a", Value: "2" },
    ],
  ],
  ["BadRequest", Array.from({ length: 51 }, (_, n) => ({ Key: `k${n}`, Value: "" }))],
])("tags are refused with %s: %o", async (code, TagSet) => {
  await using s3 = await withBucket();
  await expect(s3.call("PutBucketTagging", { Bucket, Tagging: { TagSet } })).rejects.toMatchObject({ code });
});

test.each([
  ["MalformedXML", {}],
  ["MalformedXML", { Filter: {}, Prefix: "", Expiration: { Days: 1 } }],
  ["InvalidRequest", { Filter: {} }],
  ["InvalidArgument", { Filter: {}, Expiration: { Days: 0 } }],
  ["InvalidArgument", { Filter: {}, Expiration: { Date: new Date("2030-01-01T01:00:00Z") } }],
  ["MalformedXML", { Filter: {}, Expiration: { Days: 1, ExpiredObjectDeleteMarker: true } }],
  ["MalformedXML", { Filter: { Prefix: "a", ObjectSizeLessThan: 4 }, Expiration: { Days: 1 } }],
  ["MalformedXML", { Filter: { And: { Prefix: "a" } }, Expiration: { Days: 1 } }],
  [
    "InvalidRequest",
    {
      Filter: {
        And: {
          Tags: [
            { Key: "a", Value: "1" },
            { Key: "a", Value: "2" },
          ],
        },
      },
      Expiration: { Days: 1 },
    },
  ],
  [
    "InvalidRequest",
    { Filter: { Tag: { Key: "a", Value: "" } }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } },
  ],
  ["InvalidArgument", { Filter: {}, NoncurrentVersionExpiration: { NoncurrentDays: 1, NewerNoncurrentVersions: 101 } }],
  ["InvalidArgument", { Filter: {}, ID: "i".repeat(256), Expiration: { Days: 1 } }],
])("a lifecycle rule is refused with %s: %o", async (code, rule) => {
  await using s3 = await withBucket();
  const Rules = [{ Status: "Enabled" as const, ...rule }];
  await expect(
    s3.call("PutBucketLifecycleConfiguration", { Bucket, LifecycleConfiguration: { Rules } }),
  ).rejects.toMatchObject({ code });
});

test("lifecycle rules have different ids, and get one when they have none", async () => {
  await using s3 = await withBucket();
  const put = (...ids: string[]) =>
    s3.call("PutBucketLifecycleConfiguration", {
      Bucket,
      LifecycleConfiguration: {
        Rules: ids.map((ID) => ({ ...(ID !== "" && { ID }), Status: "Enabled", Prefix: "", Expiration: { Days: 1 } })),
      },
    });
  await expect(put("same", "same")).rejects.toMatchObject({
    code: "InvalidArgument",
    message: "Rule ID must be unique. Found same ID for more than one rule",
  });
  await put("", "");
  const { Rules } = await s3.call("GetBucketLifecycleConfiguration", { Bucket });
  expect(new Set(Rules!.map(({ ID }) => ID!)).size).toBe(2);
});

test.each([
  ["MalformedXML", []],
  ["MalformedXML", [{ AllowedMethods: [], AllowedOrigins: ["*"] }]],
  ["InvalidRequest", [{ AllowedMethods: ["OPTIONS"], AllowedOrigins: ["*"] }]],
  ["InvalidRequest", [{ AllowedMethods: ["GET"], AllowedOrigins: ["http://*.*.example"] }]],
  ["InvalidRequest", [{ AllowedMethods: ["GET"], AllowedOrigins: ["*"], AllowedHeaders: ["*-*"] }]],
  ["InvalidRequest", [{ AllowedMethods: ["GET"], AllowedOrigins: ["*"], ExposeHeaders: ["x-*"] }]],
  ["MalformedXML", [{ AllowedMethods: ["GET"], AllowedOrigins: ["*"], ExposeHeaders: ["a\r\nb: c"] }]],
  ["MalformedXML", [{ AllowedMethods: ["GET"], AllowedOrigins: ["*"], MaxAgeSeconds: -1 }]],
])("a CORS configuration is refused with %s: %o", async (code, CORSRules) => {
  await using s3 = await withBucket();
  await expect(s3.call("PutBucketCors", { Bucket, CORSConfiguration: { CORSRules } })).rejects.toMatchObject({ code });
});

const index = { IndexDocument: { Suffix: "index.html" } };

test.each([
  ["MalformedXML", {}],
  ["MalformedXML", { ...index, RedirectAllRequestsTo: { HostName: "example.com" } }],
  ["InvalidArgument", { IndexDocument: { Suffix: "a/b" } }],
  ["InvalidArgument", { ...index, ErrorDocument: { Key: "" } }],
  ["InvalidRequest", { ...index, RoutingRules: [{ Redirect: { ReplaceKeyWith: "a", ReplaceKeyPrefixWith: "b" } }] }],
  ["InvalidRequest", { ...index, RoutingRules: [{ Redirect: { HttpRedirectCode: "200" } }] }],
  [
    "InvalidRequest",
    { ...index, RoutingRules: [{ Condition: { HttpErrorCodeReturnedEquals: "302" }, Redirect: { HostName: "x" } }] },
  ],
  ["InvalidArgument", { ...index, RoutingRules: [{ Redirect: { HostName: "x\r\ny: z" } }] }],
  ["InvalidRequest", { RedirectAllRequestsTo: { HostName: "x", Protocol: "ftp" as never } }],
])("a website configuration is refused with %s: %o", async (code, WebsiteConfiguration) => {
  await using s3 = await withBucket();
  await expect(s3.call("PutBucketWebsite", { Bucket, WebsiteConfiguration })).rejects.toMatchObject({ code });
});

test.each([
  ["MalformedXML", "PutBucketVersioning", { VersioningConfiguration: { Status: "Off" } }],
  ["IllegalVersioningConfigurationException", "PutBucketVersioning", { VersioningConfiguration: {} }],
  ["MalformedXML", "PutBucketRequestPayment", { RequestPaymentConfiguration: { Payer: "Me" } }],
  ["MalformedXML", "PutBucketOwnershipControls", { OwnershipControls: { Rules: [] } }],
  ["MalformedXML", "PutBucketEncryption", { ServerSideEncryptionConfiguration: { Rules: [] } }],
  [
    "NotImplemented",
    "PutBucketEncryption",
    {
      ServerSideEncryptionConfiguration: {
        Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "aws:kms", KMSMasterKeyID: "alias/mine" } }],
      },
    },
  ],
] as const)("%s: %s with %o", async (code, operation, input) => {
  await using s3 = await withBucket();
  await expect(s3.call(operation, { Bucket, ...input } as never)).rejects.toMatchObject({ code });
});

test.each([
  ["PutBucketVersioning", { MFA: "device 123456" }, "MFA"],
  [
    "PutBucketVersioning",
    { VersioningConfiguration: { MFADelete: "Enabled" } },
    "VersioningConfiguration.MFADelete=Enabled",
  ],
  [
    "PutBucketLifecycleConfiguration",
    { LifecycleConfiguration: { Rules: [{ Transitions: [{}] }] } },
    "LifecycleConfiguration.Rules[].Transitions[]",
  ],
  [
    "PutBucketLifecycleConfiguration",
    { LifecycleConfiguration: { Rules: [{ NoncurrentVersionTransitions: [{}] }] } },
    "LifecycleConfiguration.Rules[].NoncurrentVersionTransitions[]",
  ],
] as const)("%s with %o is refused by the name %s", async (operation, input, named) => {
  await using s3 = await openS3();
  const { refuses } = s3Service(s3).operations[operation];
  expect(compileRefusals(refuses).check(input)?.startsWith(`${named} is not supported by Sagebrush: `)).toBe(true);
});

test.each([
  ["GetBucketReplication", "ReplicationConfigurationNotFoundError", 404],
  ["GetObjectLockConfiguration", "ObjectLockConfigurationNotFoundError", 404],
  ["GetBucketInventoryConfiguration", "NoSuchConfiguration", 404],
] as const)("%s says that there is nothing: %s", async (operation, code, status) => {
  await using s3 = await withBucket();
  await expect(s3.call(operation, { Bucket, Id: "x" })).rejects.toMatchObject({ code, status });
  await expect(s3.call(operation, { Bucket: "no-bucket", Id: "x" })).rejects.toMatchObject({ code: "NoSuchBucket" });
});

test("what was never set is shown as empty", async () => {
  await using s3 = await withBucket();
  expect(await s3.call("GetBucketLogging", { Bucket })).toEqual({});
  expect(await s3.call("GetBucketAccelerateConfiguration", { Bucket })).toEqual({});
  expect(await s3.call("ListBucketMetricsConfigurations", { Bucket })).toEqual({ IsTruncated: false });
});
