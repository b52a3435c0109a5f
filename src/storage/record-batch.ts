/**
 * What a batch of changes does to the tables, inside a transaction that somebody else begins and commits.
 */
import type { RecordRow } from "./record-queries.ts";
import { statements } from "./record-statements.ts";
import {
  RecordExists,
  RecordMissing,
  RevisionConflict,
  type RecordChange,
  type RecordKey,
  type StoredRecord,
  type WriteOptions,
} from "./record-store.ts";
import type { Space, SpaceIndex } from "./space-index.ts";
import type { SqliteConnection } from "./sqlite-connection.ts";

/** UTF-8 bytes of a name; the longest that AWS has are S3 keys (1,024) behind a bucket name. */
const maxNameBytes = 4096;
/** UTF-16 units of a body as JSON. */
const maxBodyLength = 16 * 2 ** 20;

/** A change whose body is already JSON: what the caller does to the object later changes nothing. */
interface PreparedChange {
  readonly change: RecordChange;
  /** Empty where the change has no body. */
  readonly json: string;
}

export interface Batch {
  readonly changes: readonly PreparedChange[];
  readonly options: WriteOptions;
}

/** Whether a batch may take the space that is held back: it only deletes, or its writer says that it makes room. */
export function mayUseReserve({ changes, options }: Batch): boolean {
  return options.essential === true || changes.every(({ change }) => change.op === "delete" || change.op === "untag");
}

/** @throws TypeError, RangeError when a change cannot be stored at all */
export function prepareBatch(changes: readonly RecordChange[], options: WriteOptions): Batch {
  return {
    changes: changes.map((change) => {
      checkTexts(change);
      return { change, json: "body" in change ? toJson(change.key, change.body) : "" };
    }),
    options,
  };
}

/** What a database cannot keep as it is: NUL ends text there, and a lone surrogate has no UTF-8. */
const unstorable = /[\0\p{Surrogate}]/u;

export function isStorableText(value: string): boolean {
  return !unstorable.test(value);
}

function checkTexts(change: RecordChange): void {
  const texts = [
    ...("key" in change ? [change.key.accountId, change.key.region, change.key.family, change.key.name] : []),
    ...("arn" in change ? [change.arn ?? ""] : []),
    ...("status" in change ? [change.status ?? ""] : []),
    ...("tags" in change ? Object.entries(change.tags).flat() : []),
  ];
  const bad = texts.find((value) => !isStorableText(value));
  if (bad !== undefined) {
    throw new TypeError(`text of a record must be without NUL and lone surrogates, got ${JSON.stringify(bad)}`);
  }
  if (!("key" in change)) return;
  const { family, name } = change.key;
  const bytes = Buffer.byteLength(name);
  if (bytes < 1 || bytes > maxNameBytes) {
    throw new RangeError(`the name of a ${family} must have 1 to ${maxNameBytes} bytes, got ${bytes}`);
  }
}

function toJson({ family, name }: RecordKey, body: unknown): string {
  const json = JSON.stringify(body) as string | undefined;
  if (json === undefined) throw new TypeError(`the body of ${family} "${name}" is no JSON value: ${typeof body}`);
  if (json.length > maxBodyLength) {
    throw new RangeError(
      `the body of ${family} "${name}" must have at most ${maxBodyLength} characters, got ${json.length}`,
    );
  }
  return json;
}

/**
 * Applies a batch in the open transaction.
 * @returns the record written by each insert, update and put
 * @throws RecordExists, RecordMissing, RevisionConflict; the caller undoes what the batch did before
 */
