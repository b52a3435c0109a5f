/** Roles as records. IAM is one per account, so all regions share them. */
import { AwsError } from "../../protocol/aws-error.ts";
import type { Role } from "../../protocol/generated/iam.ts";
import {
  RecordExists,
  RecordMissing,
  type RecordChange,
  type RecordKey,
  type RecordStore,
  RevisionConflict,
  type StoredRecord,
  type WriteOptions,
} from "../../storage/record-store.ts";
import { randomText } from "../../util/random-text.ts";
import { defaultMaxItems, type Page, readMarker, writeMarker } from "./marker.ts";
import { encodePolicyDocument } from "./policy-document.ts";

const globalRegion = "aws-global";
const family = "iam-role";
/** How often a change is tried again when another one came first. */
const maxAttempts = 5;
const storePage = 500;

/** The body of a role's record. */
export interface RoleBody {
  /** `/` or `/division/team/` */
  readonly path: string;
  readonly roleName: string;
  /** `AROA` and 17 characters. */
  readonly roleId: string;
  readonly arn: string;
  /** Milliseconds since the epoch, in whole seconds as IAM has it. */
  readonly createdAt: number;
  readonly trustPolicy: string;
  readonly description: string | undefined;
  /** Seconds, 3600 to 43200. */
  readonly maxSessionDuration: number;
  /** ARNs of attached managed policies. */
  readonly attachedPolicies: readonly string[];
  /** Documents by policy name. */
  readonly inlinePolicies: Readonly<Record<string, string>>;
}

export type NewRole = Pick<RoleBody, "path" | "roleName" | "trustPolicy" | "description" | "maxSessionDuration"> &
  Partial<Pick<RoleBody, "attachedPolicies">>;

export function noSuchEntity(message: string): AwsError {
  return new AwsError("NoSuchEntityException", message, { status: 404 });
}

/** The role as answers show it. */
export function toRole(body: RoleBody): Role {
  return {
    Path: body.path,
    RoleName: body.roleName,
    RoleId: body.roleId,
    Arn: body.arn,
    CreateDate: new Date(body.createdAt),
    AssumeRolePolicyDocument: encodePolicyDocument(body.trustPolicy),
    ...(body.description === undefined ? {} : { Description: body.description }),
    MaxSessionDuration: body.maxSessionDuration,
  };
}

export class RoleStore {
  readonly #records: RecordStore;

  constructor(records: RecordStore) {
    this.#records = records;
  }

