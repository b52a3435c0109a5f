/** Lifecycle configurations as they are set and shown. Source: Amazon S3 API Reference, PutBucketLifecycleConfiguration. */
import { randomUUID } from "node:crypto";
import type {
  BucketLifecycleConfiguration,
  LifecycleExpiration,
  LifecycleRule,
  LifecycleRuleFilter,
  Tag,
} from "../../../protocol/generated/s3.ts";
import type { Refusal } from "../../../protocol/service.ts";
import { invalidArgument, invalidRequest, s3Error } from "../errors.ts";

const maxRules = 1000;
const maxIdCharacters = 255;
const maxNewerVersions = 100;
const dayMs = 86_400_000;

/** AWS's default, and all there is where nothing is moved to another class. */
export const transitionDefault = "all_storage_classes_128K";

const oneDisk = "there is one disk, objects have nowhere to move to";

export const lifecycleRefusals: readonly Refusal[] = [
  { parameter: "LifecycleConfiguration.Rules[].Transitions[]", because: oneDisk },
  { parameter: "LifecycleConfiguration.Rules[].NoncurrentVersionTransitions[]", because: oneDisk },
  { parameter: "TransitionDefaultMinimumObjectSize", except: [transitionDefault], because: oneDisk },
];

/**
 * A configuration that can be kept; rules without an id get one.
 * @throws AwsError MalformedXML, InvalidRequest, InvalidArgument
 */
export function checkedLifecycle(
  configuration: BucketLifecycleConfiguration | undefined,
): BucketLifecycleConfiguration {
  const rules = configuration?.Rules ?? [];
  if (rules.length === 0 || rules.length > maxRules) throw s3Error("MalformedXML");
  const ids = new Set<string>();
  for (const rule of rules) {
    checkRule(rule);
    if (rule.ID === undefined || rule.ID === "") continue;
    if (rule.ID.length > maxIdCharacters) {
      throw invalidArgument("ID", rule.ID, `ID length should not exceed allowed limit of ${maxIdCharacters}`);
    }
    if (ids.has(rule.ID)) {
      throw invalidArgument("ID", rule.ID, "Rule ID must be unique. Found same ID for more than one rule");
    }
    ids.add(rule.ID);
  }
  return { Rules: rules.map((rule) => ({ ...rule, ID: rule.ID || randomUUID() })) };
}

/** The rules of a record, whose dates are texts, in the API's shape. */
export function lifecycleRulesOf({ Rules }: BucketLifecycleConfiguration): LifecycleRule[] {
  return Rules.map((rule) =>
    rule.Expiration?.Date === undefined
      ? rule
      : { ...rule, Expiration: { ...rule.Expiration, Date: new Date(rule.Expiration.Date) } },
  );
}

function checkRule(rule: LifecycleRule): void {
  if (rule.Status !== "Enabled" && rule.Status !== "Disabled") throw s3Error("MalformedXML");
  // The old form has its prefix beside the actions, the new one inside a filter; a rule has one of them.
  if ((rule.Filter === undefined) === (rule.Prefix === undefined)) throw s3Error("MalformedXML");
  const { tags, sizes } = checkFilter(rule.Filter ?? {});
  const { Expiration, NoncurrentVersionExpiration: noncurrent, AbortIncompleteMultipartUpload: abort } = rule;
  if (Expiration === undefined && noncurrent === undefined && abort === undefined) {
    throw invalidRequest("At least one action needs to be specified in a rule");
  }
  if (Expiration !== undefined) checkExpiration(Expiration, tags);
  if (noncurrent !== undefined) {
    requirePositive(noncurrent.NoncurrentDays, "NoncurrentDays", "NoncurrentVersionExpiration");
    const newer = noncurrent.NewerNoncurrentVersions;
    if (newer !== undefined && !(Number.isInteger(newer) && newer >= 1 && newer <= maxNewerVersions)) {
      throw invalidArgument(
        "NewerNoncurrentVersions",
        newer,
        `'NewerNoncurrentVersions' for NoncurrentVersionExpiration action must be an integer from 1 to ${maxNewerVersions}`,
      );
    }
  }
  if (abort !== undefined) {
    requirePositive(abort.DaysAfterInitiation, "DaysAfterInitiation", "AbortIncompleteMultipartUpload");
    if (tags.length > 0) throw invalidRequest("AbortIncompleteMultipartUpload cannot be specified with Tags.");
    if (sizes) throw invalidRequest("AbortIncompleteMultipartUpload cannot be specified with Object Size.");
  }
}

function checkExpiration({ Date: date, Days, ExpiredObjectDeleteMarker }: LifecycleExpiration, tags: readonly Tag[]) {
  const given = [date, Days, ExpiredObjectDeleteMarker].filter((member) => member !== undefined);
  if (given.length !== 1) throw s3Error("MalformedXML");
  if (date !== undefined && !(date.getTime() % dayMs === 0)) {
    throw invalidArgument("Date", date, "'Date' must be at midnight GMT");
  }
  if (Days !== undefined) requirePositive(Days, "Days", "Expiration");
  if (ExpiredObjectDeleteMarker !== undefined && tags.length > 0) {
    throw invalidRequest("ExpiredObjectDeleteMarker cannot be specified with Tags.");
  }
}

/** @throws AwsError MalformedXML, InvalidRequest */
function checkFilter(filter: LifecycleRuleFilter): { tags: readonly Tag[]; sizes: boolean } {
  const { And: and, Prefix, Tag: tag, ObjectSizeGreaterThan, ObjectSizeLessThan } = filter;
  const alone = [and, Prefix, tag, ObjectSizeGreaterThan, ObjectSizeLessThan].filter((member) => member !== undefined);
  if (alone.length > 1) throw s3Error("MalformedXML");
  const all = and ?? {
    ...(ObjectSizeGreaterThan === undefined ? {} : { ObjectSizeGreaterThan }),
    ...(ObjectSizeLessThan === undefined ? {} : { ObjectSizeLessThan }),
  };
  const tags = and?.Tags ?? (tag === undefined ? [] : [tag]);
  const sizes = [all.ObjectSizeGreaterThan, all.ObjectSizeLessThan].filter((size) => size !== undefined);
  if (and !== undefined && tags.length + sizes.length + (and.Prefix === undefined ? 0 : 1) < 2) {
    throw s3Error("MalformedXML");
  }
  if (new Set(tags.map(({ Key }) => Key)).size < tags.length) {
    throw invalidRequest("Duplicate Tag Keys are not allowed.");
  }
  if (sizes.some((size) => !Number.isInteger(size) || size < 0)) throw s3Error("MalformedXML");
  if (sizes.length === 2 && sizes[1] <= sizes[0]) {
    throw invalidRequest("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.");
  }
  return { tags, sizes: sizes.length > 0 };
}

function requirePositive(value: number | undefined, name: string, action: string): void {
  if (value !== undefined && Number.isInteger(value) && value >= 1) return;
  throw invalidArgument(name, value, `'${name}' for ${action} action must be a positive integer`);
}
