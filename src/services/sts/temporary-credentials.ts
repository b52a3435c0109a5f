/** Temporary credentials as records: they outlive a restart of the server and expire by themselves. */
import { randomBytes } from "node:crypto";
import type { Principal } from "../../protocol/service.ts";
import type { Credential } from "../../protocol/sigv4/credential.ts";
import type { Actor, RecordChange, RecordKey, RecordStore } from "../../storage/record-store.ts";
import type { Clock } from "../../util/clock.ts";
import { randomText } from "../../util/random-text.ts";
import { newSecretAccessKey } from "./root-credentials.ts";

/** An access key id does not say which account it is of, so all accounts share a space of no account. */
const space = { accountId: "", region: "aws-global", family: "sts-credential" } as const;
/** Expired credentials are told apart from unknown ones for a while: none lives longer than 36 hours. */
const keptMs = 3 * 24 * 3_600_000;
const purgeEveryMs = 3_600_000;
const purgeBatch = 1000;
const cacheSize = 1000;

interface StoredCredential {
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiresAt: number;
  readonly principal: Principal;
}

/** The identity that a temporary credential stands for; its key is added when it is issued. */
export type Identity = Omit<Principal, "accessKeyId">;

export class TemporaryCredentials {
  readonly #records: RecordStore;
  readonly #clock: Clock;
  // A credential never changes, so what was read once stays true.
  readonly #cache = new Map<string, Credential>();
  #purgedAt = Number.NEGATIVE_INFINITY;

  constructor(options: { records: RecordStore; clock: Clock }) {
    this.#records = options.records;
    this.#clock = options.clock;
  }

  /** Makes a credential that is durable when the promise resolves. */
  async issue(identity: Identity, durationSeconds: number, actor: Actor): Promise<Required<Credential>> {
    const now = this.#clock.now();
    const accessKeyId = `ASIA${randomText(16)}`;
    const body: StoredCredential = {
      secretAccessKey: newSecretAccessKey(),
      sessionToken: randomBytes(192).toString("base64"),
      // Clients get the expiration in whole seconds and must not find it earlier than they were told.
      expiresAt: Math.ceil(now / 1000 + durationSeconds) * 1000,
      principal: { ...identity, accessKeyId },
    };
    const insert: RecordChange = { op: "insert", key: this.#key(accessKeyId), body };
    // The history table is for people to read; secrets have no place there.
    await this.#records.write([insert, ...(await this.#expired(now))], { actor, at: now, history: false });
    const credential = { accessKeyId, ...body };
    this.#remember(credential);
    return credential;
  }

  /** undefined when no such credential was issued, or one that expired days ago */
  async find(accessKeyId: string): Promise<Credential | undefined> {
    const record = await this.#records.get<StoredCredential>(this.#key(accessKeyId));
    if (record === undefined) return undefined;
    const credential = { accessKeyId, ...record.body };
    this.#remember(credential);
    return credential;
  }

  /** What `find` would give, when it is known without waiting. */
  cached(accessKeyId: string): Credential | undefined {
    return this.#cache.get(accessKeyId);
  }

  #key(accessKeyId: string): RecordKey {
    return { ...space, name: accessKeyId };
  }

  #remember(credential: Credential): void {
    if (this.#cache.size >= cacheSize) this.#cache.clear();
    this.#cache.set(credential.accessKeyId, credential);
  }

  /** Deletions of what expired long ago, at most once an hour. */
  async #expired(now: number): Promise<RecordChange[]> {
    if (now - this.#purgedAt < purgeEveryMs) return [];
    this.#purgedAt = now;
    const page = await this.#records.list({
      ...space,
      orderBy: "createdAt",
      createdBefore: now - keptMs,
      limit: purgeBatch,
    });
    return page.records.map(({ name }) => ({ op: "delete", key: this.#key(name), ifExists: true }));
  }
}
