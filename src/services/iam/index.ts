/**
 * AWS Identity and Access Management, as far as SageMaker set-ups need it: roles, their tags and their policies.
 *
 * Policies are checked for their grammar, stored and returned; they are not evaluated, so a role may do everything in
 * its account. Managed policies are known by the ARN alone: those of AWS can be attached, there are no others.
 */
import { AwsError } from "../../protocol/aws-error.ts";
import type { IAMOperations, Tag } from "../../protocol/generated/iam.ts";
import { defineService, type RequestContext, type Service } from "../../protocol/service.ts";
import type { RecordStore, WriteOptions } from "../../storage/record-store.ts";
import type { Clock } from "../../util/clock.ts";
import { pageOf } from "./marker.ts";
import { checkPolicyDocument, encodePolicyDocument } from "./policy-document.ts";
import { noSuchEntity, RoleStore, toRole } from "./role-store.ts";

export interface IamOptions {
  readonly records: RecordStore;
}

/** What other services may ask about roles. */
export interface KnownRole {
  readonly arn: string;
  readonly roleName: string;
  readonly roleId: string;
  readonly maxSessionDuration: number;
  /** JSON: who may assume it. */
  readonly trustPolicy: string;
}

export interface IamService extends Service {
  /** undefined when the account has no role of this name */
  findRole(accountId: string, roleName: string): Promise<KnownRole | undefined>;
}

/** The role that is there from the first start, for users who have none. */
export const defaultRoleName = "SagebrushExecutionRole";
const defaultRolePath = "/service-role/";

const defaultSessionSeconds = 3600;
/** Characters without white space. Source: AWS, "IAM and AWS STS quotas". */
const maxTrustPolicyLength = 2048;
const maxInlinePoliciesLength = 10_240;
const maxAttachedPolicies = 10;
const maxTags = 50;

const notEnforced = "policies are recorded and returned, but not enforced";

