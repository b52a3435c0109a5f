/**
 * The life that all resources share. A family declares its facts in a table and gets create, find, require, list, update
 * and delete over the record store, with its own names, errors and filters.
 */
import { AwsError } from "../protocol/aws-error.ts";
import type { RequestContext } from "../protocol/service.ts";
import {
  RecordExists,
  RecordMissing,
  RevisionConflict,
  type ListQuery,
  type RecordChange,
  type RecordKey,
  type RecordStore,
  type StoredRecord,
} from "../storage/record-store.ts";
import { formatArn } from "./arn.ts";
import { removalOf, sameKey } from "./record-changes.ts";
import { decodePaginationToken, encodePaginationToken } from "./pagination-token.ts";
import { maxTags, tagList, tagRecord, withTags, type Tag } from "./tags.ts";

/** How often a change is decided anew when others write the same record meanwhile. */
const maxConflicts = 20;

/** What an operation's request tells about who acts where; a handler passes its own context. */
export type Caller = Pick<
  RequestContext,
  "accountId" | "region" | "requestId" | "service" | "operation" | "principal" | "clock"
>;

/** An error with AWS's code and wording for one resource. */
export interface ErrorTemplate {
  readonly code: string;
  /** HTTP status where the description does not list the code; default 400. */
  readonly status?: number;
  readonly message: (facts: { readonly name: string; readonly arn: string }) => string;
}

/** A filter of the store and how the value of the input becomes its. */
export type ListFilter =
  | "nameContains"
  | "status"
  | "createdAfter"
  | "createdBefore"
  | "updatedAfter"
  | "updatedBefore";

export interface ListFacts {
  /** Filters by the input member that sets them. */
  readonly filters: Readonly<Record<string, ListFilter>>;
  /** Sort orders by the value of `SortBy`. */
  readonly sortBy: Readonly<Record<string, NonNullable<ListQuery["orderBy"]>>>;
  readonly defaultSortBy: string;
  readonly defaultSortOrder: "Ascending" | "Descending";
  /** Length of a page when the input does not say; default 10. */
  readonly defaultMaxResults?: number;
}

/** The filters that nearly all of SageMaker's lists have. */
export const commonFilters = {
  NameContains: "nameContains",
  CreationTimeAfter: "createdAfter",
  CreationTimeBefore: "createdBefore",
  LastModifiedTimeAfter: "updatedAfter",
  LastModifiedTimeBefore: "updatedBefore",
} as const satisfies Record<string, ListFilter>;

export interface ResourceFacts {
  /** Kind of record in the store, e.g. `training-job`. */
  readonly family: string;
  /** Service in the ARN, e.g. `sagemaker`. */
  readonly service: string;
  /** Type in the ARN; the resource is `<arnType>/<name>`. Default: `family`. */
  readonly arnType?: string;
  readonly notFound: ErrorTemplate;
  readonly alreadyExists: ErrorTemplate;
  readonly list: ListFacts;
  readonly tagLimit?: number;
}

/** Members that list inputs share; the others are named by the family's `filters`. */
export interface ListInput {
  readonly NextToken?: string;
  readonly MaxResults?: number;
  readonly SortBy?: string;
  readonly SortOrder?: string;
}

export interface NewResource<Body> {
  readonly name: string;
  readonly body: Body;
  readonly status?: string;
  readonly tags?: readonly Tag[];
}

/** What to make of a record: all of its body, and its status where that changes. */
export interface ResourceChange<Body> {
  readonly body: Body;
  readonly status?: string;
}

export interface ResourceFamilyOptions {
  readonly records: RecordStore;
  /** Told about every record that was created, changed or deleted: `(key) => engine.notify(key)`. */
  readonly notify?: (key: RecordKey) => void;
}

export class ResourceFamily<Body> {
  readonly facts: ResourceFacts;
  readonly #records: RecordStore;
  readonly #notify: (key: RecordKey) => void;

  constructor(facts: ResourceFacts, { records, notify }: ResourceFamilyOptions) {
    this.facts = facts;
    this.#records = records;
    this.#notify = notify ?? (() => {});
  }

  key({ accountId, region }: Pick<Caller, "accountId" | "region">, name: string): RecordKey {
    return { accountId, region, family: this.facts.family, name };
  }

  arn({ accountId, region }: Pick<Caller, "accountId" | "region">, name: string): string {
    const { service, arnType, family } = this.facts;
    return formatArn({ service, region, accountId, resource: `${arnType ?? family}/${name}` });
  }

  /**
   * Stores a new resource with its tags, and more changes if given, all or nothing.
   * @throws the family's `alreadyExists`; ValidationException, ResourceLimitExceeded for its tags
   */
  async create(
    caller: Caller,
    resource: NewResource<Body>,
    also: readonly RecordChange[] = [],
  ): Promise<StoredRecord<Body>> {
    const { name, body, status } = resource;
    const arn = this.arn(caller, name);
    const key = this.key(caller, name);
    const tags = withTags({}, tagRecord(resource.tags ?? []), this.facts.tagLimit ?? maxTags);
    const insert: RecordChange = { op: "insert", key, arn, status, body };
    const tag: RecordChange[] = Object.keys(tags).length === 0 ? [] : [{ op: "tag", arn, tags }];
    try {
      const [written] = await this.#write(caller, [insert, ...tag, ...also]);
      this.#notify(key);
      return written as StoredRecord<Body>;
    } catch (error) {
      if (error instanceof RecordExists && sameKey(error.key, key))
        throw this.#error("alreadyExists", caller, name, error);
      throw error;
    }
  }

