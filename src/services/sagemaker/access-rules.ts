/**
 * What SageMaker requests need to be allowed: the action on its resources, passing on the roles that they name, and tagging
 * where something is created with tags.
 */
import type { Access } from "../../protocol/access.ts";
import { AwsError } from "../../protocol/aws-error.ts";
import type { AccessRules, Principal } from "../../protocol/service.ts";
import { parseArn } from "../../resources/arn.ts";
import { requestFacts } from "./access/request-facts.ts";
import { resourcesOf } from "./access/resources.ts";
import { sagemakerPrincipal } from "./execution-role.ts";

export interface SageMakerAccessFacts {
  /** Tags of a resource by its ARN, for `aws:ResourceTag/<key>`. */
  readonly tagsOf: (arn: string) => Promise<Readonly<Record<string, string>>>;
}

export function sagemakerAccessRules({ tagsOf }: SageMakerAccessFacts): AccessRules {
  return (operation, input, context) => {
    // Polling is most of what a server is asked: where no policy is looked at, it costs next to nothing.
    if (!isAsked(context.principal) && readsOnly.test(operation)) {
      return resourcesOf(operation, input, context).map((resource) => {
        const owner = ownerOf(resource, context.accountId);
        return { action: `sagemaker:${operation}`, resource, ...(owner !== undefined && { owner }) };
      });
    }
    return accessesOf(operation, input, context);
  };

  async function accessesOf(...[operation, input, context]: Parameters<AccessRules>): Promise<readonly Access[]> {
    const { accountId, principal } = context;
    const { conditions, roles } = requestFacts(input);
    const creates = operation.startsWith("Create");
    const asked = isAsked(principal);
    const tagged = creates && conditions["aws:TagKeys"] !== undefined;

    const accesses: Access[] = [];
    for (const resource of resourcesOf(operation, input, context)) {
      const owner = ownerOf(resource, accountId);
      // What is being created has no tags yet, and what belongs to others grants nothing by its tags.
      const tags = asked && !creates && owner === undefined && resource !== "*" ? await tagsOf(resource) : {};
      const access: Access = {
        action: `sagemaker:${operation}`,
        resource,
        conditions: { ...conditions, ...tagConditions(tags) },
        ...(owner !== undefined && { owner }),
      };
      accesses.push(access);
      if (tagged) {
        const tagging = { ...access.conditions, "sagemaker:TaggingAction": operation };
        accesses.push({ ...access, action: "sagemaker:AddTags", conditions: tagging });
      }
    }
    for (const role of roles) accesses.push(passRole(role, accountId));
    return accesses;
  }
}

/** Operations that name no role to be passed on. */
const readsOnly = /^(?:Describe|List)/;

/** Whether policies are looked at for what the caller does in its own account. */
function isAsked({ kind, session }: Principal): boolean {
  return kind !== "root" || session?.policies !== undefined;
}

/** The account of a resource that is not the caller's. */
function ownerOf(resource: string, accountId: string): string | undefined {
  const account = resource === "*" ? accountId : (parseArn(resource)?.accountId ?? accountId);
  return account === accountId || !/^\d{12}$/.test(account) ? undefined : account;
}

function tagConditions(tags: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tags).flatMap(([key, value]) => [
      [`aws:ResourceTag/${key}`, value],
      [`sagemaker:ResourceTag/${key}`, value],
    ]),
  );
}

/** @throws AwsError AccessDenied for a role of another account, which nobody can hand over */
function passRole(role: string, accountId: string): Access {
  if (parseArn(role)?.accountId !== accountId) {
    throw new AwsError(
      "AccessDeniedException",
      `Cross-account pass role is not allowed: ${role} is of another account.`,
    );
  }
  return { action: "iam:PassRole", resource: role, conditions: { "iam:PassedToService": sagemakerPrincipal } };
}
