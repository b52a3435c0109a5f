/**
 * Tags as policies see them: those that a resource has and those that a request names.
 * Source: IAM User Guide, "Controlling access to AWS resources using tags".
 */
import type { Principal } from "../protocol/service.ts";

export type TagConditions = Record<string, string | readonly string[]>;

/** `aws:ResourceTag/<key>` of the tags that a resource has. */
export function resourceTagConditions(tags: Readonly<Record<string, string>>): TagConditions {
  return Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:ResourceTag/${key}`, value]));
}

/**
 * `aws:RequestTag/<key>` and `aws:TagKeys` of the tags that a request sets or takes away.
 * @param tags a list of `{ Key, Value }` or a map; not validated, so what is no tag is left out
 * @param keys of tags that are taken away
 */
export function requestTagConditions(tags: unknown, keys?: unknown): TagConditions {
  const pairs = pairsOf(tags);
  const removed = Array.isArray(keys) ? keys.filter((key): key is string => typeof key === "string") : [];
  const all = [...pairs.map(([key]) => key), ...removed];
  if (all.length === 0) return {};
  return {
    ...Object.fromEntries(pairs.map(([key, value]) => [`aws:RequestTag/${key}`, value])),
    "aws:TagKeys": all,
  };
}

/** Whether policies are looked at for what a caller does in its own account: the tags of a resource are read only then. */
export function isAsked({ kind, session }: Principal): boolean {
  return kind !== "root" || session?.policies !== undefined;
}

function pairsOf(tags: unknown): (readonly [key: string, value: string])[] {
  if (typeof tags !== "object" || tags === null) return [];
  const pairs: readonly (readonly unknown[])[] = Array.isArray(tags)
    ? tags.map((tag: unknown) => {
        const { Key, Value } = (tag ?? {}) as { readonly Key?: unknown; readonly Value?: unknown };
        return [Key, Value];
      })
    : Object.entries(tags);
  return pairs.filter(
    (pair): pair is readonly [string, string] => typeof pair[0] === "string" && typeof pair[1] === "string",
  );
}
