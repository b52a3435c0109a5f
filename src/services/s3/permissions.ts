/** What handlers ask the policies about, beyond what access-rules.ts declares of a request. */
import { AwsError } from "../../protocol/aws-error.ts";
import type { RequestContext } from "../../protocol/service.ts";
import { accessTo, type ObjectFinder } from "./accesses.ts";
import type { Bucket } from "./records.ts";

/** @throws AwsError AccessDenied when the caller may not delete the key, or that version of it */
export async function authorizeDelete(
  objects: ObjectFinder,
  bucket: Bucket,
  { key, versionId }: { readonly key: string; readonly versionId: string | undefined },
  context: RequestContext,
): Promise<void> {
  const action = versionId === undefined ? "s3:DeleteObject" : "s3:DeleteObjectVersion";
  const target = { name: bucket.name, bucket, key, ...(versionId !== undefined && { versionId }) };
  await context.authorize(await accessTo(objects, action, target, { ...context, input: {} }));
}

/**
 * Waits for a read. That there is no such object is told only to those who may list the bucket.
 * @throws AwsError AccessDenied in place of NoSuchKey
 */
export async function orHidden<Result>(
  objects: ObjectFinder,
  bucket: Bucket,
  context: RequestContext,
  read: Promise<Result>,
): Promise<Result> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof AwsError && error.code === "NoSuchKey") {
      const target = { name: bucket.name, bucket };
      await context.authorize(await accessTo(objects, "s3:ListBucket", target, { ...context, input: {} }));
    }
    throw error;
  }
}
