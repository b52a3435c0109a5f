/** Managed policies by ARN, those of AWS and those of an account, and who uses them. */
import {
  groupKind,
  type Group,
  type ManagedPolicy,
  nameOfArn,
  policyKind,
  type Role,
  roleKind,
  type User,
  userKind,
} from "./entities.ts";
import { invalidInput, noSuchEntity } from "./errors.ts";
import type { IamStore } from "./iam-store.ts";
import { awsManagedPolicies, isForServicesOnly } from "./managed-policies/index.ts";
import { AwsError } from "../../protocol/aws-error.ts";

const policyArn = /^arn:aws[a-z-]*:iam::(aws|\d{12}):policy\/(?:[\x21-\x7e]+\/)?[\w+=,.@-]{1,128}$/;

/** Who has a policy, as its permissions or as its boundary. */
export interface PolicyUse {
  readonly users: readonly User[];
  readonly groups: readonly Group[];
  readonly roles: readonly Role[];
}

export interface PolicyUsage {
  readonly attached: PolicyUse;
  readonly boundary: PolicyUse;
}

/** undefined when the account has no such policy and AWS none that is known here */
export async function findManagedPolicy(
  store: IamStore,
  accountId: string,
  arn: string,
): Promise<ManagedPolicy | undefined> {
  const [, owner] = policyArn.exec(arn) ?? [];
  if (owner === "aws") return awsManagedPolicies().get(arn);
  if (owner !== accountId) return undefined;
  const policy = await store.find(policyKind, accountId, nameOfArn(arn));
  return policy?.arn === arn ? policy : undefined;
}

/** @throws AwsError InvalidInput, NoSuchEntity */
export async function getManagedPolicy(store: IamStore, accountId: string, arn: string): Promise<ManagedPolicy> {
  checkArn(arn);
  const policy = await findManagedPolicy(store, accountId, arn);
  if (policy === undefined) throw noSuchEntity(`Policy ${arn} was not found.`);
  return policy;
}

/** A policy of the account itself, which may change. @throws AwsError also AccessDenied for those of AWS */
export async function getOwnPolicy(store: IamStore, accountId: string, arn: string): Promise<ManagedPolicy> {
  const policy = await getManagedPolicy(store, accountId, arn);
  if (policy.arn.startsWith("arn:aws:iam::aws:")) {
    throw new AwsError("AccessDenied", `Policy ${arn} is managed by AWS and cannot be changed.`, { status: 403 });
  }
  return policy;
}

/** @throws AwsError InvalidInput; NoSuchEntity, saying what there is; PolicyNotAttachable */
export async function checkAttachable(store: IamStore, accountId: string, arn: string): Promise<void> {
  checkArn(arn);
  const policy = await findManagedPolicy(store, accountId, arn);
  if (policy === undefined)
    throw noSuchEntity(`Policy ${arn} does not exist or is not attachable.${alternatives(arn)}`);
  if (isForServicesOnly(policy)) {
    throw new AwsError("PolicyNotAttachableException", "Cannot attach a Service Role Policy to a Customer Role.");
  }
}

function checkArn(arn: string): void {
  if (!policyArn.test(arn)) throw invalidInput(`ARN ${arn} is not valid.`);
}

/** What may have been meant: the AWS policies whose names have most in common with the one asked for. */
function alternatives(arn: string): string {
  if (!arn.startsWith("arn:aws:iam::aws:")) return "";
  const parts = (text: string) => nameOfArn(text).match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+/g) ?? [];
  const wanted = new Set(parts(arn).map((part) => part.toLowerCase()));
  const common = (other: string) => parts(other).filter((part) => wanted.has(part.toLowerCase())).length;
  const nearest = [...awsManagedPolicies().keys()]
    .map((other) => ({ other, score: common(other) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || a.other.length - b.other.length)
    .slice(0, 3)
    .map(({ other }) => other);
  const hint = nearest.length === 0 ? "" : ` Near to it: ${nearest.join(", ")}.`;
  return ` Sagebrush has ${awsManagedPolicies().size} of AWS's policies (aws iam list-policies --scope AWS).${hint}`;
}

/** Who uses which managed policy, found by reading all users, groups and roles of the account once. */
export async function policyUsage(store: IamStore, accountId: string): Promise<ReadonlyMap<string, PolicyUsage>> {
  const usage = new Map<string, { attached: MutableUse; boundary: MutableUse }>();
  const entry = (arn: string) => {
    let found = usage.get(arn);
    if (found === undefined) usage.set(arn, (found = { attached: emptyUse(), boundary: emptyUse() }));
    return found;
  };
  for (const [kind, list] of [
    [userKind, "users"],
    [groupKind, "groups"],
    [roleKind, "roles"],
  ] as const) {
    for await (const identity of store.all<User | Group | Role>(kind, accountId)) {
      for (const arn of identity.attachedPolicies) entry(arn).attached[list].push(identity as never);
      if (identity.boundary !== undefined) entry(identity.boundary).boundary[list].push(identity as never);
    }
  }
  return usage;
}

interface MutableUse {
  readonly users: User[];
  readonly groups: Group[];
  readonly roles: Role[];
}

function emptyUse(): MutableUse {
  return { users: [], groups: [], roles: [] };
}

export function countOf(use: PolicyUse | undefined): number {
  return use === undefined ? 0 : use.users.length + use.groups.length + use.roles.length;
}
