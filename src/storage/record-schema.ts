/** The tables of the record store as Kysely sees them; `migrations/` creates them. */
import type { Generated } from "kysely";

/** A space is (account, region, family): interned, so that keys and indexes compare one integer. */
export interface SpaceTable {
  id: Generated<number>;
  account_id: string;
  region: string;
  family: string;
}

export interface RecordTable {
  id: Generated<number>;
  space_id: number;
  name: string;
  arn: string | null;
  status: string;
  /** ms since the epoch */
  created_at: number;
  updated_at: number;
  revision: number;
  /** JSON */
  body: string;
}

export interface TagTable {
  arn: string;
  key: string;
  value: string;
}

export interface HistoryTable {
  sequence: Generated<number>;
  at: number;
  actor: string;
  call: string;
  request_id: string | null;
  space_id: number;
  name: string;
  /** JSON of the body, null when there was none. */
  before: string | null;
  after: string | null;
}

export interface MigrationTable {
  version: number;
  name: string;
  applied_at: number;
}

export interface RecordSchema {
  space: SpaceTable;
  record: RecordTable;
  tag: TagTable;
  history: HistoryTable;
  migration: MigrationTable;
}
