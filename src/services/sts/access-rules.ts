/**
 * What STS requests need to be allowed. Source: Service Authorization Reference, "AWS Security Token Service".
 */
import type { Access } from "../../protocol/access.ts";
import type { AccessRules } from "../../protocol/service.ts";
import { mayNotAssume } from "./errors.ts";
import type { IdentityDirectory } from "./ports.ts";
import { findRole, parseRoleArn, trusted } from "./roles.ts";

type Conditions = Record<string, string | readonly string[]>;

/** Everybody with a credential may ask who it is and prove it by a session token; no policy can say otherwise. */
const open: ReadonlySet<string> = new Set(["GetCallerIdentity", "GetSessionToken"]);

export function stsAccessRules(directory: IdentityDirectory): AccessRules {
  return async (operation, input, { accountId, principal }) => {
    if (open.has(operation)) return [];
    const tags = tagConditions(input["Tags"], input["TransitiveTagKeys"]);
    if (operation === "GetFederationToken") {
      const resource = `arn:aws:sts::${accountId}:federated-user/${textOf(input["Name"]) ?? "*"}`;
      const access: Access = { action: "sts:GetFederationToken", resource, conditions: tags };
      return hasTags(tags) ? [access, { ...access, action: "sts:TagSession" }] : [access];
    }
    const roleArn = textOf(input["RoleArn"]);
    if (operation !== "AssumeRole" || roleArn === undefined || parseRoleArn(roleArn) === undefined) {
      return [{ action: `sts:${operation}`, resource: "*" }];
    }
    const role = await findRole(directory, roleArn);
    if (role === undefined) throw mayNotAssume(principal, roleArn);

    // Both go on from the calling session to the new one, and then need the same consent as if they were asked for.
    const passedOn = principal.session?.transitiveTagKeys ?? [];
    const sourceIdentity = textOf(input["SourceIdentity"]) ?? principal.session?.sourceIdentity;
    const conditions: Conditions = {
      ...tags,
      ...textCondition("sts:ExternalId", input["ExternalId"]),
      ...textCondition("sts:RoleSessionName", input["RoleSessionName"]),
      ...textCondition("sts:SourceIdentity", sourceIdentity),
    };
    return [
      trusted(role, "sts:AssumeRole", conditions),
      ...(hasTags(tags) || passedOn.length > 0 ? [trusted(role, "sts:TagSession", conditions)] : []),
      ...(sourceIdentity === undefined ? [] : [trusted(role, "sts:SetSourceIdentity", conditions)]),
    ];
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function textCondition(key: string, value: unknown): Conditions {
  const text = textOf(value);
  return text === undefined ? {} : { [key]: text };
}

function tagConditions(tags: unknown, transitive: unknown): Conditions {
  const pairs = (Array.isArray(tags) ? tags : []) as readonly { Key?: unknown; Value?: unknown }[];
  const known = pairs.flatMap(({ Key, Value }) =>
    typeof Key === "string" && typeof Value === "string" ? [[Key, Value] as const] : [],
  );
  if (known.length === 0) return {};
  const keys = (Array.isArray(transitive) ? transitive : []).filter((key) => typeof key === "string");
  return {
    ...Object.fromEntries(known.map(([key, value]) => [`aws:RequestTag/${key}`, value])),
    "aws:TagKeys": known.map(([key]) => key),
    ...(keys.length === 0 ? {} : { "sts:TransitiveTagKeys": keys }),
  };
}

function hasTags(conditions: Conditions): boolean {
  return conditions["aws:TagKeys"] !== undefined;
}
