/** Brings the tables of a record database up to date. */
import type { Kysely } from "kysely";
import { migrations } from "./migrations/index.ts";
import type { RecordSchema } from "./record-schema.ts";
import type { SqlFlavour } from "./sql-flavour.ts";
import type { SqliteConnection } from "./sqlite-connection.ts";

/**
 * Applies the migrations that the database lacks, all in one transaction.
 * @throws Error when a newer Sagebrush wrote the database
 */
export function migrate(
  connection: SqliteConnection,
  db: Kysely<RecordSchema>,
  flavour: SqlFlavour,
  file: string,
): void {
  connection.transaction(() => {
    connection.run(
      db.schema
        .createTable("migration")
        .ifNotExists()
        .addColumn("version", "integer", (column) => column.primaryKey())
        .addColumn("name", "text", (column) => column.notNull())
        .addColumn("applied_at", "bigint", (column) => column.notNull())
        .compile(),
    );
    const newest = migrations.length;
    const applied = connection.all(db.selectFrom("migration").select(["version", "name"]).orderBy("version").compile());
    const last = applied.at(-1);
    if (last !== undefined && last.version > newest) {
      throw new Error(
        `database ${file} has schema ${last.version} ("${last.name}"), this Sagebrush knows up to ${newest}: ` +
          "start the newer Sagebrush that wrote it, or choose another data directory",
      );
    }
    for (const migration of migrations.slice(last?.version ?? 0)) {
      for (const statement of migration.statements(db, flavour)) connection.run(statement);
      connection.run(
        db
          .insertInto("migration")
          // A note for people; no behaviour depends on it, so it is the real time and not the injected clock's.
          .values({ version: migration.version, name: migration.name, applied_at: Date.now() })
          .compile(),
      );
    }
  });
}
