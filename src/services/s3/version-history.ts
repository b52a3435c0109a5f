/**
 * Versions of objects: what a put, a delete and the removal of a version do to the records of a key, each as one batch.
 *
 * | Bucket    | Put                                    | Delete                                                   |
 * |-----------|----------------------------------------|----------------------------------------------------------|
 * | never had | replaces the object                    | removes it                                               |
 * | Enabled   | the object becomes an older version    | the same, and a delete marker is the newest              |
 * | Suspended | the same, but the version `null`,      | the same, but the version `null`, wherever it is, goes,  |
 * |           | wherever it is, is replaced            | and the marker is the version `null`                     |
 *
 * Plans read and decide; their caller holds the key's lock until the plan is written.
 * Source: Amazon S3 User Guide, "How S3 Versioning works".
 */
import type { RecordChange, RecordStore, StoredRecord } from "../../storage/record-store.ts";
import type { Clock } from "../../util/clock.ts";
import {
  objectKey,
  parseKeyName,
  parseNameAfterKey,
  versionKey,
  versionName,
  within,
  type Bucket,
  type DescriptionChange,
  type MarkerBody,
  type ObjectBody,
  type StoredMarker,
  type StoredObject,
  type StoredVersion,
  type VersionBody,
} from "./records.ts";
import { VersionPlaces } from "./version-places.ts";

export interface VersionPlan {
  readonly changes: readonly RecordChange[];
  /** What no record names afterwards. */
  readonly dropped: readonly StoredObject[];
}

export interface PutPlan extends VersionPlan {
  readonly body: ObjectBody;
}

export interface DeletePlan extends VersionPlan {
  /** Id of the delete marker that was made; absent in a bucket that never had versions. */
  readonly markerId?: string;
}

export interface RemovePlan extends VersionPlan {
  /** Absent when there was no such version. */
  readonly removed?: StoredVersion;
}

export class VersionHistory {
  readonly #records: RecordStore;
  readonly #clock: Clock;
  readonly #places = new VersionPlaces();

  constructor(records: RecordStore, clock: Clock) {
    this.#records = records;
    this.#clock = clock;
  }

  async current(bucket: Bucket, key: string): Promise<StoredObject | undefined> {
    const record = await this.#records.get<ObjectBody>(objectKey(bucket, key));
    return record && toObject(bucket, record);
  }

