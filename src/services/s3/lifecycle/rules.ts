/**
 * Lifecycle rules as they are carried out: what they say of an object, an older version, a delete marker, an upload.
 *
 * An object is due at the midnight (UTC) that follows its age in days; an older version counts from when it was replaced.
 * Source: Amazon S3 User Guide, "Expiring objects" and "Lifecycle configuration elements".
 */
import type { BucketLifecycleConfiguration, LifecycleRule, Tag } from "../../../protocol/generated/s3.ts";
import type { BucketSettings } from "../settings/bucket-settings.ts";

const dayMs = 86_400_000;

/** What filters look at. */
export interface Candidate {
  readonly key: string;
  /** Bytes; absent of uploads and delete markers, which no filter by size selects. */
  readonly size?: number;
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

/** When something ends, and which rule says so. */
export interface Expiry {
  /** ms since the epoch */
  readonly at: number;
  readonly ruleId: string;
}

export interface LifecycleRules {
  /** All keys that any rule selects begin with this. */
  readonly prefix: string;
  /** When an object expires. */
  expiryOf(object: Candidate, lastModified: number): Expiry | undefined;
  /**
   * When an older version is removed.
   * @param replacedAt ms since the epoch, when its successor was made
   * @param newer how many older versions are newer than it
   */
  removalOf(version: Candidate, replacedAt: number, newer: number): Expiry | undefined;
  /** When a delete marker goes behind which nothing is hidden any more. */
  markerRemovalOf(key: string, lastModified: number): Expiry | undefined;
  /** When an unfinished upload is aborted. */
  abortOf(key: string, initiated: number): Expiry | undefined;
}

/** By the settings they were made of: buckets are read again and again, their rules seldom change. */
const known = new WeakMap<BucketLifecycleConfiguration, { readonly rules: LifecycleRules | undefined }>();

/** @returns undefined when nothing is enabled */
export function lifecycleRules({ lifecycle }: Pick<BucketSettings, "lifecycle">): LifecycleRules | undefined {
  if (lifecycle === undefined) return undefined;
  let found = known.get(lifecycle);
  if (found === undefined) known.set(lifecycle, (found = { rules: rulesOf(lifecycle) }));
  return found.rules;
}

function rulesOf({ Rules }: BucketLifecycleConfiguration): LifecycleRules | undefined {
  const rules = Rules.filter(({ Status }) => Status === "Enabled").map(compiled);
  if (rules.length === 0) return undefined;
  const earliest = (candidate: Candidate, when: (rule: LifecycleRule) => number | undefined) =>
    rules
      .filter(({ selects }) => selects(candidate))
      .flatMap(({ rule }): Expiry[] => {
        const at = when(rule);
        return at === undefined ? [] : [{ at, ruleId: rule.ID ?? "" }];
      })
      .reduce<Expiry | undefined>(
        (first, next) => (first === undefined || next.at < first.at ? next : first),
        undefined,
      );

  return {
    prefix: commonBeginning(rules.map(({ prefix }) => prefix)),
    expiryOf: (object, lastModified) =>
      earliest(object, ({ Expiration: { Days, Date: date } = {} }) =>
        // Records are JSON, where dates are texts.
        date === undefined ? afterDays(lastModified, Days) : new Date(date).getTime(),
      ),
    removalOf: (version, replacedAt, newer) =>
      earliest(version, ({ NoncurrentVersionExpiration: { NoncurrentDays, NewerNoncurrentVersions = 0 } = {} }) =>
        newer < NewerNoncurrentVersions ? undefined : afterDays(replacedAt, NoncurrentDays),
      ),
    markerRemovalOf: (key, lastModified) =>
      earliest({ key }, ({ Expiration: { Days, ExpiredObjectDeleteMarker } = {} }) =>
        ExpiredObjectDeleteMarker === true ? lastModified : afterDays(lastModified, Days),
      ),
    abortOf: (key, initiated) =>
      earliest({ key }, ({ AbortIncompleteMultipartUpload: abort }) =>
        afterDays(initiated, abort?.DaysAfterInitiation),
      ),
  };
}

/** `x-amz-expiration`. */
export function expirationHeader({ at, ruleId }: Expiry): string {
  return `expiry-date="${new Date(at).toUTCString()}", rule-id="${encodeURIComponent(ruleId)}"`;
}

/** The midnight that follows. */
export function afterDays(ms: number, days: number | undefined): number | undefined {
  return days === undefined ? undefined : (Math.floor(ms / dayMs) + days + 1) * dayMs;
}

interface CompiledRule {
  readonly rule: LifecycleRule;
  readonly prefix: string;
  readonly selects: (candidate: Candidate) => boolean;
}

function compiled(rule: LifecycleRule): CompiledRule {
  const filter = rule.Filter ?? {};
  const { And: and = filter } = filter;
  const prefix = rule.Prefix ?? and.Prefix ?? "";
  const tags: readonly Tag[] = filter.And?.Tags ?? (filter.Tag === undefined ? [] : [filter.Tag]);
  const { ObjectSizeGreaterThan: above, ObjectSizeLessThan: below } = and;
  return {
    rule,
    prefix,
    selects: ({ key, size, tags: has }) =>
      key.startsWith(prefix) &&
      tags.every(({ Key, Value }) => has !== undefined && Object.hasOwn(has, Key) && has[Key] === Value) &&
      (above === undefined || (size !== undefined && size > above)) &&
      (below === undefined || (size !== undefined && size < below)),
  };
}

function commonBeginning(texts: readonly string[]): string {
  return texts.reduce((common, text) => {
    let length = 0;
    while (length < common.length && common[length] === text[length]) length += 1;
    // Half of a surrogate pair would begin nothing.
    return Array.from(common.slice(0, length))
      .filter((character) => !/^[\ud800-\udbff]$/.test(character))
      .join("");
  });
}
