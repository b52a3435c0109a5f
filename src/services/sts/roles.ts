/** Which role an ARN means, and who may act as it. */
import { evaluate } from "../../authorization/index.ts";
import type { Access } from "../../protocol/access.ts";
import type { Principal } from "../../protocol/service.ts";
import type { AssumableRole, IdentityDirectory } from "./ports.ts";

const roleArn = /^arn:aws[a-z-]*:iam::(\d{12}):role\/(?:[\x21-\x7e]+\/)?([\w+=,.@-]{1,64})$/;

/** Account and name in the ARN of a role; undefined when it is none. */
export function parseRoleArn(arn: string): { readonly account: string; readonly roleName: string } | undefined {
  const parts = roleArn.exec(arn);
  return parts === null ? undefined : { account: parts[1], roleName: parts[2] };
}

/** A role and the account it is of. */
export interface KnownRole extends AssumableRole {
  readonly accountId: string;
}

/** The role of an ARN, path included; undefined when there is none. */
export async function findRole(directory: IdentityDirectory, arn: string): Promise<KnownRole | undefined> {
  const parsed = parseRoleArn(arn);
  if (parsed === undefined) return undefined;
  const role = await directory.findRole(parsed.account, parsed.roleName);
  return role?.arn === arn ? { ...role, accountId: parsed.account } : undefined;
}

/** What assuming a role needs: that its trust policy, and the policies of the caller, allow the action. */
export function trusted(role: KnownRole, action: string, conditions: NonNullable<Access["conditions"]>): Access {
  return {
    action,
    resource: role.arn,
    owner: role.accountId,
    policy: role.trustPolicy,
    policyRequired: true,
    conditions,
  };
}

/** Whether the trust policy of a role lets a service of the platform, e.g. `sagemaker.amazonaws.com`, act as it. */
export function trustsService(role: KnownRole, service: string): boolean {
  const { accountId } = role;
  const principal: Principal = { kind: "service", accountId, arn: service, userId: service, accessKeyId: service };
  const access = trusted(role, "sts:AssumeRole", { "aws:SourceAccount": accountId });
  return evaluate({ principal, policies: { identity: [] }, access, facts: {} }).effect === "allow";
}