  /** Versions of a key that are not its object, the newest first; the first is a marker when the key has no object. */
  async others(bucket: Bucket, key: string, limit: number): Promise<readonly StoredVersion[]> {
    const page = await this.#records.list<VersionBody>({
      ...within(bucket, "s3-version", versionName(key, "")),
      limit,
    });
    return page.records.map((record) => toVersion(bucket, record));
  }

  async find(bucket: Bucket, key: string, versionId: string): Promise<StoredVersion | undefined> {
    const current = await this.current(bucket, key);
    return current?.versionId === versionId ? current : this.#other(bucket, key, versionId);
  }

  async planPut(bucket: Bucket, key: string, current: StoredObject | undefined, body: ObjectBody): Promise<PutPlan> {
    const { versioning } = bucket.settings;
    const name = objectKey(bucket, key);
    if (versioning === undefined) {
      return { body, changes: [{ op: "put", key: name, body }], dropped: current === undefined ? [] : [current] };
    }
    const { changes, dropped, newest } = await this.#stepAside(bucket, key, current);
    const place = this.#places.next(this.#clock.now(), newest);
    const placed: ObjectBody = { ...body, place, ...(versioning === "Suspended" && { isNull: true }) };
    return { body: placed, changes: [{ op: "put", key: name, body: placed }, ...changes], dropped };
  }

  async planDelete(bucket: Bucket, key: string, current: StoredObject | undefined): Promise<DeletePlan> {
    const { versioning } = bucket.settings;
    const removal: RecordChange[] = current === undefined ? [] : [{ op: "delete", key: objectKey(bucket, key) }];
    if (versioning === undefined) return { changes: removal, dropped: current === undefined ? [] : [current] };
    const { changes, dropped, newest } = await this.#stepAside(bucket, key, current);
    const place = this.#places.next(this.#clock.now(), newest);
    const marker: MarkerBody = { marker: true, place, ...(versioning === "Suspended" && { isNull: true }) };
    return {
      markerId: versionIdOf(marker),
      changes: [...removal, ...changes, insertion(bucket, key, marker)],
      dropped,
    };
  }

  /** Removes one version for good; what it hid becomes the object of the key. */
  async planRemoval(
    bucket: Bucket,
    key: string,
    current: StoredObject | undefined,
    versionId: string,
  ): Promise<RemovePlan> {
    if (current?.versionId === versionId) {
      const [next] = bucket.settings.versioning === undefined ? [] : await this.others(bucket, key, 1);
      const changes = promotion(bucket, key, next) ?? [{ op: "delete", key: objectKey(bucket, key) }];
      return { removed: current, changes, dropped: [current] };
    }
    const removed = await this.#other(bucket, key, versionId);
    if (removed === undefined) return { changes: [], dropped: [] };
    const [newest, second] = current === undefined ? await this.others(bucket, key, 2) : [];
    const uncovered = newest?.versionId === versionId ? (promotion(bucket, key, second) ?? []) : [];
    return {
      removed,
      changes: [{ op: "delete", key: versionKey(bucket, key, removed.place!) }, ...uncovered],
      dropped: removed.marker ? [] : [removed],
    };
  }

  /** Says something else of a version; its bytes, its id and its time stay. */
  planAmendment(bucket: Bucket, version: StoredObject, isCurrent: boolean, change: DescriptionChange): VersionPlan {
    const body = { ...bodyOf(version), ...change };
    if (isCurrent) return { changes: [{ op: "update", key: objectKey(bucket, version.key), body }], dropped: [] };
    // An update keeps the status by which the version `null` is found.
    return { changes: [{ op: "update", key: versionKey(bucket, version.key, version.place!), body }], dropped: [] };
  }

  /** Makes room for a new version: the object becomes an older one, or, as the version `null` of a suspended bucket, goes. */
  async #stepAside(
    bucket: Bucket,
    key: string,
    current: StoredObject | undefined,
  ): Promise<VersionPlan & { newest: string | undefined }> {
    const suspended = bucket.settings.versioning === "Suspended";
    if (current === undefined || current.versionId !== "null" || !suspended) {
      const demoted = current && this.#demoted(current);
      const newest = demoted?.place ?? (await this.others(bucket, key, 1))[0]?.place;
      const changes = demoted === undefined ? [] : [insertion(bucket, key, demoted)];
      const replaced = suspended ? await this.#other(bucket, key, "null") : undefined;
      if (replaced === undefined) return { changes, dropped: [], newest };
      changes.push({ op: "delete", key: versionKey(bucket, key, replaced.place!) });
      return { changes, dropped: replaced.marker ? [] : [replaced], newest };
    }
    return { changes: [], dropped: [current], newest: current.place };
  }

  #demoted(current: StoredObject): ObjectBody & { readonly place: string } {
    const place = current.place ?? this.#places.next(this.#clock.now());
    return { ...bodyOf(current), place, ...(current.versionId === "null" && { isNull: true }) };
  }

  async #other(bucket: Bucket, key: string, versionId: string): Promise<StoredVersion | undefined> {
    if (versionId !== "null") {
      const record = await this.#records.get<VersionBody>(versionKey(bucket, key, versionId));
      const version = record && toVersion(bucket, record);
      // The place of a version `null` is no version id.
      return version?.versionId === versionId ? version : undefined;
    }
    const page = await this.#records.list<VersionBody>({
      ...within(bucket, "s3-version", versionName(key, "")),
      status: nullStatus,
      limit: 1,
    });
    return page.records.map((record) => toVersion(bucket, record))[0];
  }
}

/** The version `null` of a key is found by its status, however many versions there are. */
const nullStatus = "null";

function statusOf(version: VersionBody | StoredVersion): string | undefined {
  return versionIdOf(version) === "null" ? nullStatus : undefined;
}

function insertion(bucket: Bucket, key: string, body: VersionBody & { readonly place: string }): RecordChange {
  const status = statusOf(body);
  return { op: "insert", key: versionKey(bucket, key, body.place), body, ...(status !== undefined && { status }) };
}

/** Makes an older version the object of its key; undefined where the next version is none or a marker. */
function promotion(bucket: Bucket, key: string, next: StoredVersion | undefined): RecordChange[] | undefined {
  if (next === undefined || next.marker) return undefined;
  return [
    { op: "put", key: objectKey(bucket, key), body: bodyOf(next) },
    { op: "delete", key: versionKey(bucket, key, next.place!) },
  ];
}

function bodyOf({
  key: _key,
  versionId: _versionId,
  lastModified,
  marker: _marker,
  ...body
}: StoredObject): ObjectBody {
  return { ...body, modified: lastModified };
}

/** What was written before its bucket had versions has a place only since it was replaced. */
export function versionIdOf({ place, isNull }: VersionBody): string {
  return isNull === true || place === undefined ? "null" : place;
}

export function toObject(bucket: Bucket, record: StoredRecord<ObjectBody>): StoredObject {
  const { body } = record;
  return {
    ...body,
    key: parseKeyName(record.name.slice(bucket.name.length + 1)),
    versionId: versionIdOf(body),
    lastModified: wholeSeconds(body.modified ?? record.updatedAt),
  };
}

export function toVersion(bucket: Bucket, record: StoredRecord<VersionBody>): StoredVersion {
  const { body } = record;
  return {
    ...body,
    key: parseNameAfterKey(record.name.slice(bucket.name.length + 1)).key,
    versionId: versionIdOf(body),
    lastModified: wholeSeconds(body.modified ?? record.updatedAt),
  } as StoredObject | StoredMarker;
}

/** HTTP dates have whole seconds; every answer shows the same time. */
export function wholeSeconds(ms: number): number {
  return ms - (ms % 1000);
}
