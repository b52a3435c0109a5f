/**
 * What IAM's requests need to be allowed: `iam:<Operation>` on the user, group, role or policy that they name.
 *
 * Things that exist have the path and the tags they have; of others the ARN is told as if they had no path.
 * Source: Service Authorization Reference, "AWS Identity and Access Management".
 */
import type { Access } from "../../protocol/access.ts";
import type { AccessRules, Principal } from "../../protocol/service.ts";
import { findAccessKeyRecord } from "./access-key-records.ts";
import { entityArn, groupKind, nameOfArn, policyKind, roleKind, userKind } from "./entities.ts";
import type { Entity, EntityKind, Identity } from "./entities.ts";
import type { IamStore } from "./iam-store.ts";
import { findManagedPolicy } from "./managed-policy-directory.ts";
import { serviceLinkedRoleName } from "./service-linked-roles.ts";

type Input = Readonly<Record<string, unknown>>;
type Conditions = Record<string, string | readonly string[]>;

/** A resource, and what there is under its name. */
interface Target {
  readonly arn: string;
  readonly existing?: Entity & Partial<Identity>;
}

/** Lists are of what lies under a path. */
const listedKinds: Readonly<Record<string, EntityKind<Entity>>> = {
  ListUsers: userKind,
  ListGroups: groupKind,
  ListRoles: roleKind,
  ListPolicies: policyKind,
};

/** Operations that are about the caller unless they name a user. */
const selfOperations: ReadonlySet<string> = new Set(
  `GetUser ChangePassword CreateAccessKey ListAccessKeys UpdateAccessKey DeleteAccessKey GetLoginProfile CreateLoginProfile
  DeleteLoginProfile ListMFADevices ListSSHPublicKeys ListSigningCertificates ListServiceSpecificCredentials`.split(
    /\s+/,
  ),
);

/** Operations for which the boundary of the identity matters that they change. */
const boundaryOperations = /^(?:Attach|Detach|Put|Delete)(?:User|Role)(?:Policy|PermissionsBoundary)$/;

export function iamAccessRules(store: IamStore): AccessRules {
  return async (operation, input, { accountId, principal }) => {
    const action = `iam:${operation}`;
    // Nobody asks the policies about the root user, so nothing has to be looked up.
    if (principal.kind === "root" && principal.session?.policies === undefined) return [{ action, resource: "*" }];

    const target = await targetOf(store, operation, input, accountId, principal);
    if (target === undefined) return [{ action, resource: "*", conditions: requestConditions(operation, input) }];
    const { existing } = target;
    const conditions: Conditions = {
      ...requestConditions(operation, input),
      ...boundaryCondition(operation, input, existing),
      ...(existing === undefined ? {} : resourceTags(await store.tags(existing))),
    };
    const access: Access = { action, resource: target.arn, conditions };
    const renamed = renamedArn(operation, input, accountId, existing);
    return renamed === undefined ? [access] : [access, { ...access, resource: renamed }];
  };
}

