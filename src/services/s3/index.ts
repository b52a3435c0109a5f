/** Amazon S3, first half: buckets, objects, lists, uploads in parts. */
import type { S3Operations } from "../../protocol/generated/s3.ts";
import { defineService, type Service } from "../../protocol/service.ts";
import { bucketOperations } from "./bucket-operations.ts";
import { listingOperations } from "./listing-operations.ts";
import { multipartOperations } from "./multipart-operations.ts";
import { objectOperations } from "./object-operations.ts";
import type { ObjectStore } from "./object-store.ts";

export { jobStorage } from "./job-storage.ts";
export { ObjectStore } from "./object-store.ts";

export function s3Service({ objects }: { readonly objects: ObjectStore }): Service {
  return defineService<S3Operations>("s3", {
    ...bucketOperations(objects),
    ...objectOperations(objects),
    ...listingOperations(objects),
    ...multipartOperations(objects),
  });
}