export function applyBatch(
  connection: SqliteConnection,
  spaces: SpaceIndex,
  batch: Batch,
): (StoredRecord | undefined)[] {
  return batch.changes.map(({ change, json }) => {
    switch (change.op) {
      case "tag":
      case "untag":
        applyTagChange(connection, spaces, change, batch.options);
        return undefined;
      case "delete": {
        const { space, before } = readBefore(connection, spaces, change.key);
        if (before === undefined && change.ifExists === true) return undefined;
        requireRevision(change.key, before, change.expectedRevision);
        connection.run(statements.delete({ space: space.id, name: change.key.name }));
        appendHistory(connection, batch.options, space, change.key.name, before?.body, undefined);
        return undefined;
      }
      default: {
        const { space, before } = readBefore(connection, spaces, change.key);
        if (change.op === "insert" && before !== undefined) throw new RecordExists(change.key);
        if (change.op === "update") requireRevision(change.key, before, change.expectedRevision);
        const after = nextRow(change, json, before, batch.options.at);
        const values = { space: space.id, ...after };
        connection.run(before === undefined ? statements.insert(values) : statements.update(values));
        appendHistory(connection, batch.options, space, change.key.name, before?.body, json);
        return toRecord(space, after);
      }
    }
  });
}

export function toRecord<Body>(space: Space, row: RecordRow): StoredRecord<Body> {
  return {
    accountId: space.accountId,
    region: space.region,
    family: space.family,
    name: row.name,
    arn: row.arn ?? undefined,
    status: row.status,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    revision: row.revision,
    body: JSON.parse(row.body) as Body,
  };
}

function readBefore(
  connection: SqliteConnection,
  spaces: SpaceIndex,
  key: RecordKey,
): { space: Space; before: RecordRow | undefined } {
  const space = spaces.intern(key);
  return { space, before: connection.first(statements.record({ space: space.id, name: key.name })) };
}

function requireRevision(key: RecordKey, before: RecordRow | undefined, expected: number | undefined): void {
  if (before === undefined) throw new RecordMissing(key);
  if (expected !== undefined && before.revision !== expected) throw new RevisionConflict(key);
}

function nextRow(
  change: Extract<RecordChange, { op: "insert" | "update" | "put" }>,
  json: string,
  before: RecordRow | undefined,
  at: number,
): RecordRow {
  // An update leaves out what it does not change; a put says everything.
  const kept = change.op === "update" ? before : undefined;
  return {
    name: change.key.name,
    arn: kept?.arn ?? ("arn" in change ? (change.arn ?? null) : null),
    status: change.status ?? kept?.status ?? "",
    created_at: before?.created_at ?? at,
    updated_at: at,
    revision: (before?.revision ?? 0) + 1,
    body: json,
  };
}

function applyTagChange(
  connection: SqliteConnection,
  spaces: SpaceIndex,
  change: Extract<RecordChange, { op: "tag" | "untag" }>,
  options: WriteOptions,
): void {
  const { arn } = change;
  const before = readTags(connection, arn);
  if (change.op === "tag") {
    for (const [key, value] of Object.entries(change.tags)) connection.run(statements.tag({ arn, key, value }));
  } else {
    for (const key of change.keys === "all" ? Object.keys(before) : change.keys) {
      connection.run(statements.untag({ arn, key }));
    }
  }
  const after = JSON.stringify(readTags(connection, arn));
  const unchanged = JSON.stringify(before);
  if (after === unchanged) return;
  appendHistory(connection, options, spaces.intern(tagSpace), arn, unchanged, after);
}

/** Where the history of tags is kept: they belong to an ARN and not to a space. */
const tagSpace = { accountId: "", region: "", family: "tag" } as const;

/** Tags of an ARN in order of their keys. */
export function readTags(connection: SqliteConnection, arn: string): Record<string, string> {
  return Object.fromEntries(connection.all(statements.tags({ arn })).map(({ key, value }) => [key, value]));
}

function appendHistory(
  connection: SqliteConnection,
  { actor, at, history }: WriteOptions,
  space: Space,
  name: string,
  before: string | undefined,
  after: string | undefined,
): void {
  if (history === false) return;
  connection.run(
    statements.appendHistory({
      at,
      actor: actor.by,
      call: actor.call,
      requestId: actor.requestId ?? null,
      space: space.id,
      name,
      before: before ?? null,
      after: after ?? null,
    }),
  );
}
