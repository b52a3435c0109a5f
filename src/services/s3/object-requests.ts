/** What callers of the object store ask for, and what they get. */
import type { Actor } from "../../storage/record-store.ts";
import type { ChecksumName, PromisedBody } from "./checksums.ts";
import type { ReadConditions, WriteConditions } from "./conditions.ts";
import type { EncryptionRequest } from "./encryption/object-encryption.ts";
import type { ObjectEventName } from "./events.ts";
import type { ListingRow } from "./listing.ts";
import type { DescriptionChange, ObjectDescription, StoredObject } from "./records.ts";

export interface ObjectRow extends ListingRow {
  readonly object: StoredObject;
}

export interface PutOptions {
  readonly description: ObjectDescription;
  readonly promised?: PromisedBody;
  readonly conditions?: WriteConditions;
  /** By default what the bucket's default asks for. */
  readonly encryption?: EncryptionRequest;
  /** What listeners are told; `ObjectCreated:Put` by default. */
  readonly event?: ObjectEventName;
  readonly actor: Actor;
  readonly signal?: AbortSignal;
}

export interface AmendOptions {
  readonly versionId?: string | undefined;
  readonly change: (object: StoredObject) => DescriptionChange;
  readonly actor: Actor;
  /** What listeners are told; nothing by default. */
  readonly event?: ObjectEventName;
}

/** What a delete did. */
export interface Deletion {
  /** Of the version that was removed, or of the delete marker that was made; absent without versions. */
  readonly versionId?: string;
  /** A delete marker was made or removed. */
  readonly marker: boolean;
}

export interface CopyOptions {
  readonly sourceConditions?: ReadConditions;
  readonly conditions?: WriteConditions;
  /** What the copy is described by; it may refuse. */
  readonly description: (source: StoredObject) => ObjectDescription;
  /** By default what the bucket's default asks for, whatever the source has. */
  readonly encryption?: EncryptionRequest;
  /** Checksum of the copy; by default the algorithm of the source. */
  readonly algorithm?: ChecksumName | undefined;
  readonly actor: Actor;
  readonly signal?: AbortSignal;
}

export interface ExpireOptions {
  readonly versionId: string;
  /** As it was when the rule was asked. */
  readonly lastModified: number;
  /** What the rule is about: the object, an older version of it, a delete marker behind which there is nothing. */
  readonly as: "object" | "older" | "lone marker";
  readonly actor: Actor;
}
