import type { RecordChange, RecordKey, StoredRecord } from "../storage/record-store.ts";

/** The changes that remove a resource as it was read, and its tags. */
export function removalOf(record: StoredRecord): RecordChange[] {
  const { accountId, region, family, name, arn, revision } = record;
  const key = { accountId, region, family, name };
  return [
    { op: "delete", key, expectedRevision: revision },
    ...(arn === undefined ? [] : [{ op: "untag", arn, keys: "all" } as const]),
  ];
}

export function sameKey(a: RecordKey, b: RecordKey): boolean {
  return a.name === b.name && a.accountId === b.accountId && a.region === b.region && a.family === b.family;
}