export function iamService({ records }: IamOptions): IamService {
  const roles = new RoleStore(records);

  const service = defineService<IAMOperations>(
    "iam",
    {
      CreateRole: {
        caveat: notEnforced,
        refuses: [
          {
            parameter: "PermissionsBoundary",
            because: "policies are recorded but not enforced, so the role would have more rights than asked for",
          },
        ],
        handle: async (input, context) => {
          checkTrustPolicy(input.AssumeRolePolicyDocument);
          const tags = tagRecord(input.Tags ?? []);
          const role = await roles.create(
            context.accountId,
            {
              path: input.Path ?? "/",
              roleName: input.RoleName,
              trustPolicy: input.AssumeRolePolicyDocument,
              description: input.Description,
              maxSessionDuration: input.MaxSessionDuration ?? defaultSessionSeconds,
            },
            tags,
            writeOptions(context),
          );
          return { Role: { ...toRole(role), ...tagMembers(tags) } };
        },
      },
      GetRole: {
        handle: async ({ RoleName }, { accountId }) => {
          const role = await roles.get(accountId, RoleName);
          return { Role: { ...toRole(role), ...tagMembers(await roles.tags(role)) } };
        },
      },
      ListRoles: {
        handle: async (input, { accountId }) => {
          const { items, rest } = await roles.list(accountId, input);
          return { Roles: items.map(toRole), ...rest };
        },
      },
      DeleteRole: {
        handle: ({ RoleName }, context) => roles.delete(context.accountId, RoleName, writeOptions(context)),
      },
      UpdateRole: {
        handle: async (input, context) => {
          const { Description: description, MaxSessionDuration: maxSessionDuration = defaultSessionSeconds } = input;
          await roles.change(
            context.accountId,
            input.RoleName,
            (role) => ({ ...role, maxSessionDuration, description: description ?? role.description }),
            writeOptions(context),
          );
          return {};
        },
      },
      UpdateAssumeRolePolicy: {
        caveat: notEnforced,
        handle: async ({ RoleName, PolicyDocument }, context) => {
          checkTrustPolicy(PolicyDocument);
          const change = { trustPolicy: PolicyDocument };
          await roles.change(context.accountId, RoleName, (role) => ({ ...role, ...change }), writeOptions(context));
        },
      },

      AttachRolePolicy: {
        caveat: notEnforced,
        handle: async ({ RoleName, PolicyArn }, context) => {
          checkAttachable(PolicyArn);
          await roles.change(
            context.accountId,
            RoleName,
            (role) => {
              if (role.attachedPolicies.includes(PolicyArn)) return role;
              if (role.attachedPolicies.length >= maxAttachedPolicies) {
                throw limitExceeded(`Cannot exceed quota for PoliciesPerRole: ${maxAttachedPolicies}`);
              }
              return { ...role, attachedPolicies: [...role.attachedPolicies, PolicyArn] };
            },
            writeOptions(context),
          );
        },
      },
      DetachRolePolicy: {
        handle: ({ RoleName, PolicyArn }, context) =>
          roles.change(
            context.accountId,
            RoleName,
            (role) => {
              if (!role.attachedPolicies.includes(PolicyArn)) throw noSuchEntity(`Policy ${PolicyArn} was not found.`);
              return { ...role, attachedPolicies: role.attachedPolicies.filter((arn) => arn !== PolicyArn) };
            },
            writeOptions(context),
          ),
      },
      ListAttachedRolePolicies: {
        handle: async (input, { accountId }) => {
          const { attachedPolicies } = await roles.get(accountId, input.RoleName);
          const policies = attachedPolicies
            .map((arn) => ({ PolicyArn: arn, PolicyName: arn.slice(arn.lastIndexOf("/") + 1) }))
            .filter(({ PolicyArn }) => policyPath(PolicyArn).startsWith(input.PathPrefix ?? "/"));
          const { items, rest } = pageOf(policies, ({ PolicyName }) => PolicyName, input);
          return { AttachedPolicies: [...items], ...rest };
        },
      },
      PutRolePolicy: {
        caveat: notEnforced,
        handle: ({ RoleName, PolicyName, PolicyDocument }, context) => {
          checkPolicyDocument(PolicyDocument, "identity");
          return roles.change(
            context.accountId,
            RoleName,
            (role) => {
              const inlinePolicies = { ...role.inlinePolicies, [PolicyName]: PolicyDocument };
              const length = Object.values(inlinePolicies).reduce((sum, text) => sum + lengthOf(text), 0);
              if (length > maxInlinePoliciesLength) {
                throw limitExceeded(
                  `Maximum policy size of ${maxInlinePoliciesLength} bytes exceeded for role ${RoleName}`,
                );
              }
              return { ...role, inlinePolicies };
            },
            writeOptions(context),
          );
        },
      },
      GetRolePolicy: {
        handle: async ({ RoleName, PolicyName }, { accountId }) => {
          const { inlinePolicies } = await roles.get(accountId, RoleName);
          if (!Object.hasOwn(inlinePolicies, PolicyName)) throw noSuchPolicy(PolicyName);
          return { RoleName, PolicyName, PolicyDocument: encodePolicyDocument(inlinePolicies[PolicyName]) };
        },
      },
      ListRolePolicies: {
        handle: async (input, { accountId }) => {
          const { inlinePolicies } = await roles.get(accountId, input.RoleName);
          const { items, rest } = pageOf(Object.keys(inlinePolicies), (name) => name, input);
          return { PolicyNames: [...items], ...rest };
        },
      },
      DeleteRolePolicy: {
        handle: ({ RoleName, PolicyName }, context) =>
          roles.change(
            context.accountId,
            RoleName,
            (role) => {
              const { [PolicyName]: deleted, ...inlinePolicies } = role.inlinePolicies;
              if (deleted === undefined) throw noSuchPolicy(PolicyName);
              return { ...role, inlinePolicies };
            },
            writeOptions(context),
          ),
      },

      TagRole: {
        handle: async ({ RoleName, Tags }, context) => {
          const role = await roles.get(context.accountId, RoleName);
          const tags = tagRecord(Tags);
          if (Object.keys({ ...(await roles.tags(role)), ...tags }).length > maxTags) {
            throw limitExceeded(`The number of tags has reached the maximum limit of ${maxTags}.`);
          }
          await roles.tag(role, tags, writeOptions(context));
        },
      },
      UntagRole: {
        handle: async ({ RoleName, TagKeys }, context) => {
          const role = await roles.get(context.accountId, RoleName);
          await roles.untag(role, TagKeys, writeOptions(context));
        },
      },
      ListRoleTags: {
        handle: async (input, { accountId }) => {
          const tags = await roles.tags(await roles.get(accountId, input.RoleName));
          const { items, rest } = pageOf(Object.entries(tags), ([key]) => key, input);
          return { Tags: items.map(([Key, Value]) => ({ Key, Value })), ...rest };
        },
      },
    },
    { validationCode: "ValidationError" },
  );

  return { ...service, findRole: (accountId, roleName) => roles.find(accountId, roleName) };
}

