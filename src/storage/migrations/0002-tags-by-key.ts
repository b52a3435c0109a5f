import type { Kysely } from "kysely";
import type { RecordSchema } from "../record-schema.ts";
import type { Migration } from "./migration.ts";

/** Which ARNs have a tag, in their order, without reading the tags of all others. */
export const tagsByKey: Migration = {
  version: 2,
  name: "tags by key",
  statements: (db: Kysely<RecordSchema>) => [
    db.schema.createIndex("tag_by_key").on("tag").columns(["key", "arn", "value"]).compile(),
  ],
};
