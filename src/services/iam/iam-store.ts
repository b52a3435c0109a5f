/**
 * What the accounts' IAM holds: reads, lists, and changes one after the other.
 *
 * IAM is one per account, so all regions share it. Rules often span several records (a policy in use cannot be deleted,
 * a group's name stands in its members), so the changes of an account wait for one another: what a change has read is
 * still true when it is written. This is the only writer of these records.
 */
import type { RequestContext } from "../../protocol/service.ts";
import type { Actor, RecordChange, RecordKey, RecordStore, WriteOptions } from "../../storage/record-store.ts";
import { randomText } from "../../util/random-text.ts";
import { entityArn, type Entity, type EntityKind, notFound } from "./entities.ts";
import { entityExists, quotaExceeded } from "./errors.ts";
import { defaultMaxItems, type Page, readMarker, writeMarker } from "./marker.ts";

export const globalRegion = "aws-global";
const storePage = 500;

/** Who changes which account, and when. */
export interface ChangeOrigin {
  readonly accountId: string;
  readonly actor: Actor;
  readonly at: number;
}

export function originOf(context: RequestContext): ChangeOrigin {
  const { accountId, principal, operation, requestId, clock } = context;
  return { accountId, actor: { by: principal.arn, call: `iam:${operation}`, requestId }, at: clock.now() };
}

export type NewEntity<Body extends Entity> = Omit<Body, "id" | "arn" | "createdAt">;

/** What one change writes: all of it or nothing. */
export class Change {
  readonly origin: ChangeOrigin;
  readonly records: RecordChange[] = [];
  /** Entities that come into being (1) and go (-1), by family. */
  readonly counted: { readonly family: string; readonly by: 1 | -1 }[] = [];

  constructor(origin: ChangeOrigin) {
    this.origin = origin;
  }

  /** Time of the change in whole seconds, as IAM has it. */
  get now(): number {
    return Math.floor(this.origin.at / 1000) * 1000;
  }

  create<Body extends Entity>(
    kind: EntityKind<Body>,
    entity: NewEntity<Body>,
    tags: Readonly<Record<string, string>> = {},
  ): Body {
    const { accountId } = this.origin;
    const arn = entityArn(accountId, kind, entity.path, entity.name);
    const id = `${kind.idPrefix}${randomText(17)}`;
    const body = { ...entity, id, arn, createdAt: this.now } as unknown as Body;
    this.records.push({ op: "insert", key: entityKey(accountId, kind, entity.name), arn, body });
    this.tag(arn, tags);
    this.counted.push({ family: kind.family, by: 1 });
    return body;
  }

  update<Body extends Entity>(kind: EntityKind<Body>, body: Body): void {
    this.records.push({ op: "update", key: entityKey(this.origin.accountId, kind, body.name), body });
  }

  /** Another name or path, and with it another ARN; the tags come along. */
  rename<Body extends Entity>(
    kind: EntityKind<Body>,
    from: Body,
    to: Body,
    tags: Readonly<Record<string, string>>,
  ): void {
    const { accountId } = this.origin;
    const [before, after] = [from.name, to.name].map((name) => entityKey(accountId, kind, name));
    if (before.name === after.name) this.records.push({ op: "put", key: after, arn: to.arn, body: to });
    else {
      const insert: RecordChange = { op: "insert", key: after, arn: to.arn, body: to };
      this.records.push({ op: "delete", key: before }, insert);
    }
    this.records.push({ op: "untag", arn: from.arn, keys: "all" });
    this.tag(to.arn, tags);
  }

  delete<Body extends Entity>(kind: EntityKind<Body>, body: Body): void {
    this.records.push(
      { op: "delete", key: entityKey(this.origin.accountId, kind, body.name) },
      { op: "untag", arn: body.arn, keys: "all" },
    );
    this.counted.push({ family: kind.family, by: -1 });
  }

  tag(arn: string, tags: Readonly<Record<string, string>>): void {
    if (Object.keys(tags).length > 0) this.records.push({ op: "tag", arn, tags });
  }
}

function entityKey(accountId: string, { family }: { readonly family: string }, name: string): RecordKey {
  return { accountId, region: globalRegion, family, name: name.toLowerCase() };
}

export class IamStore {
  readonly records: RecordStore;
  readonly #tails = new Map<string, Promise<unknown>>();
  readonly #revisions = new Map<string, number>();
  /** By account and family, once somebody asked. */
  readonly #counts = new Map<string, number>();

  constructor(records: RecordStore) {
    this.records = records;
  }

  /** Grows with every change of the account's IAM, as soon as the change can be read. */
  revision(accountId: string): number {
    return this.#revisions.get(accountId) ?? 0;
  }