/**
 * Makes the default execution role unless it is there; a role that was deleted comes back at the next start.
 * @returns its ARN
 */
export async function ensureDefaultRole(records: RecordStore, accountId: string, clock: Clock): Promise<string> {
  const roles = new RoleStore(records);
  const existing = await roles.find(accountId, defaultRoleName);
  if (existing !== undefined) return existing.arn;
  const trustPolicy = {
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: "sagemaker.amazonaws.com" }, Action: "sts:AssumeRole" }],
  };
  const created = await roles.create(
    accountId,
    {
      path: defaultRolePath,
      roleName: defaultRoleName,
      trustPolicy: JSON.stringify(trustPolicy),
      description: "Execution role for SageMaker, made by Sagebrush",
      maxSessionDuration: defaultSessionSeconds,
      attachedPolicies: ["arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"],
    },
    {},
    { actor: { by: "sagebrush:start", call: "iam:CreateRole" }, at: clock.now() },
  );
  return created.arn;
}

function writeOptions({ principal, operation, requestId, clock }: RequestContext): WriteOptions {
  return { actor: { by: principal.arn, call: `iam:${operation}`, requestId }, at: clock.now() };
}

/** Length as IAM's quotas count it. */
function lengthOf(document: string): number {
  return document.replace(/\s/g, "").length;
}

function checkTrustPolicy(document: string): void {
  checkPolicyDocument(document, "trust");
  if (lengthOf(document) > maxTrustPolicyLength) {
    throw limitExceeded(`Cannot exceed quota for ACLSizePerRole: ${maxTrustPolicyLength}`);
  }
}

/** Managed policies of AWS can be attached by name; an account has none of its own here. */
function checkAttachable(arn: string): void {
  const parts = /^arn:aws[a-z-]*:iam::(aws|\d{12}):policy\/(?:[\x21-\x7e]+\/)?[\w+=,.@-]{1,128}$/.exec(arn);
  if (parts === null) throw new AwsError("InvalidInputException", `ARN ${arn} is not valid.`);
  if (parts[1] !== "aws") throw noSuchEntity(`Policy ${arn} does not exist or is not attachable.`);
}

/** `/` or `/service-role/` of a policy's ARN. */
function policyPath(arn: string): string {
  const resource = arn.slice(arn.indexOf(":policy/") + ":policy".length);
  return resource.slice(0, resource.lastIndexOf("/") + 1);
}

/** @throws AwsError InvalidInput when a key is given twice; keys that differ in case only are the same key */
function tagRecord(tags: readonly Tag[]): Record<string, string> {
  const keys = new Set(tags.map(({ Key }) => Key.toLowerCase()));
  if (keys.size !== tags.length) {
    throw new AwsError(
      "InvalidInputException",
      "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    );
  }
  return Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]));
}

function tagMembers(tags: Readonly<Record<string, string>>): { Tags?: Tag[] } {
  const list = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  return list.length === 0 ? {} : { Tags: list };
}

function limitExceeded(message: string): AwsError {
  return new AwsError("LimitExceededException", message, { status: 409 });
}

function noSuchPolicy(policyName: string): AwsError {
  return noSuchEntity(`The role policy with name ${policyName} cannot be found.`);
}
