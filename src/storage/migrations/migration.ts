import type { CompiledQuery, Kysely } from "kysely";
import type { RecordSchema } from "../record-schema.ts";
import type { SqlFlavour } from "../sql-flavour.ts";

/** One step of the schema's life. A released migration never changes; a later one corrects it. */
export interface Migration {
  /** 1, 2, 3, … without gaps. */
  readonly version: number;
  readonly name: string;
  statements(db: Kysely<RecordSchema>, flavour: SqlFlavour): readonly CompiledQuery[];
}
