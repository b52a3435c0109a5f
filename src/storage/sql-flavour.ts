/** The few things that databases say differently. Everything else of the record store is common SQL, built by Kysely. */
import { sql, type ColumnDefinitionBuilder, type RawBuilder } from "kysely";

export interface SqlFlavour {
  /** The primary key, numbered upwards by the database. */
  readonly identity: (column: ColumnDefinitionBuilder) => ColumnDefinitionBuilder;
  /** Type of text that is compared by its UTF-8 bytes. */
  readonly byteOrderedText: RawBuilder<string>;
  /** Whether `text` occurs in the column, character for character: no wildcard means anything. */
  contains(column: string, text: string): RawBuilder<boolean>;
  /** The column's value in a form for which the planner uses no index. */
  unindexed(column: string): RawBuilder<string>;
}

export const sqliteFlavour: SqlFlavour = {
  identity: (column) => column.primaryKey(),
  byteOrderedText: sql`text collate binary`,
  contains: (column, text) => sql<boolean>`instr(${sql.ref(column)}, ${text}) > 0`,
  unindexed: (column) => sql<string>`+${sql.ref(column)}`,
};
