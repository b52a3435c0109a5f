/** The queries over tags of many ARNs, in Kysely: common SQL, whatever database runs it. */
import type { CompiledQuery, Kysely } from "kysely";
import { compareNames, prefixEnd } from "./name-order.ts";
import type { TaggedQuery } from "./record-store.ts";
import type { RecordSchema, TagTable } from "./record-schema.ts";

/** All tags of the ARNs of one page, in order of ARN and key. */
export function taggedArns(db: Kysely<RecordSchema>, query: TaggedQuery): CompiledQuery<TagTable> {
  return db
    .selectFrom("tag")
    .select(["arn", "key", "value"])
    .where("arn", "in", pageOfArns(db, query))
    .orderBy("arn")
    .orderBy("key")
    .compile();
}

function pageOfArns(db: Kysely<RecordSchema>, { prefix = "", after, limit, tag }: TaggedQuery) {
  let arns = db.selectFrom("tag").select("arn").distinct();
  if (tag !== undefined) {
    arns = arns.where("key", "=", tag.key);
    if (tag.values !== undefined && tag.values.length > 0) arns = arns.where("value", "in", tag.values);
  }
  // One lower bound, the tighter: the index is entered there.
  if (after !== undefined && compareNames(after, prefix) >= 0) arns = arns.where("arn", ">", after);
  else if (prefix !== "") arns = arns.where("arn", ">=", prefix);
  const end = prefixEnd(prefix);
  if (end !== undefined) arns = arns.where("arn", "<", end);
  return arns.orderBy("arn").limit(limit);
}
