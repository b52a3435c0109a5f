/** What happens to objects, for those who asked to be told: bucket notifications. */
import type { Actor, RecordChange } from "../../storage/record-store.ts";
import type { Bucket } from "./records.ts";

export type ObjectEventName =
  | "ObjectCreated:Put"
  | "ObjectCreated:Post"
  | "ObjectCreated:Copy"
  | "ObjectCreated:CompleteMultipartUpload"
  | "ObjectRemoved:Delete"
  | "ObjectRemoved:DeleteMarkerCreated"
  | "ObjectTagging:Put"
  | "ObjectTagging:Delete"
  | "ObjectAcl:Put"
  | "LifecycleExpiration:Delete"
  | "LifecycleExpiration:DeleteMarkerCreated";

export interface ObjectEvent {
  readonly name: ObjectEventName;
  readonly bucket: Bucket;
  readonly key: string;
  /** Absent in buckets without versions. */
  readonly versionId?: string;
  /** Absent when the object was removed. */
  readonly size?: number;
  readonly etag?: string;
  /** ms since the epoch */
  readonly at: number;
  readonly actor: Actor;
}

/** Who is told of events. */
export interface ObjectEvents {
  /** Records that keep the event until it was delivered: written in one batch with what happened. None when nobody asked. */
  changesOf(event: ObjectEvent): readonly RecordChange[];
  /** The batch is durable. */
  written(): void;
}