async function targetOf(
  store: IamStore,
  operation: string,
  input: Input,
  accountId: string,
  principal: Principal,
): Promise<Target | undefined> {
  const text = (name: string) => textOf(input[name]);
  const named = async (kind: EntityKind<Entity>, name: string): Promise<Target> => {
    const existing = await store.find(kind, accountId, name);
    if (existing !== undefined) return { arn: existing.arn, existing };
    return { arn: entityArn(accountId, kind, text("Path") ?? "/", name) };
  };

  if (Object.hasOwn(listedKinds, operation)) {
    return { arn: `arn:aws:iam::${accountId}:${listedKinds[operation].noun}${text("PathPrefix") ?? "/"}` };
  }
  if (operation === "CreateServiceLinkedRole") {
    const service = text("AWSServiceName") ?? "*";
    return {
      arn: entityArn(accountId, roleKind, `/aws-service-role/${service}/`, serviceLinkedRoleName(service) ?? "*"),
    };
  }
  if (text("InstanceProfileName") !== undefined) {
    return { arn: `arn:aws:iam::${accountId}:instance-profile/${text("InstanceProfileName")}` };
  }
  for (const [member, kind] of [
    ["GroupName", groupKind],
    ["RoleName", roleKind],
    ["UserName", userKind],
  ] as const) {
    const name = text(member);
    if (name !== undefined) return named(kind, name);
  }
  const sourceArn = text("PolicySourceArn");
  if (sourceArn !== undefined) return targetOfArn(store, accountId, sourceArn);
  const policyArn = text("PolicyArn");
  if (policyArn !== undefined) {
    const existing = await findManagedPolicy(store, accountId, policyArn);
    return { arn: policyArn, ...(existing === undefined ? {} : { existing }) };
  }
  const policyName = text("PolicyName");
  if (policyName !== undefined) return named(policyKind, policyName);
  const accessKeyId = text("AccessKeyId");
  if (operation === "GetAccessKeyLastUsed" && accessKeyId !== undefined) {
    const key = await findAccessKeyRecord(store, accessKeyId);
    return key?.accountId === accountId ? named(userKind, key.userName) : undefined;
  }
  if (!selfOperations.has(operation)) return undefined;
  return principal.kind === "user" ? named(userKind, nameOfArn(principal.arn)) : { arn: principal.arn };
}

/** What stands behind the ARN of a user, group or role. */
async function targetOfArn(store: IamStore, accountId: string, arn: string): Promise<Target> {
  for (const kind of [userKind, groupKind, roleKind] as const) {
    if (!arn.startsWith(`arn:aws:iam::${accountId}:${kind.noun}/`)) continue;
    const existing = await store.find<Identity>(kind, accountId, nameOfArn(arn));
    if (existing?.arn === arn) return { arn, existing };
  }
  return { arn };
}

/** Who renames something must be allowed to do so to both names. */
function renamedArn(
  operation: string,
  input: Input,
  accountId: string,
  existing: Entity | undefined,
): string | undefined {
  const kind = { UpdateUser: userKind, UpdateGroup: groupKind }[operation];
  if (kind === undefined || existing === undefined) return undefined;
  const name = textOf(input[`New${kind.title}Name`]) ?? existing.name;
  const arn = entityArn(accountId, kind, textOf(input["NewPath"]) ?? existing.path, name);
  return arn === existing.arn ? undefined : arn;
}

function requestConditions(operation: string, input: Input): Conditions {
  const pairs = Array.isArray(input["Tags"]) ? (input["Tags"] as readonly (Input | null)[]) : [];
  const tags = pairs.flatMap((pair) => {
    const key = textOf(pair?.["Key"]);
    const value = pair?.["Value"];
    return key === undefined || typeof value !== "string" ? [] : [[key, value] as const];
  });
  const given = Array.isArray(input["TagKeys"]) ? input["TagKeys"].filter((key) => typeof key === "string") : [];
  const keys = [...tags.map(([key]) => key), ...given];
  const policyArn = /^(?:Attach|Detach)/.test(operation) ? textOf(input["PolicyArn"]) : undefined;
  const service = textOf(input["AWSServiceName"]);
  return {
    ...Object.fromEntries(tags.map(([key, value]) => [`aws:RequestTag/${key}`, value])),
    ...(keys.length === 0 ? {} : { "aws:TagKeys": keys }),
    ...(policyArn === undefined ? {} : { "iam:PolicyARN": policyArn }),
    ...(service === undefined ? {} : { "iam:AWSServiceName": service }),
  };
}

/** The boundary that is asked for, else the one that the identity has. */
function boundaryCondition(operation: string, input: Input, existing: Partial<Identity> | undefined): Conditions {
  const boundary =
    textOf(input["PermissionsBoundary"]) ?? (boundaryOperations.test(operation) ? existing?.boundary : undefined);
  return boundary === undefined ? {} : { "iam:PermissionsBoundary": boundary };
}

function resourceTags(tags: Readonly<Record<string, string>>): Conditions {
  return Object.fromEntries(
    Object.entries(tags).flatMap(([key, value]) => [
      [`aws:ResourceTag/${key}`, value],
      [`iam:ResourceTag/${key}`, value],
    ]),
  );
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
