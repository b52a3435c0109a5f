/** Tags as CloudWatch words their mistakes. */
import { AwsError } from "../../protocol/aws-error.ts";
import { tagRecord, withTags, type Tag } from "../../resources/tags.ts";
import { validationError } from "./errors.ts";

/**
 * The given tags by key, after making sure that they go with those that are there.
 * @throws AwsError ValidationError
 */
export function checkTags(
  tags: readonly Tag[] = [],
  existing: Readonly<Record<string, string>> = {},
): Record<string, string> {
  try {
    const added = tagRecord(tags);
    withTags(existing, added);
    return added;
  } catch (error) {
    throw error instanceof AwsError ? validationError(error.message) : error;
  }
}
