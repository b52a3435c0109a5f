/** Tags of buckets and objects: the rules that both have. Source: Amazon S3 User Guide, "Categorizing your storage using tags". */
import type { Tag } from "../../../protocol/generated/s3.ts";
import { s3Error } from "../errors.ts";

export const maxBucketTags = 50;
const maxKeyCharacters = 128;
const maxValueCharacters = 256;
const allowed = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/**
 * @param most how many there may be: 50 of a bucket, 10 of an object
 * @throws AwsError InvalidTag, BadRequest for too many, MalformedXML for one without key or value
 */
export function checkedTagSet(tags: readonly Tag[], most: number, kind: "Bucket" | "Object"): Record<string, string> {
  if (tags.length > most) {
    const message = `${kind}${kind === "Bucket" ? " tag count" : " tags"} cannot be greater than ${most}`;
    throw s3Error("BadRequest", {}, { message });
  }
  const set = new Map<string, string>();
  for (const { Key: key, Value: value } of tags) {
    if (key === undefined || value === undefined) throw s3Error("MalformedXML");
    const refuse = (message: string) => s3Error("InvalidTag", { TagKey: key, TagValue: value }, { message });
    if (key === "" || key.length > maxKeyCharacters || !allowed.test(key)) {
      throw refuse("The TagKey you have provided is invalid");
    }
    if (value.length > maxValueCharacters || !allowed.test(value)) {
      throw refuse("The TagValue you have provided is invalid");
    }
    if (key.toLowerCase().startsWith("aws:")) throw refuse("System tags cannot be added/updated by requester");
    if (set.has(key)) throw refuse("Cannot provide multiple Tags with the same key");
    set.set(key, value);
  }
  return Object.fromEntries(set);
}

export function tagSetOf(tags: Readonly<Record<string, string>>): Tag[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}
