/**
 * AWS Identity and Access Management: users with access keys, groups, roles, their policies, and what these would allow.
 *
 * Every account has an IAM of its own. Others ask it who a credential belongs to and which policies speak for a caller.
 */
import type { CallerPolicies } from "../../authorization/index.ts";
import type { IAMOperations } from "../../protocol/generated/iam.ts";
import { defineService, type Principal, type Service } from "../../protocol/service.ts";
import type { CredentialLookup } from "../../protocol/sigv4/credential.ts";
import type { RecordStore } from "../../storage/record-store.ts";
import { accessKeyOperations } from "./access-keys.ts";
import { iamAccessRules } from "./access-rules.ts";
import { accountOperations } from "./account.ts";
import { authorizationDetailsOperations } from "./authorization-details.ts";
import { CallerDirectory } from "./caller-directory.ts";
import { type Role, roleKind, type User, userKind } from "./entities.ts";
import { groupOperations } from "./groups.ts";
import { IamStore } from "./iam-store.ts";
import { type LastUse, LastUses } from "./last-uses.ts";
import { findManagedPolicy } from "./managed-policy-directory.ts";
import { policyOperations } from "./policies.ts";
import { roleOperations } from "./roles.ts";
import { serviceLinkedRoleOperations } from "./service-linked-roles.ts";
import { simulationOperations } from "./simulation.ts";
import { userOperations } from "./users.ts";

export { defaultRoleName, ensureDefaultRole } from "./default-role.ts";
export type { LastUse } from "./last-uses.ts";

export interface IamOptions {
  readonly records: RecordStore;
}

/** What other services may ask about roles. */
export interface KnownRole {
  readonly arn: string;
  readonly path: string;
  readonly roleName: string;
  readonly roleId: string;
  readonly maxSessionDuration: number;
  /** JSON: who may assume it. */
  readonly trustPolicy: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface KnownUser {
  readonly arn: string;
  readonly path: string;
  readonly userName: string;
  readonly userId: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface IamService extends Service {
  /** undefined when the account has no role of this name */
  findRole(accountId: string, roleName: string): Promise<KnownRole | undefined>;
  /** undefined when the account has no user of this name */
  findUser(accountId: string, userName: string): Promise<KnownUser | undefined>;
  /** The active access keys of users, `AKIA…`; synchronous when they are known. */
  readonly findAccessKey: CredentialLookup;
  /** JSON of the default version of a managed policy, the account's own or one of AWS; undefined when there is none. */
  managedPolicy(accountId: string, arn: string): Promise<string | undefined>;
  /** The policies that speak for a caller; synchronous when they are known. None for whoever is gone or not known. */
  policiesOf(principal: Principal): CallerPolicies | Promise<CallerPolicies>;
  /** Notes that a credential was used, for GetAccessKeyLastUsed and RoleLastUsed. Returns at once. */
  readonly noteUse: (principal: Principal, use: LastUse) => void;
  /** Writes what was noted. */
  close(): Promise<void>;
}

export function iamService({ records }: IamOptions): IamService {
  const store = new IamStore(records);
  const uses = new LastUses(store);
  const callers = new CallerDirectory(store);

  const service = defineService<IAMOperations>(
    "iam",
    {
      ...userOperations(store),
      ...accessKeyOperations(store, uses),
      ...groupOperations(store),
      ...roleOperations(store, uses),
      ...serviceLinkedRoleOperations(store, uses),
      ...policyOperations(store),
      ...simulationOperations(store),
      ...accountOperations(store),
      ...authorizationDetailsOperations(store, uses),
    },
    { validationCode: "ValidationError", accesses: iamAccessRules(store) },
  );

  return {
    ...service,
    async findRole(accountId, roleName) {
      const role = await store.find(roleKind, accountId, roleName);
      return role && knownRole(role, await store.tags(role));
    },
    async findUser(accountId, userName) {
      const user = await store.find(userKind, accountId, userName);
      return user && knownUser(user, await store.tags(user));
    },
    findAccessKey: (accessKeyId) => callers.findAccessKey(accessKeyId),
    async managedPolicy(accountId, arn) {
      const policy = await findManagedPolicy(store, accountId, arn);
      return policy?.versions.find(({ id }) => id === policy.defaultVersion)?.document;
    },
    policiesOf: (principal) => callers.policiesOf(principal),
    noteUse: (principal, use) => uses.note(principal, use),
    close: () => uses.close(),
  };
}

function knownRole(role: Role, tags: Readonly<Record<string, string>>): KnownRole {
  const { arn, path, name: roleName, id: roleId, maxSessionDuration, trustPolicy } = role;
  return { arn, path, roleName, roleId, maxSessionDuration, trustPolicy, tags };
}

function knownUser({ arn, path, name: userName, id: userId }: User, tags: Readonly<Record<string, string>>): KnownUser {
  return { arn, path, userName, userId, tags };
}
