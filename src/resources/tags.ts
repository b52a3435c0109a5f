/** Tags as most AWS services have them: up to 50 pairs of key and value on a resource, told apart by key. */
import { AwsError, validationError } from "../protocol/aws-error.ts";
import { decodePaginationToken, encodePaginationToken } from "./pagination-token.ts";

export interface Tag {
  Key: string;
  Value: string;
}

export const maxTags = 50;

/** The tags of an input by key. @throws ValidationException for a key that is given twice or reserved */
export function tagRecord(tags: readonly Tag[]): Record<string, string> {
  const seen = new Set<string>();
  for (const { Key } of tags) {
    if (/^aws:/i.test(Key)) {
      throw validationError(`Tag key "${Key}" is not allowed: keys that begin with "aws:" are reserved`);
    }
    if (seen.has(Key)) throw validationError(`Tag key "${Key}" is given more than once`);
    seen.add(Key);
  }
  // An own property each, even where a key is called like one of every object.
  return Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]));
}

/**
 * The tags of a resource after adding some.
 * @throws ResourceLimitExceeded when they would be too many
 */
export function withTags(
  existing: Readonly<Record<string, string>>,
  added: Readonly<Record<string, string>>,
  limit = maxTags,
): Record<string, string> {
  const all = Object.fromEntries([...Object.entries(existing), ...Object.entries(added)]);
  const count = Object.keys(all).length;
  if (count > limit) {
    throw new AwsError(
      "ResourceLimitExceeded",
      `A resource can have at most ${limit} tags, this one would have ${count}`,
    );
  }
  return all;
}

export function tagList(tags: Readonly<Record<string, string>>): Tag[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

/** One page of the tags of an ARN. */
export function pageOfTags(
  arn: string,
  tags: Readonly<Record<string, string>>,
  { MaxResults = maxTags, NextToken }: { MaxResults?: number; NextToken?: string },
): { Tags: Tag[]; NextToken?: string } {
  const all = tagList(tags);
  const query = ["tags", arn];
  const lastKey = NextToken === undefined ? undefined : decodePaginationToken(NextToken, query, ["string"])[0];
  const start = lastKey === undefined ? 0 : all.findIndex(({ Key }) => Key === lastKey) + 1;
  const page = all.slice(start, start + MaxResults);
  const last = page.at(-1);
  if (last === undefined || start + page.length >= all.length) return { Tags: page };
  return { Tags: page, NextToken: encodePaginationToken(query, [last.Key]) };
}
