/**
 * What each S3 operation does to which resource, as policies see it.
 *
 * Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3", and Amazon S3 User
 * Guide, "Required permissions for Amazon S3 API operations".
 */
import type { Access } from "../../protocol/access.ts";
import type { AccessRules } from "../../protocol/service.ts";
import { accessTo, existing, type AccessContext, type AccessTarget, type ObjectFinder } from "./accesses.ts";
import { parseCopySource } from "./requests.ts";
import { asksForAcl, type AclRequest } from "./settings/acl.ts";

type Input = Readonly<Record<string, unknown>>;

/** One action, or another where the request names a version. */
type Action = string | readonly [current: string, ofVersion: string];

interface Rule {
  readonly on: "account" | "bucket" | "object" | "nothing";
  readonly actions: readonly Action[];
  /** Further actions that some parameters ask for. */
  readonly also?: (input: Input) => readonly string[];
  /** Reads the object of the copy source, too. */
  readonly copies?: true;
}

const account = (...actions: readonly string[]): Rule => ({ on: "account", actions });
const bucket = (...actions: readonly string[]): Rule => ({ on: "bucket", actions });
const object = (...actions: readonly Action[]): Rule => ({ on: "object", actions });
const write = (...actions: readonly Action[]): Rule => ({ on: "object", actions, also: actionsOfNewObject });

/** Operations that are not here are `s3:<name>` of their bucket or object. */
const rules: Readonly<Record<string, Rule>> = {
  AbortMultipartUpload: object("AbortMultipartUpload"),
  CompleteMultipartUpload: object("PutObject"),
  CopyObject: { ...write("PutObject"), copies: true },
  CreateBucket: { ...bucket("CreateBucket"), also: actionsOfNewBucket },
  CreateMultipartUpload: write("PutObject"),
  DeleteBucketAnalyticsConfiguration: bucket("PutAnalyticsConfiguration"),
  DeleteBucketCors: bucket("PutBucketCORS"),
  DeleteBucketEncryption: bucket("PutEncryptionConfiguration"),
  DeleteBucketIntelligentTieringConfiguration: bucket("PutIntelligentTieringConfiguration"),
  DeleteBucketInventoryConfiguration: bucket("PutInventoryConfiguration"),
  DeleteBucketLifecycle: bucket("PutLifecycleConfiguration"),
  DeleteBucketMetricsConfiguration: bucket("PutMetricsConfiguration"),
  DeleteBucketOwnershipControls: bucket("PutBucketOwnershipControls"),
  DeleteBucketReplication: bucket("PutReplicationConfiguration"),
  DeleteBucketTagging: bucket("PutBucketTagging"),
  DeleteObject: object(["DeleteObject", "DeleteObjectVersion"]),
  DeleteObjectTagging: object(["DeleteObjectTagging", "DeleteObjectVersionTagging"]),
  // Each key is asked about by itself, so that some may be deleted where others may not.
  DeleteObjects: { on: "nothing", actions: [] },
  DeletePublicAccessBlock: bucket("PutBucketPublicAccessBlock"),
  GetBucketAccelerateConfiguration: bucket("GetAccelerateConfiguration"),
  GetBucketAnalyticsConfiguration: bucket("GetAnalyticsConfiguration"),
  GetBucketCors: bucket("GetBucketCORS"),
  GetBucketEncryption: bucket("GetEncryptionConfiguration"),
  GetBucketIntelligentTieringConfiguration: bucket("GetIntelligentTieringConfiguration"),
  GetBucketInventoryConfiguration: bucket("GetInventoryConfiguration"),
  GetBucketLifecycle: bucket("GetLifecycleConfiguration"),
  GetBucketLifecycleConfiguration: bucket("GetLifecycleConfiguration"),
  GetBucketMetricsConfiguration: bucket("GetMetricsConfiguration"),
  GetBucketNotificationConfiguration: bucket("GetBucketNotification"),
  GetBucketReplication: bucket("GetReplicationConfiguration"),
  GetObject: object(["GetObject", "GetObjectVersion"]),
  GetObjectAcl: object(["GetObjectAcl", "GetObjectVersionAcl"]),
  GetObjectAttributes: object(["GetObject", "GetObjectVersion"], ["GetObjectAttributes", "GetObjectVersionAttributes"]),
  GetObjectLockConfiguration: bucket("GetBucketObjectLockConfiguration"),
  GetObjectTagging: object(["GetObjectTagging", "GetObjectVersionTagging"]),
  GetObjectTorrent: object(["GetObjectTorrent", "GetObjectVersionTorrent"]),
  GetPublicAccessBlock: bucket("GetBucketPublicAccessBlock"),
  HeadBucket: bucket("ListBucket"),
  HeadObject: object(["GetObject", "GetObjectVersion"]),
  ListBucketAnalyticsConfigurations: bucket("GetAnalyticsConfiguration"),
  ListBucketIntelligentTieringConfigurations: bucket("GetIntelligentTieringConfiguration"),
  ListBucketInventoryConfigurations: bucket("GetInventoryConfiguration"),
  ListBucketMetricsConfigurations: bucket("GetMetricsConfiguration"),
  ListBuckets: account("ListAllMyBuckets"),
  ListDirectoryBuckets: account("ListAllMyDirectoryBuckets"),
  ListMultipartUploads: bucket("ListBucketMultipartUploads"),
  ListObjectVersions: bucket("ListBucketVersions"),
  ListObjects: bucket("ListBucket"),
  ListObjectsV2: bucket("ListBucket"),
  ListParts: object("ListMultipartUploadParts"),
  PutBucketAccelerateConfiguration: bucket("PutAccelerateConfiguration"),
  PutBucketAnalyticsConfiguration: bucket("PutAnalyticsConfiguration"),
  PutBucketCors: bucket("PutBucketCORS"),
  PutBucketEncryption: bucket("PutEncryptionConfiguration"),
  PutBucketIntelligentTieringConfiguration: bucket("PutIntelligentTieringConfiguration"),
  PutBucketInventoryConfiguration: bucket("PutInventoryConfiguration"),
  PutBucketLifecycle: bucket("PutLifecycleConfiguration"),
  PutBucketLifecycleConfiguration: bucket("PutLifecycleConfiguration"),
  PutBucketMetricsConfiguration: bucket("PutMetricsConfiguration"),
  PutBucketNotificationConfiguration: bucket("PutBucketNotification"),
  PutBucketReplication: bucket("PutReplicationConfiguration"),
  PutObject: write("PutObject"),
  PutObjectAcl: object(["PutObjectAcl", "PutObjectVersionAcl"]),
  PutObjectLockConfiguration: bucket("PutBucketObjectLockConfiguration"),
  PutObjectTagging: object(["PutObjectTagging", "PutObjectVersionTagging"]),
  PutPublicAccessBlock: bucket("PutBucketPublicAccessBlock"),
  SelectObjectContent: object("GetObject"),
  UploadPart: object("PutObject"),
  UploadPartCopy: { ...object("PutObject"), copies: true },
};

