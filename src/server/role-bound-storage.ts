/**
 * Objects as a role may see them. The platform reads the inputs of jobs and endpoints and writes their outputs in the name
 * of their role, so each call is asked of the policies first, like a request that the role had signed.
 */
import type { ObjectStorage, StorageOfRole } from "../jobs/ports.ts";
import type { Principal, Service } from "../protocol/service.ts";
import { sagemakerPrincipal } from "../services/sagemaker/execution-role.ts";
import type { StsService } from "../services/sts/index.ts";
import type { Clock } from "../util/clock.ts";
import type { Authorizer, RequestFacts } from "./authorizer.ts";

/** The S3 operation that a call amounts to, and its input. */
export type AllowS3 = (
  operation: "ListObjectsV2" | "HeadObject" | "GetObject" | "PutObject",
  input: { readonly Bucket: string; readonly Key?: string; readonly Prefix?: string },
) => Promise<void>;

/** @param allow throws AwsError AccessDenied for what the role may not do */
export function roleBoundStorage(storage: ObjectStorage, allow: AllowS3): ObjectStorage {
  return {
    // That a bucket is there is no secret within its account.
    bucketExists: storage.bucketExists.bind(storage),
    async *list(accountId, bucket, prefix) {
      await allow("ListObjectsV2", { Bucket: bucket, Prefix: prefix });
      yield* storage.list(accountId, bucket, prefix);
    },
    async stat(accountId, bucket, key) {
      await allow("HeadObject", { Bucket: bucket, Key: key });
      return storage.stat(accountId, bucket, key);
    },
    async download(accountId, bucket, key, file, signal) {
      await allow("GetObject", { Bucket: bucket, Key: key });
      await storage.download(accountId, bucket, key, file, signal);
    },
    async read(accountId, bucket, key) {
      await allow("GetObject", { Bucket: bucket, Key: key });
      return storage.read(accountId, bucket, key);
    },
    async upload(accountId, bucket, key, source, options) {
      await allow("PutObject", { Bucket: bucket, Key: key });
      await storage.upload(accountId, bucket, key, source, options);
    },
  };
}

/** Name of the sessions in which the platform acts, as AWS calls them. */
const sessionName = "SageMaker";

/** Storage by role, with the platform as a session of the role. */
export function storageOfRoles(parts: {
  readonly objects: ObjectStorage;
  readonly s3: Service;
  readonly sts: Pick<StsService, "servicePrincipal">;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
}): StorageOfRole {
  const { objects, s3, sts, authorizer, clock } = parts;
  return ({ accountId, region, roleArn }) => {
    if (roleArn === undefined) return objects;
    // One session for as long as the storage is used, e.g. while a job's data is brought.
    let session: Promise<Principal> | undefined;
    const assume = async (): Promise<Principal> => {
      const identity = await sts.servicePrincipal({ roleArn, sessionName, service: sagemakerPrincipal });
      return { ...identity, accessKeyId: sagemakerPrincipal };
    };
    return roleBoundStorage(objects, async (operation, input) => {
      const principal = await (session ??= assume());
      const accesses = await s3.accesses!(operation, input, { accountId, region, principal, headers: {} });
      await authorizer.authorize(principal, accesses, () => platformFacts(clock.now(), region), "rest-xml");
    });
  };
}

/** Condition keys of what the platform does itself: it never leaves this process, so nobody can listen. */
function platformFacts(now: number, region: string): RequestFacts {
  return {
    "aws:CurrentTime": new Date(now).toISOString(),
    "aws:EpochTime": String(Math.floor(now / 1000)),
    "aws:SecureTransport": "true",
    "aws:RequestedRegion": region,
    "aws:ViaAWSService": "false",
  };
}
