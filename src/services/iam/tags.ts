/** Tags of users, roles and policies: at most fifty, keys told apart whatever their case. */
import type { Tag } from "../../protocol/generated/iam.ts";
import type { RequestContext } from "../../protocol/service.ts";
import { invalidInput, limitExceeded } from "./errors.ts";
import { type IamStore, originOf } from "./iam-store.ts";
import { type Page, pageOf } from "./marker.ts";
import { quotas } from "./quotas.ts";

/** @throws AwsError InvalidInput when a key is given twice; keys that differ in case only are the same key */
export function tagRecord(tags: readonly Tag[]): Record<string, string> {
  const keys = new Set(tags.map(({ Key }) => Key.toLowerCase()));
  if (keys.size !== tags.length) {
    throw invalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.");
  }
  return Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]));
}

export function tagMembers(tags: Readonly<Record<string, string>>): { Tags?: Tag[] } {
  const list = tagList(tags);
  return list.length === 0 ? {} : { Tags: list };
}

function tagList(tags: Readonly<Record<string, string>>): Tag[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

/** @param find the tagged entity; throws when there is none */
export function tagEntity(
  store: IamStore,
  context: RequestContext,
  find: () => Promise<{ readonly arn: string }>,
  given: readonly Tag[],
): Promise<void> {
  return store.change(originOf(context), async (change) => {
    const { arn } = await find();
    const added = tagRecord(given);
    const existing = await store.tags({ arn });
    // A key in another case is the same key and takes the old one's place.
    const lowered = new Set(Object.keys(added).map((key) => key.toLowerCase()));
    const replaced = Object.keys(existing).filter(
      (key) => lowered.has(key.toLowerCase()) && !Object.hasOwn(added, key),
    );
    const count = new Set([...Object.keys(existing), ...Object.keys(added)]).size - replaced.length;
    if (count > quotas.tags) {
      throw limitExceeded(`The number of tags has reached the maximum limit of ${quotas.tags}.`);
    }
    if (replaced.length > 0) change.records.push({ op: "untag", arn, keys: replaced });
    change.tag(arn, added);
  });
}

export function untagEntity(
  store: IamStore,
  context: RequestContext,
  find: () => Promise<{ readonly arn: string }>,
  keys: readonly string[],
): Promise<void> {
  return store.change(originOf(context), async (change) => {
    const { arn } = await find();
    const lowered = new Set(keys.map((key) => key.toLowerCase()));
    const existing = Object.keys(await store.tags({ arn })).filter((key) => lowered.has(key.toLowerCase()));
    if (existing.length > 0) change.records.push({ op: "untag", arn, keys: existing });
  });
}

export async function pageOfTags(
  store: IamStore,
  entity: { readonly arn: string },
  input: { readonly Marker?: string; readonly MaxItems?: number },
): Promise<{ Tags: Tag[] } & Page<Tag>["rest"]> {
  const { items, rest } = pageOf(tagList(await store.tags(entity)), ({ Key }) => Key, input);
  return { Tags: [...items], ...rest };
}
