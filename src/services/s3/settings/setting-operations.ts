/**
 * The sub-resources of a bucket: for each, what Get shows, what Put keeps and what Delete takes away.
 *
 * Every Put is the same: check, then change the bucket's record on top of what others have changed.
 */
import type { BucketVersioningStatus, S3Operations, VersioningConfiguration } from "../../../protocol/generated/s3.ts";
import type { OperationDefinition, OperationTable, Refusal, RequestContext } from "../../../protocol/service.ts";
import { verifyBufferedBody } from "../checksums.ts";
import { s3Error, type S3ErrorCode } from "../errors.ts";
import type { Bucket } from "../records.ts";
import { checkedWebsite } from "../website/configuration.ts";
import { checkedPolicy } from "./bucket-policy.ts";
import type { BucketSettings } from "./bucket-settings.ts";
import { checkedCors } from "./cors.ts";
import { checkedEncryption, encryptionRefusals } from "./encryption.ts";
import { checkedLifecycle, lifecycleRefusals, lifecycleRulesOf, transitionDefault } from "./lifecycle.ts";
import { checkedOwnership } from "./ownership.ts";
import { blockedByPublicAccessBlock, isPublicPolicy } from "./public-access.ts";
import type { BucketRequest, SettingsPatch, SettingsStore } from "./settings-store.ts";
import { checkedTagSet, maxBucketTags, tagSetOf } from "./tag-set.ts";

const mfaDelete: readonly Refusal[] = [
  { parameter: "MFA", because: "there are no devices that make such codes" },
  { parameter: "VersioningConfiguration.MFADelete", values: ["Enabled"], because: "there are no MFA devices" },
];

