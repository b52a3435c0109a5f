/**
 * One exclusive connection to a SQLite file, with Kysely as the language of its queries.
 *
 * SQLite runs in this process, so queries are synchronous: what happens between two `await`s is atomic. The lock on the
 * file is held as long as the connection is open. That keeps a second server out of the data directory, and spares
 * every read the system calls that a shared lock costs (5 times the reads per second on two cores, Node 20).
 */
import { existsSync } from "node:fs";
import Database from "libsql";
import {
  DummyDriver,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type Compilable,
  type CompiledQuery,
} from "kysely";
import { ensurePrivateFile } from "../util/private-file.ts";

/** Statements kept prepared. The store's own are some 15; lists add one per combination of filters. */
const maxPreparedStatements = 200;
/** Reads go through the page cache of the system instead of a `read` call each. */
const memoryMapBytes = 2 ** 30;
/** What SQLite calls the files beside a database that a killed process leaves. */
const journals = ["-wal", "-shm", "-journal"];
/** How long to wait for a server that is just stopping. */
const busyTimeoutMs = 2000;

type Statement = Database.Statement<unknown[]>;

/** A Kysely that builds and compiles queries for SQLite and runs none: `SqliteConnection` does. */
export function sqliteQueryBuilder<Schema>(): Kysely<Schema> {
  return new Kysely<Schema>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
}

export class SqliteConnection {
  readonly #database: Database.Database;
  readonly #statements = new Map<string, Statement>();

  /** @throws DatabaseUnusable when the file is held by another process, damaged or no database */
  constructor(file: string) {
    try {
      // Secret keys stand in it, and its folder may be one that others can read. SQLite gives its journals the same mode.
      for (const each of [file, ...journals.map((suffix) => file + suffix).filter(existsSync)]) ensurePrivateFile(each);
      this.#database = new Database(file);
    } catch (error) {
      throw new DatabaseUnusable(file, error);
    }
    try {
      this.#pragma(`busy_timeout = ${busyTimeoutMs}`);
      this.#pragma("locking_mode = exclusive");
      this.#pragma("journal_mode = wal");
      this.#pragma("synchronous = full");
      // On macOS fsync leaves the bytes in the drive's cache; this asks for F_FULLFSYNC. No effect elsewhere.
      this.#pragma("fullfsync = on");
      this.#pragma(`mmap_size = ${memoryMapBytes}`);
      // Takes the lock now rather than at the first write.
      this.transaction(() => {});
    } catch (error) {
      this.#database.close();
      throw new DatabaseUnusable(file, error);
    }
  }

  /** All rows of a query. */
  all<Row>(query: CompiledQuery<Row>): Row[] {
    return this.#prepare(query.sql).all(query.parameters as unknown[]) as Row[];
  }

  /** The first row of a query that has at most one. */
  first<Row>(query: CompiledQuery<Row>): Row | undefined {
    return this.#prepare(query.sql).get(query.parameters as unknown[]) as Row | undefined;
  }

  /** @returns how many rows were inserted, updated or deleted */
  run(query: CompiledQuery): number {
    return this.#prepare(query.sql).run(query.parameters as unknown[]).changes;
  }

  /** Runs `body` in a transaction that is durable when this returns, and undone when `body` or the commit throws. */
  transaction<T>(body: () => T): T {
    this.#database.exec("begin immediate");
    try {
      const result = body();
      this.#database.exec("commit");
      return result;
    } catch (error) {
      // A full disk makes SQLite roll back by itself.
      if (this.#database.inTransaction) this.#database.exec("rollback");
      throw error;
    }
  }

  /** Runs `body` inside a transaction so that what it did alone is undone when it throws. */
  savepoint<T>(body: () => T): T {
    this.#database.exec("savepoint batch");
    try {
      return body();
    } catch (error) {
      if (this.#database.inTransaction) this.#database.exec("rollback to batch");
      throw error;
    } finally {
      if (this.#database.inTransaction) this.#database.exec("release batch");
    }
  }

  /** Moves the write-ahead log into the database file and gives its disk space back. */
  checkpoint(): void {
    this.#pragma("wal_checkpoint(truncate)");
  }

  /** Leaves everything in the database file, and unlocks it. */
  close(): void {
    try {
      // libsql keeps the file open until the statements are collected as garbage. Without a log, and in normal locking
      // mode, an open file holds no lock, so that the next server need not wait for that.
      this.#pragma("journal_mode = delete");
      this.#pragma("locking_mode = normal");
      this.#database.exec("select count(*) from sqlite_schema");
    } catch (error) {
      // On a full disk the log stays, and the next server reads it; this process gives its lock back when it ends.
      if (!isDiskFull(error)) throw error;
    } finally {
      this.#statements.clear();
      this.#database.close();
    }
  }

  #pragma(setting: string): void {
    this.#database.exec(`pragma ${setting}`);
  }

  #prepare(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    if (this.#statements.size >= maxPreparedStatements) {
      this.#statements.delete(this.#statements.keys().next().value!);
    }
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

/** The database file cannot be opened; the message says why and what to do. */
export class DatabaseUnusable extends Error {
  readonly file: string;

  constructor(file: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const code = sqliteCode(cause);
    super(
      code === "SQLITE_BUSY"
        ? `database ${file} is in use by another process: stop the other server or choose another data directory`
        : `database ${file} cannot be opened: ${reason}`,
      { cause },
    );
    this.name = "DatabaseUnusable";
    this.file = file;
  }
}

/** Whether an error of the connection says that the disk is full. */
export function isDiskFull(error: unknown): boolean {
  return sqliteCode(error instanceof DatabaseUnusable ? error.cause : error) === "SQLITE_FULL";
}

function sqliteCode(error: unknown): string | undefined {
  return error instanceof Database.SqliteError ? error.code : undefined;
}

/** The parameter `name` of a template, where Kysely expects a text. */
export function text(name: string): string {
  return new Parameter(name) as unknown as string;
}

/** The parameter `name` of a template, where Kysely expects a number. */
export function integer(name: string): number {
  return new Parameter(name) as unknown as number;
}

class Parameter {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** Compiles a query with `text` and `integer` parameters once; the result binds values to them, which takes no time worth measuring. */
export function template<Row>(
  query: Compilable<Row>,
): (values: Readonly<Record<string, unknown>>) => CompiledQuery<Row> {
  const compiled = query.compile();
  return (values) => ({
    ...compiled,
    parameters: compiled.parameters.map((value) => (value instanceof Parameter ? values[value.name] : value)),
  });
}
