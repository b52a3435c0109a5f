/** Object ownership as it is set. */
import type { ObjectOwnership, OwnershipControls } from "../../../protocol/generated/s3.ts";
import { s3Error } from "../errors.ts";
import type { Bucket } from "../records.ts";
import { isOwnersAlone } from "./acl.ts";

const ownerships: readonly string[] = ["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"];

export function isOwnership(name: string | undefined): name is ObjectOwnership {
  return name !== undefined && ownerships.includes(name);
}

/** @throws AwsError MalformedXML; InvalidBucketAclWithObjectOwnership where the bucket's list grants others something */
export function checkedOwnership({ Rules }: OwnershipControls, { settings }: Bucket): ObjectOwnership {
  const ownership = Rules?.length === 1 ? Rules[0].ObjectOwnership : undefined;
  if (!isOwnership(ownership)) throw s3Error("MalformedXML");
  if (ownership === "BucketOwnerEnforced" && settings.acl !== undefined && !isOwnersAlone(settings.acl)) {
    throw s3Error("InvalidBucketAclWithObjectOwnership");
  }
  return ownership;
}