/** @param lifecycleChanged told when rules were set, so that they are carried out soon */
export function settingOperations(store: SettingsStore, lifecycleChanged: () => void): OperationTable<S3Operations> {
  return {
    GetBucketVersioning: get(({ settings: { versioning } }) =>
      versioning === undefined ? {} : { Status: versioning },
    ),
    PutBucketVersioning: put(
      ({ VersioningConfiguration: wanted }) => ({ versioning: checkedVersioning(wanted) }),
      mfaDelete,
    ),

    GetBucketTagging: {
      async handle(input, context) {
        const { name } = await store.bucket(input, context);
        const TagSet = tagSetOf(await store.tags(name));
        if (TagSet.length === 0) throw s3Error("NoSuchTagSet", { BucketName: name });
        return { TagSet };
      },
    },
    PutBucketTagging: {
      verifyBody: verifyBufferedBody,
      async handle(input, context) {
        const tags = checkedTagSet(input.Tagging.TagSet ?? [], maxBucketTags, "Bucket");
        await store.replaceTags(input, context, tags);
      },
    },
    DeleteBucketTagging: {
      handle: (input, context) => store.replaceTags(input, context, {}),
    },

    GetBucketPolicy: get(({ name, settings: { policy } }) => ({ Policy: set(policy, "NoSuchBucketPolicy", name) })),
    PutBucketPolicy: put(({ Policy: text }, { name, settings }, context) => {
      const policy = checkedPolicy(text, name);
      if (settings.publicAccessBlock?.BlockPublicPolicy === true && isPublicPolicy(policy)) {
        throw blockedByPublicAccessBlock(
          context.principal,
          "s3:PutBucketPolicy",
          `arn:aws:s3:::${name}`,
          "BlockPublicPolicy",
        );
      }
      return { policy };
    }),
    DeleteBucketPolicy: remove("policy"),
    GetBucketPolicyStatus: get(({ name, settings }) => ({
      PolicyStatus: { IsPublic: isPublicPolicy(set(settings.policy, "NoSuchBucketPolicy", name)) },
    })),

    GetPublicAccessBlock: get(({ name, settings }) => ({
      PublicAccessBlockConfiguration: set(settings.publicAccessBlock, "NoSuchPublicAccessBlockConfiguration", name),
    })),
    PutPublicAccessBlock: put(({ PublicAccessBlockConfiguration: wanted }) => ({
      publicAccessBlock: {
        BlockPublicAcls: wanted.BlockPublicAcls ?? false,
        IgnorePublicAcls: wanted.IgnorePublicAcls ?? false,
        BlockPublicPolicy: wanted.BlockPublicPolicy ?? false,
        RestrictPublicBuckets: wanted.RestrictPublicBuckets ?? false,
      },
    })),
    DeletePublicAccessBlock: remove("publicAccessBlock"),

    GetBucketOwnershipControls: get(({ name, settings: { ownership = "BucketOwnerEnforced" } }) => ({
      OwnershipControls: {
        Rules: [{ ObjectOwnership: set(ownership ?? undefined, "OwnershipControlsNotFoundError", name) }],
      },
    })),
    PutBucketOwnershipControls: put(({ OwnershipControls: wanted }, bucket) => ({
      ownership: checkedOwnership(wanted, bucket),
    })),
    DeleteBucketOwnershipControls: put(() => ({ ownership: null })),

    GetBucketCors: get(({ name, settings: { cors } }) => set(cors, "NoSuchCORSConfiguration", name)),
    PutBucketCors: put(({ CORSConfiguration: wanted }) => ({ cors: checkedCors(wanted) })),
    DeleteBucketCors: remove("cors"),

    GetBucketWebsite: get(({ name, settings: { website } }) => set(website, "NoSuchWebsiteConfiguration", name)),
    PutBucketWebsite: put(({ WebsiteConfiguration: wanted }) => ({ website: checkedWebsite(wanted) })),
    DeleteBucketWebsite: remove("website"),

    GetBucketLifecycleConfiguration: get(({ name, settings: { lifecycle } }) => ({
      Rules: lifecycleRulesOf(set(lifecycle, "NoSuchLifecycleConfiguration", name)),
      TransitionDefaultMinimumObjectSize: transitionDefault,
    })),
    PutBucketLifecycleConfiguration: {
      refuses: lifecycleRefusals,
      verifyBody: verifyBufferedBody,
      async handle(input, context) {
        const lifecycle = checkedLifecycle(input.LifecycleConfiguration);
        await store.change(input, context, () => ({ lifecycle }));
        lifecycleChanged();
        return { TransitionDefaultMinimumObjectSize: transitionDefault };
      },
    },
    DeleteBucketLifecycle: remove("lifecycle"),

    GetBucketEncryption: get(({ name, settings: { encryption } }) => ({
      ServerSideEncryptionConfiguration: set(encryption, "ServerSideEncryptionConfigurationNotFoundError", name),
    })),
    PutBucketEncryption: put(
      ({ ServerSideEncryptionConfiguration: wanted }) => ({ encryption: checkedEncryption(wanted) }),
      encryptionRefusals,
    ),
    DeleteBucketEncryption: remove("encryption"),

    GetBucketRequestPayment: get(({ settings: { requestPayer = "BucketOwner" } }) => ({ Payer: requestPayer })),
    PutBucketRequestPayment: put(({ RequestPaymentConfiguration: { Payer } }) => {
      if (Payer !== "Requester" && Payer !== "BucketOwner") throw s3Error("MalformedXML");
      return { requestPayer: Payer };
    }),
  };

  function get<Output>(show: (bucket: Bucket) => Output): OperationDefinition<BucketRequest, Output> {
    return { handle: async (input, context) => show(await store.bucket(input, context)) };
  }

  function put<Input extends BucketRequest>(
    change: (input: Input, bucket: Bucket, context: RequestContext) => SettingsPatch,
    refuses?: readonly Refusal[],
  ): OperationDefinition<Input, void> {
    return {
      ...(refuses && { refuses }),
      verifyBody: verifyBufferedBody,
      handle: (input, context) => store.change(input, context, (bucket) => change(input, bucket, context)),
    };
  }

  function remove(name: keyof BucketSettings): OperationDefinition<BucketRequest, void> {
    return { handle: (input, context) => store.change(input, context, () => ({ [name]: undefined })) };
  }
}

/** @throws AwsError the code, for what is not set */
function set<Value>(value: Value | undefined, code: S3ErrorCode, bucket: string): Value {
  if (value === undefined) throw s3Error(code, { BucketName: bucket });
  return value;
}

/** @throws AwsError IllegalVersioningConfigurationException, MalformedXML */
function checkedVersioning({ Status }: VersioningConfiguration): BucketVersioningStatus {
  if (Status === undefined) throw s3Error("IllegalVersioningConfigurationException");
  if (Status !== "Enabled" && Status !== "Suspended") throw s3Error("MalformedXML");
  return Status;
}
