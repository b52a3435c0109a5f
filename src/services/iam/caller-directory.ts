/**
 * Whose policies speak for a caller, and the credentials of users: asked for with every request.
 *
 * What was found stays true until the account's IAM changes; every change gives it another revision. Answers are
 * remembered per principal, an object that lives as long as its credential is remembered, so they go when it goes.
 *
 * A user or role that is gone, or is another one of the same name, has no policies: every request is denied implicitly.
 * So is every request of a session of a role that this server has never known, which STS opens for nobody but root.
 */
import { type CallerPolicies, compiledPolicy } from "../../authorization/index.ts";
import type { Principal } from "../../protocol/service.ts";
import type { Credential } from "../../protocol/sigv4/credential.ts";
import { RecentlyUsed } from "../../util/recently-used.ts";
import { findAccessKeyRecord, findCredential } from "./access-key-records.ts";
import { type Identity, nameOfArn, roleKind, userKind } from "./entities.ts";
import type { IamStore } from "./iam-store.ts";
import { boundaryOf, policiesOf } from "./identity-policies.ts";

const noPolicies: CallerPolicies = { identity: [] };
const rememberedKeys = 2000;

interface Remembered<Value> {
  readonly revision: number;
  readonly value: Value;
}

export class CallerDirectory {
  readonly #store: IamStore;
  readonly #policies = new WeakMap<Principal, Remembered<CallerPolicies>>();
  readonly #credentials = new RecentlyUsed<string, Remembered<Credential>>(rememberedKeys);

  constructor(store: IamStore) {
    this.#store = store;
  }

  /** Identity-based policies, boundary, session policies and tags. Synchronous when they are known. */
  policiesOf(principal: Principal): CallerPolicies | Promise<CallerPolicies> {
    const known = this.#policies.get(principal);
    if (known !== undefined && known.revision === this.#store.revision(principal.accountId)) return known.value;
    return this.#findPolicies(principal);
  }

  /** The credential of a user's active access key; undefined when there is none. Synchronous when it is known. */
  findAccessKey(accessKeyId: string): Credential | undefined | Promise<Credential | undefined> {
    if (!accessKeyId.startsWith("AKIA")) return undefined;
    const known = this.#credentials.get(accessKeyId);
    if (known !== undefined && known.revision === this.#store.revision(known.value.principal.accountId)) {
      return known.value;
    }
    return this.#findCredential(accessKeyId);
  }

  async #findPolicies(principal: Principal): Promise<CallerPolicies> {
    // Noted before reading: a change meanwhile makes what was read outdated.
    const revision = this.#store.revision(principal.accountId);
    const value = await this.#readPolicies(principal);
    this.#policies.set(principal, { revision, value });
    return value;
  }

  async #findCredential(accessKeyId: string): Promise<Credential | undefined> {
    const key = await findAccessKeyRecord(this.#store, accessKeyId);
    if (key === undefined) return undefined;
    const revision = this.#store.revision(key.accountId);
    const value = await findCredential(this.#store, accessKeyId);
    if (value !== undefined) this.#credentials.set(accessKeyId, { revision, value });
    return value;
  }

  async #readPolicies(principal: Principal): Promise<CallerPolicies> {
    const { session } = principal;
    const sessionPolicies = session?.policies?.map((text, index) =>
      compiledPolicy(text, `session policy ${index + 1}`),
    );
    const sessionMembers = sessionPolicies === undefined ? {} : { session: sessionPolicies };
    const identity = await this.#identityOf(principal);
    if (identity === undefined) return { ...noPolicies, ...sessionMembers };
    const { accountId } = principal;
    const [policies, boundary, tags] = await Promise.all([
      policiesOf(this.#store, accountId, identity),
      boundaryOf(this.#store, accountId, identity),
      this.#store.tags(identity),
    ]);
    return {
      identity: policies.map(({ policy }) => policy),
      ...(boundary === undefined ? {} : { boundary: boundary.policy }),
      ...sessionMembers,
      tags: { ...tags, ...session?.tags },
    };
  }

  /** The user or role behind a principal, if it is still the one that the credential was given to. */
  async #identityOf({ kind, accountId, arn, userId, session }: Principal): Promise<Identity | undefined> {
    if (kind === "user") {
      const user = await this.#store.find(userKind, accountId, nameOfArn(arn));
      return user?.id === userId ? user : undefined;
    }
    if (kind === "assumed-role") {
      const roleName = session === undefined ? arn.split("/")[1] : nameOfArn(session.issuerArn);
      const role = await this.#store.find(roleKind, accountId, roleName);
      return role?.id === userId.slice(0, userId.indexOf(":")) ? role : undefined;
    }
    if (kind === "federated-user" && session?.issuerArn.includes(":user/")) {
      const user = await this.#store.find(userKind, accountId, nameOfArn(session.issuerArn));
      // A session does not know its issuer's id: a user of the same name that was made later is another.
      const { issuedAt = 0 } = session;
      return user?.arn === session.issuerArn && user.createdAt <= issuedAt ? user : undefined;
    }
    return undefined;
  }
}
