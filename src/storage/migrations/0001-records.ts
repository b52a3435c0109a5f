import type { Kysely } from "kysely";
import type { RecordSchema } from "../record-schema.ts";
import type { SqlFlavour } from "../sql-flavour.ts";
import type { Migration } from "./migration.ts";

/** Spaces, records with an index per sort order, tags, history. */
export const records: Migration = {
  version: 1,
  name: "records",
  statements: (db: Kysely<RecordSchema>, flavour: SqlFlavour) => [
    db.schema
      .createTable("space")
      .addColumn("id", "integer", flavour.identity)
      .addColumn("account_id", "text", (column) => column.notNull())
      .addColumn("region", "text", (column) => column.notNull())
      .addColumn("family", "text", (column) => column.notNull())
      .addUniqueConstraint("space_key", ["family", "account_id", "region"])
      .compile(),
    db.schema
      .createTable("record")
      .addColumn("id", "integer", flavour.identity)
      .addColumn("space_id", "integer", (column) => column.notNull())
      .addColumn("name", flavour.byteOrderedText, (column) => column.notNull())
      .addColumn("arn", "text")
      .addColumn("status", flavour.byteOrderedText, (column) => column.notNull())
      .addColumn("created_at", "bigint", (column) => column.notNull())
      .addColumn("updated_at", "bigint", (column) => column.notNull())
      .addColumn("revision", "integer", (column) => column.notNull())
      .addColumn("body", "text", (column) => column.notNull())
      .compile(),
    db.schema.createIndex("record_by_name").unique().on("record").columns(["space_id", "name"]).compile(),
    db.schema.createIndex("record_by_created").on("record").columns(["space_id", "created_at", "name"]).compile(),
    // The trailing status lets a filter on it be answered from the index while walking in order of time.
    db.schema
      .createIndex("record_by_updated")
      .on("record")
      .columns(["space_id", "updated_at", "name", "status"])
      .compile(),
    db.schema.createIndex("record_by_status").on("record").columns(["space_id", "status", "name"]).compile(),
    // The commonest list of all: one status, newest first. Families without a status (S3 objects) do not pay for it.
    db.schema
      .createIndex("record_by_status_created")
      .on("record")
      .columns(["space_id", "status", "created_at", "name"])
      .where("status", "<>", "")
      .compile(),
    db.schema.createIndex("record_by_arn").on("record").column("arn").where("arn", "is not", null).compile(),
    db.schema
      .createTable("tag")
      .addColumn("arn", "text", (column) => column.notNull())
      .addColumn("key", flavour.byteOrderedText, (column) => column.notNull())
      .addColumn("value", "text", (column) => column.notNull())
      .addPrimaryKeyConstraint("tag_key", ["arn", "key"])
      .compile(),
    db.schema
      .createTable("history")
      .addColumn("sequence", "integer", flavour.identity)
      .addColumn("at", "bigint", (column) => column.notNull())
      .addColumn("actor", "text", (column) => column.notNull())
      .addColumn("call", "text", (column) => column.notNull())
      .addColumn("request_id", "text")
      .addColumn("space_id", "integer", (column) => column.notNull())
      .addColumn("name", flavour.byteOrderedText, (column) => column.notNull())
      .addColumn("before", "text")
      .addColumn("after", "text")
      .compile(),
    db.schema.createIndex("history_by_record").on("history").columns(["space_id", "name", "sequence"]).compile(),
  ],
};
