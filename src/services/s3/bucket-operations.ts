/** Operations on buckets. */
import type { BucketLocationConstraint, CreateBucketRequest, S3Operations } from "../../protocol/generated/s3.ts";
import type { OperationTable, RequestContext } from "../../protocol/service.ts";
import { actorOf, usableBucket } from "./access.ts";
import { bucketArn } from "./arns.ts";
import { invalidArgument, s3Error } from "./errors.ts";
import { decodeToken, encodeToken } from "./listing-tokens.ts";
import { checkBucketName } from "./names.ts";
import type { ObjectStore } from "./object-store.ts";
import { canonicalUserId, ownerOf } from "./owner.ts";
import type { Bucket } from "./records.ts";
import { bucketRefusals } from "./refusals.ts";
import { aclOf, isOwnersAlone } from "./settings/acl.ts";
import { newBucketSettings, type BucketSettings } from "./settings/bucket-settings.ts";
import { isOwnership } from "./settings/ownership.ts";
import { isPublicAcl } from "./settings/public-access.ts";
import { checkedTagSet, maxBucketTags } from "./settings/tag-set.ts";

const defaultRegion = "us-east-1";
const maxBuckets = 10_000;

export function bucketOperations(objects: ObjectStore): OperationTable<S3Operations> {
  return {
    CreateBucket: {
      refuses: bucketRefusals,
      async handle(input, context) {
        const { Bucket: name, CreateBucketConfiguration: configuration } = input;
        checkBucketName(name);
        const region = regionOfNewBucket(context.region, configuration?.LocationConstraint);
        const space = { accountId: context.accountId, region };
        const { bucket, created } = await objects.createBucket(name, space, actorOf(context), {
          settings: firstSettings(input, context),
          tags: checkedTagSet(configuration?.Tags ?? [], maxBucketTags, "Bucket"),
        });
        if (!created) requireHarmlessRepetition(bucket, space, context);
        return {
          Location: context.region === defaultRegion ? `/${name}` : `${context.baseUrl}/${name}`,
          BucketArn: bucketArn(name),
        };
      },
    },

    HeadBucket: {
      async handle({ Bucket: name, ExpectedBucketOwner }, context) {
        const bucket = await usableBucket(objects, context, name, ExpectedBucketOwner);
        return { BucketRegion: bucket.region, BucketArn: bucketArn(name), AccessPointAlias: false };
      },
    },

    GetBucketLocation: {
      async handle({ Bucket: name, ExpectedBucketOwner }, context) {
        const { region } = await usableBucket(objects, context, name, ExpectedBucketOwner);
        // The oldest region is told by an empty element.
        return region === defaultRegion ? {} : { LocationConstraint: region as BucketLocationConstraint };
      },
    },

    DeleteBucket: {
      async handle({ Bucket: name, ExpectedBucketOwner }, context) {
        const bucket = await usableBucket(objects, context, name, ExpectedBucketOwner);
        await objects.deleteBucket(bucket, actorOf(context));
      },
    },

    ListBuckets: {
      async handle({ MaxBuckets, ContinuationToken, Prefix, BucketRegion }, context) {
        if (MaxBuckets !== undefined && (!Number.isInteger(MaxBuckets) || MaxBuckets < 1 || MaxBuckets > maxBuckets)) {
          throw invalidArgument(
            "max-buckets",
            MaxBuckets,
            `Argument max-buckets must be an integer between 1 and ${maxBuckets}`,
          );
        }
        const { buckets, truncated } = await objects.listBuckets(context.accountId, {
          limit: MaxBuckets ?? maxBuckets,
          ...(Prefix === undefined ? {} : { prefix: Prefix }),
          ...(BucketRegion === undefined ? {} : { region: BucketRegion }),
          ...(ContinuationToken === undefined ? {} : { after: decodeToken(ContinuationToken) }),
        });
        // Regions are told to those who ask for pages, prefixes or regions, as AWS does.
        const paged = MaxBuckets !== undefined || Prefix !== undefined || BucketRegion !== undefined;
        const last = buckets.at(-1);
        return {
          Owner: ownerOf(context.accountId),
          Buckets: buckets.map(({ name, createdAt, region }) => ({
            Name: name,
            CreationDate: new Date(createdAt),
            ...(paged ? { BucketRegion: region } : {}),
            BucketArn: bucketArn(name),
          })),
          ...(truncated && last !== undefined ? { ContinuationToken: encodeToken(last.name) } : {}),
          ...(Prefix === undefined ? {} : { Prefix }),
        };
      },
    },
  };
}

/**
 * What a new bucket begins with: closed to the public and without lists, as AWS's are since April 2023, unless it is asked
 * for another ownership.
 * @throws AwsError MalformedXML, InvalidBucketAclWithObjectOwnership, InvalidBucketAclWithBlockPublicAccessError
 */
function firstSettings(input: CreateBucketRequest, { accountId }: RequestContext): BucketSettings {
  const { ObjectOwnership: ownership = "BucketOwnerEnforced" } = input;
  if (!isOwnership(ownership))
    throw invalidArgument("x-amz-object-ownership", ownership, "Invalid x-amz-object-ownership header: " + ownership);
  const owner = canonicalUserId(accountId);
  const acl = aclOf(input, owner, owner);
  if (acl === undefined || isOwnersAlone(acl)) return { ...newBucketSettings, ownership };
  if (ownership === "BucketOwnerEnforced") throw s3Error("InvalidBucketAclWithObjectOwnership");
  if (isPublicAcl(acl)) throw s3Error("InvalidBucketAclWithBlockPublicAccessError");
  return { ...newBucketSettings, ownership, acl };
}

/**
 * The region of a new bucket: the endpoint's, which must be named unless it is us-east-1's; through us-east-1 any.
 * @throws AwsError InvalidLocationConstraint, IllegalLocationConstraintException
 */
function regionOfNewBucket(endpointRegion: string, constraint: string | undefined): string {
  if (constraint === undefined || constraint === "") {
    if (endpointRegion === defaultRegion) return defaultRegion;
    throw s3Error("IllegalLocationConstraintException");
  }
  // "EU" is what eu-west-1 was called first.
  const region = constraint === "EU" ? "eu-west-1" : constraint;
  if (region === defaultRegion || !/^[a-z]{2}(-[a-z]+)+-\d{1,2}$/.test(region)) {
    throw s3Error("InvalidLocationConstraint", { LocationConstraint: constraint });
  }
  if (endpointRegion !== defaultRegion && endpointRegion !== region) {
    throw s3Error(
      "IllegalLocationConstraintException",
      {},
      {
        message: `The ${constraint} location constraint is incompatible for the region specific endpoint this request was sent to.`,
      },
    );
  }
  return region;
}

/**
 * Making one's own bucket again in us-east-1 succeeds, a habit of the oldest region that clients rely on.
 * @throws AwsError BucketAlreadyExists, BucketAlreadyOwnedByYou
 */
function requireHarmlessRepetition(
  existing: Bucket,
  wanted: { accountId: string; region: string },
  context: RequestContext,
): void {
  if (existing.accountId !== wanted.accountId) throw s3Error("BucketAlreadyExists", { BucketName: existing.name });
  const harmless =
    context.region === defaultRegion && existing.region === defaultRegion && wanted.region === defaultRegion;
  if (!harmless) throw s3Error("BucketAlreadyOwnedByYou", { BucketName: existing.name });
}
