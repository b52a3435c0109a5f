/**
 * Where S3 departs from REST XML. It is older than the protocol, and its descriptions leave these facts to the
 * clients' code: the names of root elements, one namespace, errors without a wrapper, ids in headers of its own.
 *
 * The dialect belongs to descriptions whose `signatureVersion` is `s3`. Source: Amazon S3 API Reference.
 */
import type { CompiledOperation, CompiledService } from "../compiled-service.ts";

export const s3Namespace = "http://s3.amazonaws.com/doc/2006-03-01/";

export function speaksS3(service: CompiledService): boolean {
  return service.model.metadata.signatureVersion === "s3";
}

/** Root elements of outputs that are the members of the output structure; all others are named after their shape. */
const rootElements: Readonly<Record<string, string>> = {
  CompleteMultipartUpload: "CompleteMultipartUploadResult",
  CreateMultipartUpload: "InitiateMultipartUploadResult",
  CreateSession: "CreateSessionResult",
  DeleteObjects: "DeleteResult",
  GetBucketAccelerateConfiguration: "AccelerateConfiguration",
  GetBucketAcl: "AccessControlPolicy",
  GetBucketCors: "CORSConfiguration",
  GetBucketLifecycle: "LifecycleConfiguration",
  GetBucketLifecycleConfiguration: "LifecycleConfiguration",
  GetBucketLogging: "BucketLoggingStatus",
  GetBucketRequestPayment: "RequestPaymentConfiguration",
  GetBucketTagging: "Tagging",
  GetBucketVersioning: "VersioningConfiguration",
  GetBucketWebsite: "WebsiteConfiguration",
  GetObjectAcl: "AccessControlPolicy",
  GetObjectAttributes: "GetObjectAttributesOutput",
  GetObjectTagging: "Tagging",
  ListBucketAnalyticsConfigurations: "ListBucketAnalyticsConfigurationResult",
  ListBucketIntelligentTieringConfigurations: "ListBucketIntelligentTieringConfigurationsOutput",
  ListBucketInventoryConfigurations: "ListInventoryConfigurationsResult",
  ListBucketMetricsConfigurations: "ListMetricsConfigurationsResult",
  ListBuckets: "ListAllMyBucketsResult",
  ListDirectoryBuckets: "ListAllMyDirectoryBucketsResult",
  ListMultipartUploads: "ListMultipartUploadsResult",
  ListObjects: "ListBucketResult",
  ListObjectsV2: "ListBucketResult",
  ListObjectVersions: "ListVersionsResult",
  ListParts: "ListPartsResult",
};

export function s3RootElement(operation: CompiledOperation, byDefault: string): string {
  return Object.hasOwn(rootElements, operation.name) ? rootElements[operation.name] : byDefault;
}

/** Operations whose root element is their only member: `<LocationConstraint>eu-west-1</LocationConstraint>`. */
const unwrappedMembers: Readonly<Record<string, string>> = { GetBucketLocation: "LocationConstraint" };

export function s3UnwrappedMember(operation: CompiledOperation): string | undefined {
  return Object.hasOwn(unwrappedMembers, operation.name) ? unwrappedMembers[operation.name] : undefined;
}

/** S3 always writes milliseconds, and always zero ones: `2009-10-12T17:50:30.000Z`. */
export function s3Timestamp(date: Date): string {
  return `${date.toISOString().slice(0, 19)}.000Z`;
}
