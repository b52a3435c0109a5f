/** What users, groups and roles have in common: inline policies, attached policies, permissions boundaries. */
import type { AttachedPolicy } from "../../protocol/generated/iam.ts";
import type { RequestContext } from "../../protocol/service.ts";
import type { Identity, IdentityKind } from "./entities.ts";
import { deleteConflict, noSuchEntity, quotaExceeded, unmodifiable } from "./errors.ts";
import { type IamStore, originOf } from "./iam-store.ts";
import { checkAttachable } from "./managed-policy-directory.ts";
import { type Page, pageOf } from "./marker.ts";
import { checkInlineLength, checkPolicyDocument, encodePolicyDocument } from "./policy-document.ts";
import { attachedPolicy } from "./shapes.ts";

interface Paging {
  readonly Marker?: string;
  readonly MaxItems?: number;
}

/** What the operations on the policies of one kind of identity do; each kind's table gives them their names. */
export class PolicyOperations<Body extends Identity> {
  readonly #store: IamStore;
  readonly #kind: IdentityKind<Body>;

  constructor(store: IamStore, kind: IdentityKind<Body>) {
    this.#store = store;
    this.#kind = kind;
  }

  /** Applies a change to the identity as it is. @throws AwsError NoSuchEntity, UnmodifiableEntity */
  #change(context: RequestContext, name: string, alter: (identity: Body) => Body | Promise<Body>): Promise<void> {
    return this.#store.change(originOf(context), async (change) => {
      const identity = await this.#store.get(this.#kind, context.accountId, name);
      checkUnprotected(identity);
      const altered = await alter(identity);
      if (altered !== identity) change.update(this.#kind, altered);
    });
  }

  attach(context: RequestContext, name: string, arn: string): Promise<void> {
    return this.#change(context, name, async (identity) => {
      await checkAttachable(this.#store, context.accountId, arn);
      const { attachedPolicies } = identity;
      if (attachedPolicies.includes(arn)) return identity;
      const { attachments } = this.#kind;
      if (attachedPolicies.length >= attachments.limit) throw quotaExceeded(attachments.name, attachments.limit);
      return { ...identity, attachedPolicies: [...attachedPolicies, arn] };
    });
  }

  detach(context: RequestContext, name: string, arn: string): Promise<void> {
    return this.#change(context, name, (identity) => {
      if (!identity.attachedPolicies.includes(arn)) throw noSuchEntity(`Policy ${arn} was not found.`);
      return { ...identity, attachedPolicies: identity.attachedPolicies.filter((other) => other !== arn) };
    });
  }

  async listAttached(
    { accountId }: RequestContext,
    name: string,
    input: Paging & { readonly PathPrefix?: string },
  ): Promise<{ AttachedPolicies: AttachedPolicy[] } & Page<unknown>["rest"]> {
    const { attachedPolicies } = await this.#store.get(this.#kind, accountId, name);
    const wanted = attachedPolicies.filter((arn) => policyPath(arn).startsWith(input.PathPrefix ?? "/"));
    const { items, rest } = pageOf(wanted.map(attachedPolicy), ({ PolicyName }) => PolicyName, input);
    return { AttachedPolicies: [...items], ...rest };
  }

  put(context: RequestContext, name: string, policyName: string, document: string): Promise<void> {
    return this.#change(context, name, (identity) => {
      checkPolicyDocument(document, "identity");
      const inlinePolicies = { ...identity.inlinePolicies, [policyName]: document };
      checkInlineLength(Object.values(inlinePolicies), this.#kind, name);
      return { ...identity, inlinePolicies };
    });
  }

  async get({ accountId }: RequestContext, name: string, policyName: string): Promise<{ PolicyDocument: string }> {
    const { inlinePolicies } = await this.#store.get(this.#kind, accountId, name);
    if (!Object.hasOwn(inlinePolicies, policyName)) throw this.#noSuchInline(policyName);
    return { PolicyDocument: encodePolicyDocument(inlinePolicies[policyName]) };
  }

  async list(
    { accountId }: RequestContext,
    name: string,
    input: Paging,
  ): Promise<{ PolicyNames: string[] } & Page<unknown>["rest"]> {
    const { inlinePolicies } = await this.#store.get(this.#kind, accountId, name);
    const { items, rest } = pageOf(Object.keys(inlinePolicies), (each) => each, input);
    return { PolicyNames: [...items], ...rest };
  }

  delete(context: RequestContext, name: string, policyName: string): Promise<void> {
    return this.#change(context, name, (identity) => {
      if (!Object.hasOwn(identity.inlinePolicies, policyName)) throw this.#noSuchInline(policyName);
      const { [policyName]: _, ...inlinePolicies } = identity.inlinePolicies;
      return { ...identity, inlinePolicies };
    });
  }

  putBoundary(context: RequestContext, name: string, arn: string): Promise<void> {
    return this.#change(context, name, async (identity) => {
      await checkAttachable(this.#store, context.accountId, arn);
      return { ...identity, boundary: arn };
    });
  }

  deleteBoundary(context: RequestContext, name: string): Promise<void> {
    return this.#change(context, name, (identity) => {
      if (identity.boundary === undefined) return identity;
      const { boundary: _, ...rest } = identity;
      return rest as Body;
    });
  }

  #noSuchInline(policyName: string): Error {
    return noSuchEntity(`The ${this.#kind.noun} policy with name ${policyName} cannot be found.`);
  }
}

/** @throws AwsError UnmodifiableEntity for a role that belongs to a service */
export function checkUnprotected(identity: Identity & { readonly service?: string }): void {
  if (identity.service === undefined) return;
  throw unmodifiable(
    `Cannot perform the operation on the protected role '${identity.name}' - this role is only modifiable by AWS`,
  );
}

/** @throws AwsError DeleteConflict while policies are on it */
export function checkWithoutPolicies({ attachedPolicies, inlinePolicies }: Identity): void {
  if (attachedPolicies.length > 0) throw deleteConflict("Cannot delete entity, must detach all policies first.");
  if (Object.keys(inlinePolicies).length > 0) {
    throw deleteConflict("Cannot delete entity, must delete policies first.");
  }
}

/** `/` or `/service-role/` of a policy's ARN. */
function policyPath(arn: string): string {
  const resource = arn.slice(arn.indexOf(":policy/") + ":policy".length);
  return resource.slice(0, resource.lastIndexOf("/") + 1);
}
