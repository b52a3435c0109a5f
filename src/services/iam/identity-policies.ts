/** The policies that speak for a user, group or role, compiled, with where each comes from. */
import { compiledPolicy, type Policy } from "../../authorization/index.ts";
import type { PolicySourceType } from "../../protocol/generated/iam.ts";
import { type Group, groupKind, type Identity, nameOfArn, type User } from "./entities.ts";
import type { IamStore } from "./iam-store.ts";
import { findManagedPolicy } from "./managed-policy-directory.ts";

export interface SourcedPolicy {
  /** Its name is told apart from every other of the same identity. */
  readonly policy: Policy;
  /** As people know it: the name of the policy. */
  readonly id: string;
  readonly type: PolicySourceType;
}

/** Inline and managed policies of an identity, and those of the groups of a user. */
export async function policiesOf(store: IamStore, accountId: string, identity: Identity): Promise<SourcedPolicy[]> {
  const groups = await groupsOf(store, accountId, identity);
  const holders = [identity, ...groups];
  const attached = new Set(holders.flatMap(({ attachedPolicies }) => attachedPolicies));
  const managed = await Promise.all([...attached].map((arn) => managedPolicy(store, accountId, arn)));
  return [...holders.flatMap(inlinePolicies), ...managed.filter((policy) => policy !== undefined)];
}

/** The permissions boundary of an identity that has one. */
export async function boundaryOf(
  store: IamStore,
  accountId: string,
  { boundary }: Identity,
): Promise<SourcedPolicy | undefined> {
  if (boundary === undefined) return undefined;
  const policy = await managedPolicy(store, accountId, boundary);
  // It cannot be deleted while it is a boundary; if it is gone all the same, nothing is within its bounds.
  return policy ?? { policy: compiledPolicy(denyAll, boundary), id: nameOfArn(boundary), type: "none" };
}

const denyAll = '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}';

async function groupsOf(store: IamStore, accountId: string, identity: Identity | User): Promise<Group[]> {
  if (!("groups" in identity)) return [];
  const groups = await Promise.all(identity.groups.map((name) => store.find(groupKind, accountId, name)));
  return groups.filter((group) => group !== undefined);
}

function inlinePolicies({ arn, inlinePolicies: documents }: Identity): SourcedPolicy[] {
  const [noun] = arn.slice(arn.lastIndexOf(":") + 1).split("/");
  return Object.entries(documents).map(([name, document]) => ({
    policy: compiledPolicy(document, `${name} of ${arn}`),
    id: name,
    type: noun === "user" || noun === "group" ? noun : "role",
  }));
}

async function managedPolicy(store: IamStore, accountId: string, arn: string): Promise<SourcedPolicy | undefined> {
  const found = await findManagedPolicy(store, accountId, arn);
  const version = found?.versions.find(({ id }) => id === found.defaultVersion);
  if (found === undefined || version === undefined) return undefined;
  return {
    policy: compiledPolicy(version.document, arn),
    id: found.name,
    type: arn.startsWith("arn:aws:iam::aws:") ? "aws-managed" : "user-managed",
  };
}
