/** The bucket of a request. What the caller may do with it was decided before (access-rules.ts). */
import type { RequestContext } from "../../protocol/service.ts";
import type { Actor } from "../../storage/record-store.ts";
import { noSuchBucket, s3Error } from "./errors.ts";
import type { Bucket } from "./records.ts";

/** Who finds buckets: the object store. */
export interface BucketFinder {
  bucket(name: string): Promise<Bucket | undefined>;
}

/**
 * The bucket of a request.
 * @param expectedOwner account id that the client believes to own it
 * @throws AwsError NoSuchBucket; AccessDenied when somebody else owns it, or when the requester pays and did not agree to
 */
export async function usableBucket(
  buckets: BucketFinder,
  context: RequestContext,
  name: string,
  expectedOwner: string | undefined,
): Promise<Bucket> {
  const bucket = await buckets.bucket(name);
  if (bucket === undefined) throw noSuchBucket(name);
  if (expectedOwner !== undefined && expectedOwner !== bucket.accountId) throw s3Error("AccessDenied");
  const { settings, accountId } = bucket;
  const stranger = settings.requestPayer === "Requester" && context.principal.accountId !== accountId;
  if (stranger && context.headers["x-amz-request-payer"] !== "requester") throw s3Error("AccessDenied");
  if (stranger) context.setHeader("x-amz-request-charged", "requester");
  return bucket;
}

export function actorOf(context: RequestContext): Actor {
  return { by: context.principal.arn, call: `s3:${context.operation}`, requestId: context.requestId };
}
