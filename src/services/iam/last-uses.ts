/**
 * When access keys and roles were last used.
 *
 * Noted with every request, so it must cost nothing: kept in memory and written together, at most once a minute. A crash
 * forgets the last minute.
 */
import type { Principal } from "../../protocol/service.ts";
import type { RecordChange, RecordKey } from "../../storage/record-store.ts";
import { RecentlyUsed } from "../../util/recently-used.ts";
import { globalRegion, type IamStore } from "./iam-store.ts";

export interface LastUse {
  /** Milliseconds since the epoch; exact to the minute. */
  readonly at: number;
  /** Signing name, e.g. `s3`. */
  readonly service: string;
  readonly region: string;
}

const resolutionMs = 60_000;
const recent = 2000;
/** Written before the minute is over when so many wait. */
const maxPending = 1000;

export class LastUses {
  readonly #store: IamStore;
  readonly #latest = new RecentlyUsed<string, LastUse>(recent);
  readonly #pending = new Map<string, { readonly key: RecordKey; readonly use: LastUse }>();
  #writtenAt = Number.NEGATIVE_INFINITY;
  #writing: Promise<void> = Promise.resolve();

  constructor(store: IamStore) {
    this.#store = store;
  }

  /** To be called for every request that was authenticated; returns at once. */
  note(principal: Principal, use: LastUse): void {
    const id = idOf(principal);
    if (id === undefined) return;
    const before = this.#latest.get(id);
    if (before?.service === use.service && before.region === use.region && use.at - before.at < resolutionMs) return;
    this.#latest.set(id, use);
    this.#pending.set(id, { key: keyOf(principal.accountId, id), use });
    if (use.at - this.#writtenAt < resolutionMs && this.#pending.size < maxPending) return;
    this.#writtenAt = use.at;
    this.#writing = this.#writing.then(() => this.#write());
  }

  ofAccessKey(accountId: string, accessKeyId: string): Promise<LastUse | undefined> {
    return this.#find(accountId, accessKeyId);
  }

  ofRole(accountId: string, roleId: string): Promise<LastUse | undefined> {
    return this.#find(accountId, roleId);
  }

  /** What is forgotten together with the key or the role. */
  forgetting(accountId: string, id: string): RecordChange {
    this.#pending.delete(id);
    this.#latest.delete(id);
    return { op: "delete", key: keyOf(accountId, id), ifExists: true };
  }

  /** Writes what waits. */
  async close(): Promise<void> {
    await this.#writing;
    await this.#write();
  }

  async #find(accountId: string, id: string): Promise<LastUse | undefined> {
    const pending = this.#pending.get(id);
    if (pending !== undefined) return pending.use;
    return (await this.#store.records.get<LastUse>(keyOf(accountId, id)))?.body;
  }

  async #write(): Promise<void> {
    const batch = this.#pending;
    if (batch.size === 0) return;
    const changes: RecordChange[] = [...batch.values()].map(({ key, use }) => ({ op: "put", key, body: use }));
    const at = Math.max(...[...batch.values()].map(({ use }) => use.at));
    try {
      await this.#store.records.write(changes, {
        actor: { by: "sagebrush:iam", call: "iam:LastUse" },
        at,
        history: false,
      });
    } catch {
      return; // Everything still waits, and the next minute tries again: on a full disk nobody wants to hear of this first.
    }
    for (const [id, entry] of batch) if (this.#pending.get(id) === entry) this.#pending.delete(id);
  }
}

/** The access key of a user, the id of a role; nothing else is told when it was used. */
function idOf({ kind, accessKeyId, userId }: Principal): string | undefined {
  if (kind === "user" && accessKeyId.startsWith("AKIA")) return accessKeyId;
  return kind === "assumed-role" ? userId.slice(0, userId.indexOf(":")) : undefined;
}

function keyOf(accountId: string, id: string): RecordKey {
  return { accountId, region: globalRegion, family: "iam-last-use", name: id };
}
