/** Who may use a bucket: only requests that are signed by an account that owns it. */
import type { RequestContext } from "../../protocol/service.ts";
import type { Actor } from "../../storage/record-store.ts";
import { noSuchBucket, s3Error } from "./errors.ts";
import type { ObjectStore } from "./object-store.ts";
import type { Bucket } from "./records.ts";

/**
 * The bucket of a request.
 * @param expectedOwner account id that the client believes to own it
 * @throws AwsError AccessDenied, NoSuchBucket
 */
export async function usableBucket(
  objects: ObjectStore,
  context: RequestContext,
  name: string,
  expectedOwner: string | undefined,
): Promise<Bucket> {
  requireSignature(context);
  const bucket = await objects.bucket(name);
  if (bucket === undefined) throw noSuchBucket(name);
  if (bucket.accountId !== context.accountId || (expectedOwner ?? bucket.accountId) !== bucket.accountId) {
    throw s3Error("AccessDenied");
  }
  return bucket;
}

/** @throws AwsError AccessDenied */
export function requireSignature(context: RequestContext): void {
  if (context.principal.kind === "anonymous") throw s3Error("AccessDenied");
}

export function actorOf(context: RequestContext): Actor {
  return { by: context.principal.arn, call: `s3:${context.operation}`, requestId: context.requestId };
}