  /** Names that differ only in case cannot be told apart on AWS, so the record's name is in lower case. */
  #key(accountId: string, roleName: string): RecordKey {
    return { accountId, region: globalRegion, family, name: roleName.toLowerCase() };
  }

  async #record(accountId: string, roleName: string): Promise<StoredRecord<RoleBody> | undefined> {
    const record = await this.#records.get<RoleBody>(this.#key(accountId, roleName));
    return record?.body.roleName === roleName ? record : undefined;
  }

  async find(accountId: string, roleName: string): Promise<RoleBody | undefined> {
    return (await this.#record(accountId, roleName))?.body;
  }

  /** @throws AwsError NoSuchEntity */
  async get(accountId: string, roleName: string): Promise<RoleBody> {
    const body = await this.find(accountId, roleName);
    if (body === undefined) throw noSuchRole(roleName);
    return body;
  }

  /** @throws AwsError EntityAlreadyExists */
  async create(
    accountId: string,
    role: NewRole,
    tags: Readonly<Record<string, string>>,
    options: WriteOptions,
  ): Promise<RoleBody> {
    const arn = `arn:aws:iam::${accountId}:role${role.path}${role.roleName}`;
    const body: RoleBody = {
      attachedPolicies: [],
      ...role,
      roleId: `AROA${randomText(17)}`,
      arn,
      createdAt: Math.floor(options.at / 1000) * 1000,
      inlinePolicies: {},
    };
    const changes: RecordChange[] = [{ op: "insert", key: this.#key(accountId, role.roleName), arn, body }];
    if (Object.keys(tags).length > 0) changes.push({ op: "tag", arn, tags });
    try {
      await this.#records.write(changes, options);
    } catch (error) {
      if (!(error instanceof RecordExists)) throw error;
      throw new AwsError("EntityAlreadyExistsException", `Role with name ${role.roleName} already exists.`, {
        status: 409,
        cause: error,
      });
    }
    return body;
  }

  /** Applies `change` to the role as it is when it is written. @throws AwsError NoSuchEntity, and what `change` throws */
  async change(
    accountId: string,
    roleName: string,
    change: (role: RoleBody) => RoleBody,
    options: WriteOptions,
  ): Promise<void> {
    await this.#attempt(accountId, roleName, options, (record) => [
      { op: "update", key: record, body: change(record.body), expectedRevision: record.revision },
    ]);
  }

  /** @throws AwsError NoSuchEntity; DeleteConflict while the role has policies */
  async delete(accountId: string, roleName: string, options: WriteOptions): Promise<void> {
    await this.#attempt(accountId, roleName, options, (record) => {
      const { attachedPolicies, inlinePolicies, arn } = record.body;
      if (attachedPolicies.length > 0) throw deleteConflict("Cannot delete entity, must detach all policies first.");
      if (Object.keys(inlinePolicies).length > 0) {
        throw deleteConflict("Cannot delete entity, must delete policies first.");
      }
      return [
        { op: "delete", key: record, expectedRevision: record.revision },
        { op: "untag", arn, keys: "all" },
      ];
    });
  }

  async #attempt(
    accountId: string,
    roleName: string,
    options: WriteOptions,
    changesOf: (record: StoredRecord<RoleBody>) => RecordChange[],
  ): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const record = await this.#record(accountId, roleName);
      if (record === undefined) throw noSuchRole(roleName);
      try {
        await this.#records.write(changesOf(record), options);
        return;
      } catch (error) {
        if (!(error instanceof RevisionConflict || error instanceof RecordMissing)) throw error;
        if (attempt < maxAttempts) continue;
        throw new AwsError(
          "ConcurrentModificationException",
          "The request was rejected because multiple requests to change this object were submitted simultaneously. Wait a few minutes and submit your request again.",
          { status: 409, cause: error },
        );
      }
    }
  }

  /** Roles by name, those under a path first skipped over page by page. */
  async list(
    accountId: string,
    input: { PathPrefix?: string; Marker?: string; MaxItems?: number },
  ): Promise<Page<RoleBody>> {
    const wanted = input.MaxItems ?? defaultMaxItems;
    const prefix = input.PathPrefix ?? "/";
    const found: RoleBody[] = [];
    let after = readMarker(input.Marker);
    // One more than wanted tells whether there is another page.
    while (found.length <= wanted) {
      const page = await this.#records.list<RoleBody>({
        accountId,
        region: globalRegion,
        family,
        orderBy: "name",
        limit: storePage,
        ...(after === undefined ? {} : { nameAfter: after }),
      });
      found.push(...page.records.map(({ body }) => body).filter(({ path }) => path.startsWith(prefix)));
      if (page.next === undefined) break;
      after = page.records.at(-1)!.name;
    }
    const items = found.slice(0, wanted);
    if (found.length <= wanted) return { items, rest: { IsTruncated: false } };
    return { items, rest: { IsTruncated: true, Marker: writeMarker(items.at(-1)!.roleName.toLowerCase()) } };
  }

  async tags(role: RoleBody): Promise<Readonly<Record<string, string>>> {
    return this.#records.tags(role.arn);
  }

  async tag(role: RoleBody, tags: Readonly<Record<string, string>>, options: WriteOptions): Promise<void> {
    await this.#records.write([{ op: "tag", arn: role.arn, tags }], options);
  }

  async untag(role: RoleBody, keys: readonly string[], options: WriteOptions): Promise<void> {
    await this.#records.write([{ op: "untag", arn: role.arn, keys }], options);
  }
}

function noSuchRole(roleName: string): AwsError {
  return noSuchEntity(`The role with name ${roleName} cannot be found.`);
}

function deleteConflict(message: string): AwsError {
  return new AwsError("DeleteConflictException", message, { status: 409 });
}
