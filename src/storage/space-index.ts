/**
 * Spaces (account, region, family) and the numbers that stand for them in keys and indexes, held in memory: there are
 * few, and every read and write needs one.
 */
import { statements } from "./record-statements.ts";
import type { RecordKey } from "./record-store.ts";
import type { SqliteConnection } from "./sqlite-connection.ts";

export interface Space {
  readonly id: number;
  readonly accountId: string;
  readonly region: string;
  readonly family: string;
}

type SpaceKey = Omit<RecordKey, "name">;

export class SpaceIndex {
  readonly #connection: SqliteConnection;
  #byKey = new Map<string, Space>();
  #byId = new Map<number, Space>();

  constructor(connection: SqliteConnection) {
    this.#connection = connection;
    this.reload();
  }

  /** Reads the table anew, after a transaction that may have added spaces was undone. */
  reload(): void {
    this.#byKey = new Map();
    this.#byId = new Map();
    for (const row of this.#connection.all(statements.spaces({}))) {
      this.#add({ id: row.id, accountId: row.account_id, region: row.region, family: row.family });
    }
  }

  find(key: SpaceKey): Space | undefined {
    return this.#byKey.get(keyText(key));
  }

  byId(id: number): Space {
    return this.#byId.get(id)!;
  }

  /** All spaces of a family, in order of account and region. */
  ofFamily(family: string): Space[] {
    return [...this.#byId.values()]
      .filter((space) => space.family === family)
      .sort((a, b) => compare(a.accountId, b.accountId) || compare(a.region, b.region));
  }

  /** The space of a key, made in the open transaction when it is new. */
  intern(key: SpaceKey): Space {
    const known = this.find(key);
    if (known !== undefined) return known;
    const { accountId, region, family } = key;
    const row = this.#connection.all(statements.insertSpace({ accountId, region, family }))[0];
    return this.#add({ id: row.id, accountId, region, family });
  }

  #add(space: Space): Space {
    this.#byKey.set(keyText(space), space);
    this.#byId.set(space.id, space);
    return space;
  }
}

function keyText({ accountId, region, family }: SpaceKey): string {
  return `${family}\0${accountId}\0${region}`;
}

/** Account ids and regions are ASCII, where this is the order of bytes. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
