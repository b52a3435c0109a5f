import type { Migration } from "./migration.ts";
import { records } from "./0001-records.ts";
import { tagsByKey } from "./0002-tags-by-key.ts";

/** All migrations in order of their versions. */
export const migrations: readonly Migration[] = [records, tagsByKey];
