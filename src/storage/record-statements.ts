/** The statements of the record store that never change, compiled once. */
import { selectRecords } from "./record-queries.ts";
import type { RecordSchema } from "./record-schema.ts";
import { integer, sqliteQueryBuilder, template, text } from "./sqlite-connection.ts";

export const db = sqliteQueryBuilder<RecordSchema>();

export const statements = {
  spaces: template(db.selectFrom("space").select(["id", "account_id", "region", "family"])),
  insertSpace: template(
    db
      .insertInto("space")
      .values({
        account_id: text("accountId"),
        region: text("region"),
        family: text("family"),
      })
      .returning("id"),
  ),
  record: template(selectRecords(db).where("space_id", "=", integer("space")).where("name", "=", text("name"))),
  recordByArn: template(selectRecords(db).select("space_id").where("arn", "=", text("arn")).orderBy("id").limit(1)),
  recordsByStatus: template(
    selectRecords(db).where("space_id", "=", integer("space")).where("status", "=", text("status")).orderBy("name"),
  ),
  recordsAfter: template(
    selectRecords(db)
      .where("space_id", "=", integer("space"))
      .where("name", ">", text("name"))
      .orderBy("name")
      .limit(integer("limit")),
  ),
  insert: template(
    db.insertInto("record").values({
      space_id: integer("space"),
      name: text("name"),
      arn: text("arn"),
      status: text("status"),
      created_at: integer("created_at"),
      updated_at: integer("updated_at"),
      revision: integer("revision"),
      body: text("body"),
    }),
  ),
  update: template(
    db
      .updateTable("record")
      .set({
        arn: text("arn"),
        status: text("status"),
        updated_at: integer("updated_at"),
        revision: integer("revision"),
        body: text("body"),
      })
      .where("space_id", "=", integer("space"))
      .where("name", "=", text("name")),
  ),
  delete: template(db.deleteFrom("record").where("space_id", "=", integer("space")).where("name", "=", text("name"))),
  tags: template(db.selectFrom("tag").select(["key", "value"]).where("arn", "=", text("arn")).orderBy("key")),
  tag: template(
    db
      .insertInto("tag")
      .values({ arn: text("arn"), key: text("key"), value: text("value") })
      .onConflict((conflict) => conflict.columns(["arn", "key"]).doUpdateSet({ value: text("value") })),
  ),
  untag: template(db.deleteFrom("tag").where("arn", "=", text("arn")).where("key", "=", text("key"))),
  appendHistory: template(
    db.insertInto("history").values({
      at: integer("at"),
      actor: text("actor"),
      call: text("call"),
      request_id: text("requestId"),
      space_id: integer("space"),
      name: text("name"),
      before: text("before"),
      after: text("after"),
    }),
  ),
  history: template(
    db
      .selectFrom("history")
      .select(["sequence", "at", "actor", "call", "request_id", "before", "after"])
      .where("space_id", "=", integer("space"))
      .where("name", "=", text("name"))
      .orderBy("sequence"),
  ),
};