export function accessRules(objects: ObjectFinder): AccessRules {
  return async (operation, input, context) => {
    const { Bucket: name, Key: key } = input;
    const { on, actions, also, copies } = Object.hasOwn(rules, operation)
      ? rules[operation]
      : (typeof key === "string" ? object : bucket)(operation);
    const wholesale = actions.flat().map((action) => ({ action: `s3:${action}`, resource: "*" }));
    if (on === "account") return wholesale;
    if (on === "nothing") return [];
    if (typeof name !== "string") return wholesale;

    const found = operation === "CreateBucket" ? undefined : await objects.bucket(name);
    // Whoever asks for a bucket that is not there is told so, by the handler, unless its own policies forbid to ask.
    if (found === undefined && context.principal.kind === "anonymous" && operation !== "CreateBucket") return [];
    const target: AccessTarget = {
      name,
      bucket: found,
      ...(on === "object" && typeof key === "string" ? { key } : {}),
      ...(typeof input["VersionId"] === "string" ? { versionId: input["VersionId"] } : {}),
    };
    const wanted = actions.map((action) =>
      typeof action === "string" ? action : action[target.versionId === undefined ? 0 : 1],
    );
    const all = also === undefined ? wanted : [...wanted, ...also(input)];
    const facts: AccessContext = { principal: context.principal, headers: context.headers, input };
    const accesses: Access[] = [];
    for (const action of all) accesses.push(await accessTo(objects, `s3:${action}`, target, facts));
    if (copies === true) accesses.push(...(await accessesToSource(objects, operation, facts)));
    return accesses;
  };
}

/** Reading what is copied; its tags are read where the copy gets them. */
async function accessesToSource(objects: ObjectFinder, operation: string, context: AccessContext): Promise<Access[]> {
  const { CopySource: header, TaggingDirective: tagging } = context.input;
  const source = typeof header === "string" ? readCopySource(header) : undefined;
  if (source === undefined) return [];
  const { bucket: name, key, versionId } = source;
  const found = await objects.bucket(name);
  if (found === undefined && context.principal.kind === "anonymous") return [];
  const target = { name, key, bucket: found, ...(versionId === undefined ? {} : { versionId }) };
  const suffix = versionId === undefined ? "" : "Version";
  const read = await accessTo(objects, `s3:GetObject${suffix}`, target, context);
  const copiesTags = operation === "CopyObject" && tagging !== "REPLACE" && (await isTagged(objects, target));
  return copiesTags ? [read, await accessTo(objects, `s3:GetObject${suffix}Tagging`, target, context)] : [read];
}

async function isTagged(objects: ObjectFinder, { bucket: place, key, versionId }: AccessTarget): Promise<boolean> {
  if (place === undefined || key === undefined) return false;
  const found = await existing(objects, place, key, versionId);
  return Object.keys(found?.tags ?? {}).length > 0;
}

/** undefined for a header that the handler will refuse, saying why. */
function readCopySource(header: string): { bucket: string; key: string; versionId?: string } | undefined {
  try {
    return parseCopySource(header);
  } catch {
    return undefined;
  }
}

function actionsOfNewObject(input: Input): readonly string[] {
  return [
    ...(input["Tagging"] === undefined ? [] : ["PutObjectTagging"]),
    ...(asksForAcl(input as AclRequest) ? ["PutObjectAcl"] : []),
    ...(input["ObjectLockMode"] === undefined ? [] : ["PutObjectRetention"]),
    ...(input["ObjectLockLegalHoldStatus"] === undefined ? [] : ["PutObjectLegalHold"]),
  ];
}

function actionsOfNewBucket(input: Input): readonly string[] {
  const {
    ObjectOwnership: ownership,
    CreateBucketConfiguration: configuration,
    ObjectLockEnabledForBucket: lock,
  } = input;
  const tags = (configuration as { Tags?: unknown } | undefined)?.Tags;
  return [
    ...(asksForAcl(input as AclRequest) ? ["PutBucketAcl"] : []),
    ...(ownership === undefined ? [] : ["PutBucketOwnershipControls"]),
    ...(tags === undefined ? [] : ["TagResource"]),
    ...(lock === true ? ["PutBucketObjectLockConfiguration", "PutBucketVersioning"] : []),
  ];
}