  async find<Body extends Entity>(kind: EntityKind<Body>, accountId: string, name: string): Promise<Body | undefined> {
    const record = await this.records.get(entityKey(accountId, kind, name));
    const body = record && kind.read(record.body);
    return body?.name === name ? body : undefined;
  }

  /** @throws AwsError NoSuchEntity */
  async get<Body extends Entity>(kind: EntityKind<Body>, accountId: string, name: string): Promise<Body> {
    const body = await this.find(kind, accountId, name);
    if (body === undefined) throw notFound(kind, name);
    return body;
  }

  tags({ arn }: { readonly arn: string }): Promise<Readonly<Record<string, string>>> {
    return this.records.tags(arn);
  }

  /** All of a kind, by name. */
  async *all<Body extends Entity>(kind: EntityKind<Body>, accountId: string, after?: string): AsyncGenerator<Body> {
    let last = after;
    for (;;) {
      const page = await this.records.list({
        accountId,
        region: globalRegion,
        family: kind.family,
        orderBy: "name",
        limit: storePage,
        ...(last === undefined ? {} : { nameAfter: last }),
      });
      for (const { body } of page.records) yield kind.read(body);
      if (page.next === undefined) return;
      last = page.records.at(-1)!.name;
    }
  }

  /** One page of a kind by name, only what `isWanted`. */
  async list<Body extends Entity>(
    kind: EntityKind<Body>,
    accountId: string,
    input: { readonly PathPrefix?: string; readonly Marker?: string; readonly MaxItems?: number },
    isWanted: (body: Body) => boolean = () => true,
  ): Promise<Page<Body>> {
    const wanted = input.MaxItems ?? defaultMaxItems;
    const prefix = input.PathPrefix ?? "/";
    const items: Body[] = [];
    for await (const body of this.all(kind, accountId, readMarker(input.Marker))) {
      if (!body.path.startsWith(prefix) || !isWanted(body)) continue;
      // One more than wanted tells that there is another page.
      if (items.length === wanted) {
        return { items, rest: { IsTruncated: true, Marker: writeMarker(items.at(-1)!.name.toLowerCase()) } };
      }
      items.push(body);
    }
    return { items, rest: { IsTruncated: false } };
  }

  async count(kind: EntityKind<Entity>, accountId: string): Promise<number> {
    const id = `${accountId} ${kind.family}`;
    const known = this.#counts.get(id);
    if (known !== undefined) return known;
    let count = 0;
    for await (const _ of this.all(kind, accountId)) count += 1;
    this.#counts.set(id, count);
    return count;
  }

  /** @throws AwsError EntityAlreadyExists when the name is taken, in whatever case */
  async checkFree(kind: EntityKind<Entity>, accountId: string, name: string): Promise<void> {
    if ((await this.records.get(entityKey(accountId, kind, name))) === undefined) return;
    throw entityExists(
      kind.noun === "policy"
        ? `A policy called ${name} already exists. Duplicate names are not allowed.`
        : `${kind.title} with name ${name} already exists.`,
    );
  }

  /** @throws AwsError EntityAlreadyExists; LimitExceeded when the account has all it may have of a kind */
  async checkNew(kind: EntityKind<Entity>, accountId: string, name: string): Promise<void> {
    await this.checkFree(kind, accountId, name);
    const { quota } = kind;
    if ((await this.count(kind, accountId)) >= quota.limit) throw quotaExceeded(quota.name, quota.limit);
  }

  /**
   * Decides on a change and writes it, while no other change of the account is under way.
   * @throws what `decide` throws
   */
  async change<Result>(origin: ChangeOrigin, decide: (change: Change) => Promise<Result> | Result): Promise<Result> {
    const { accountId } = origin;
    const run = async () => {
      const change = new Change(origin);
      const result = await decide(change);
      if (change.records.length > 0) await this.#write(change);
      return result;
    };
    const mine = (this.#tails.get(accountId) ?? Promise.resolve()).then(run);
    const tail = mine.catch(() => undefined);
    this.#tails.set(accountId, tail);
    try {
      return await mine;
    } finally {
      if (this.#tails.get(accountId) === tail) this.#tails.delete(accountId);
    }
  }

  async #write({ origin, records, counted }: Change): Promise<void> {
    const { accountId, actor, at } = origin;
    await this.records.write(records, { actor, at });
    for (const { family, by } of counted) {
      const id = `${accountId} ${family}`;
      const count = this.#counts.get(id);
      if (count !== undefined) this.#counts.set(id, count + by);
    }
    this.#revisions.set(accountId, this.revision(accountId) + 1);
  }

  /** Writes what is not for the history table to tell: secrets, and times of use that nobody chose. */
  async writeSilently(records: readonly RecordChange[], { actor, at }: ChangeOrigin): Promise<void> {
    const options: WriteOptions = { actor, at, history: false };
    await this.records.write(records, options);
  }
}
