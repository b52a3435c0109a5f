/**
 * The four kinds of things an account's IAM holds, as records of one shape.
 *
 * Names that differ only in case cannot be told apart on AWS, so a record is named in lower case; the body has the name
 * as it was written, and only that finds it.
 */
import { noSuchEntity } from "./errors.ts";
import { quotas } from "./quotas.ts";

/** What every kind has. */
export interface Entity {
  /** `/` or `/division/team/` */
  readonly path: string;
  readonly name: string;
  /** A prefix that tells the kind, and 17 characters: `AIDA…`. */
  readonly id: string;
  readonly arn: string;
  /** Milliseconds since the epoch, in whole seconds as IAM has it. */
  readonly createdAt: number;
}

/** What policies can be put on: users, groups, roles. */
export interface Identity extends Entity {
  /** ARNs of managed policies. */
  readonly attachedPolicies: readonly string[];
  /** Documents by policy name. */
  readonly inlinePolicies: Readonly<Record<string, string>>;
  /** ARN of the managed policy that is the permissions boundary; groups have none. */
  readonly boundary?: string;
}

export interface User extends Identity {
  /** Names of groups. */
  readonly groups: readonly string[];
  /** Ids of access keys. */
  readonly accessKeys: readonly string[];
}

export type Group = Identity;

export interface Role extends Identity {
  readonly trustPolicy: string;
  readonly description?: string;
  /** Seconds, 3600 to 43200. */
  readonly maxSessionDuration: number;
  /** The service that a service-linked role belongs to: nobody else changes it. */
  readonly service?: string;
}

export interface PolicyVersion {
  /** `v1`, `v2`, … never used twice. */
  readonly id: string;
  readonly document: string;
  readonly createdAt: number;
}

export interface ManagedPolicy extends Entity {
  readonly description?: string;
  readonly updatedAt: number;
  readonly defaultVersion: string;
  /** The oldest first. */
  readonly versions: readonly PolicyVersion[];
  /** Number of the last version that was made. */
  readonly lastVersion: number;
}

export interface EntityKind<Body extends Entity> {
  readonly family: string;
  /** As in ARNs and messages. */
  readonly noun: "user" | "group" | "role" | "policy";
  readonly title: string;
  readonly idPrefix: string;
  readonly quota: { readonly name: string; readonly limit: number };
  /** The body of a record, also of one that an older Sagebrush wrote. */
  read(stored: unknown): Body;
}

export interface IdentityKind<Body extends Identity> extends EntityKind<Body> {
  readonly noun: "user" | "group" | "role";
  /** All inline policies together, in characters without white space. */
  readonly inlineLength: number;
  readonly attachments: { readonly name: string; readonly limit: number };
}

export const userKind: IdentityKind<User> = {
  family: "iam-user",
  noun: "user",
  title: "User",
  idPrefix: "AIDA",
  quota: { name: "UsersPerAccount", limit: quotas.users },
  inlineLength: 2048,
  attachments: { name: "PoliciesPerUser", limit: 10 },
  read: (stored) => stored as User,
};

export const groupKind: IdentityKind<Group> = {
  family: "iam-group",
  noun: "group",
  title: "Group",
  idPrefix: "AGPA",
  quota: { name: "GroupsPerAccount", limit: quotas.groups },
  inlineLength: 5120,
  attachments: { name: "PoliciesPerGroup", limit: 10 },
  read: (stored) => stored as Group,
};

export const roleKind: IdentityKind<Role> = {
  family: "iam-role",
  noun: "role",
  title: "Role",
  idPrefix: "AROA",
  quota: { name: "RolesPerAccount", limit: quotas.roles },
  inlineLength: 10_240,
  attachments: { name: "PoliciesPerRole", limit: 10 },
  // Roles were the first kind, before there was one shape for all.
  read: (stored) => {
    const { roleName, roleId, ...role } = stored as Role & { readonly roleName?: string; readonly roleId?: string };
    return roleName === undefined || roleId === undefined ? role : { ...role, name: roleName, id: roleId };
  },
};

export const policyKind: EntityKind<ManagedPolicy> = {
  family: "iam-policy",
  noun: "policy",
  title: "Policy",
  idPrefix: "ANPA",
  quota: { name: "PoliciesPerAccount", limit: quotas.policies },
  read: (stored) => stored as ManagedPolicy,
};

/** `arn:aws:iam::000000000000:user/division/Name` */
export function entityArn(
  accountId: string,
  kind: Pick<EntityKind<Entity>, "noun">,
  path: string,
  name: string,
): string {
  return `arn:aws:iam::${accountId}:${kind.noun}${path}${name}`;
}

/** The name at the end of an ARN of a user, group, role or policy. */
export function nameOfArn(arn: string): string {
  return arn.slice(arn.lastIndexOf("/") + 1);
}

export function notFound(kind: Pick<EntityKind<Entity>, "noun">, name: string): Error {
  return noSuchEntity(`The ${kind.noun} with name ${name} cannot be found.`);
}