  /** The resource of a name, or undefined. */
  find(caller: Pick<Caller, "accountId" | "region">, name: string): Promise<StoredRecord<Body> | undefined> {
    return this.#records.get<Body>(this.key(caller, name));
  }

  /** The resource of a name. @throws the family's `notFound` */
  async require(caller: Pick<Caller, "accountId" | "region">, name: string): Promise<StoredRecord<Body>> {
    const record = await this.find(caller, name);
    if (record === undefined) throw this.#error("notFound", caller, name);
    return record;
  }

  /**
   * Changes a resource by what it is now. `decide` sees the newest record and may run again when somebody else writes it
   * at the same moment, so it only decides; to refuse, it throws; to leave the resource as it is, it returns undefined.
   * @returns the record as it is afterwards
   * @throws the family's `notFound`
   */
  async update(
    caller: Caller,
    name: string,
    decide: (record: StoredRecord<Body>) => ResourceChange<Body> | undefined,
  ): Promise<StoredRecord<Body>> {
    return this.#decided(caller, name, async (record) => {
      const change = decide(record);
      if (change === undefined) return record;
      const [written] = await this.#write(caller, [
        {
          op: "update",
          key: this.key(caller, name),
          body: change.body,
          status: change.status,
          expectedRevision: record.revision,
        },
      ]);
      this.#notify(record);
      return written as StoredRecord<Body>;
    });
  }

  /**
   * Removes a resource and its tags. `check` sees the newest record and throws to refuse.
   * @returns the record as it was
   * @throws the family's `notFound`
   */
  async delete(
    caller: Caller,
    name: string,
    check: (record: StoredRecord<Body>) => void = () => {},
  ): Promise<StoredRecord<Body>> {
    return this.#decided(caller, name, async (record) => {
      check(record);
      await this.#write(caller, removalOf(record));
      this.#notify(record);
      return record;
    });
  }

  /**
   * One page of a list as AWS's list operations have it: filters, `SortBy`, `SortOrder`, `MaxResults`, `NextToken`.
   * @param more further conditions, the same for every page
   * @throws ValidationException for a token of another list
   */
  async list(
    caller: Pick<Caller, "accountId" | "region">,
    input: ListInput,
    more: Pick<ListQuery, "namePrefix" | "nameFrom" | "nameAfter" | "status"> = {},
  ): Promise<{ items: readonly StoredRecord<Body>[]; NextToken?: string }> {
    const { list, family } = this.facts;
    const { accountId, region } = caller;
    const sortBy = input.SortBy ?? list.defaultSortBy;
    const orderBy = Object.hasOwn(list.sortBy, sortBy) ? list.sortBy[sortBy] : undefined;
    if (orderBy === undefined) {
      throw new AwsError("ValidationException", `SortBy ${sortBy} is not supported by the list of ${family} resources`);
    }
    const descending = (input.SortOrder ?? list.defaultSortOrder) === "Descending";
    const query = { accountId, region, family, orderBy, descending, ...more, ...this.#filters(input) };
    const timed = orderBy === "createdAt" || orderBy === "updatedAt";
    const position =
      input.NextToken === undefined
        ? undefined
        : decodePaginationToken(input.NextToken, query, [timed ? "number" : "string", "string"]);
    const { records, next } = await this.#records.list<Body>({
      ...query,
      limit: input.MaxResults ?? list.defaultMaxResults ?? 10,
      after: position && { value: position[0], name: position[1] as string },
    });
    if (next === undefined) return { items: records };
    return { items: records, NextToken: encodePaginationToken(query, [next.value, next.name]) };
  }

  /** Tags of a resource as its Describe operation shows them. */
  async tags(record: Pick<StoredRecord, "arn">): Promise<Tag[]> {
    return record.arn === undefined ? [] : tagList(await this.#records.tags(record.arn));
  }

  #filters(input: ListInput): Pick<ListQuery, ListFilter> {
    const members = input as Readonly<Record<string, unknown>>;
    const filters: Partial<Record<ListFilter, string | number>> = {};
    for (const [member, filter] of Object.entries(this.facts.list.filters)) {
      const value = members[member];
      if (value instanceof Date) filters[filter] = value.getTime();
      else if (typeof value === "string") filters[filter] = value;
    }
    // Input members are typed by their shapes: times are dates, names and states are text.
    return filters as Pick<ListQuery, ListFilter>;
  }

  /** Reads, decides and writes, again and again while others write in between. */
  async #decided(
    caller: Caller,
    name: string,
    act: (record: StoredRecord<Body>) => Promise<StoredRecord<Body>>,
  ): Promise<StoredRecord<Body>> {
    for (let conflicts = 0; ; conflicts += 1) {
      const before = await this.require(caller, name);
      try {
        return await act(before);
      } catch (error) {
        const conflict = error instanceof RevisionConflict || error instanceof RecordMissing;
        if (!conflict || !sameKey(error.key, before) || conflicts >= maxConflicts) throw error;
      }
    }
  }

  #write(caller: Caller, changes: readonly RecordChange[]): Promise<readonly (StoredRecord | undefined)[]> {
    return this.#records.write(changes, {
      actor: { by: caller.principal.arn, call: `${caller.service}:${caller.operation}`, requestId: caller.requestId },
      at: caller.clock.now(),
    });
  }

  #error(
    kind: "notFound" | "alreadyExists",
    caller: Pick<Caller, "accountId" | "region">,
    name: string,
    cause?: unknown,
  ): AwsError {
    const { code, status, message } = this.facts[kind];
    return new AwsError(code, message({ name, arn: this.arn(caller, name) }), { status, cause });
  }
}
