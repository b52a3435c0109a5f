/** The operations that issue credentials: for a role, for oneself, for somebody that the caller vouches for. */
import type { Credentials, STSOperations } from "../../protocol/generated/sts.ts";
import type { OperationTable, Principal, Refusal, RequestContext } from "../../protocol/service.ts";
import type { Credential } from "../../protocol/sigv4/credential.ts";
import type { Actor } from "../../storage/record-store.ts";
import { accessDenied, invalidParameter, mayNotAssume, validationError } from "./errors.ts";
import type { IdentityDirectory } from "./ports.ts";
import { findRole, type KnownRole, parseRoleArn } from "./roles.ts";
import { grantOf, type SessionGrant } from "./session-limits.ts";
import type { Identity, TemporaryCredentials } from "./temporary-credentials.ts";

const defaultRoleSeconds = 3600;
const chainedRoleSeconds = 3600;
const defaultSessionSeconds = 43_200;
/** AWS gives the root user no session longer than an hour, whatever was asked for. */
const rootSessionSeconds = 3600;

const noMfa = "there are no MFA devices";
const mfaRefusals: readonly Refusal[] = [
  { parameter: "SerialNumber", because: noMfa },
  { parameter: "TokenCode", because: noMfa },
];

/** The identity of a session of a role. @param issuedAt ms since the epoch */
export function roleIdentity(
  role: KnownRole,
  sessionName: string,
  issuedAt: number,
  grant: SessionGrant["facts"] & { readonly sourceIdentity?: string } = {},
): Identity {
  const { accountId, roleName, roleId, arn } = role;
  return {
    kind: "assumed-role",
    accountId,
    arn: `arn:aws:sts::${accountId}:assumed-role/${roleName}/${sessionName}`,
    userId: `${roleId}:${sessionName}`,
    session: { issuerArn: arn, issuedAt, ...grant },
  };
}

type Operations = Pick<STSOperations, "AssumeRole" | "GetSessionToken" | "GetFederationToken">;

export function sessionOperations(
  directory: IdentityDirectory,
  temporary: TemporaryCredentials,
): OperationTable<Operations> {
  return {
    AssumeRole: {
      refuses: [...mfaRefusals, { parameter: "ProvidedContexts", because: "there is no trusted context provider" }],
      async handle(input, context) {
        const { principal, clock } = context;
        // Who may assume it was asked before; see access-rules.ts.
        if (parseRoleArn(input.RoleArn) === undefined) throw validationError(`${input.RoleArn} is invalid`);
        if (principal.kind === "federated-user") throw noSessionOf("AssumeRole", "federation token");
        const role = await findRole(directory, input.RoleArn);
        if (role === undefined) throw mayNotAssume(principal, input.RoleArn);
        const seconds = roleSeconds(input.DurationSeconds, principal, role);
        const grant = await grantOf(input, role.accountId, principal, directory);
        const sourceIdentity = sourceIdentityOf(input.SourceIdentity, principal);
        const facts = { ...grant.facts, ...(sourceIdentity !== undefined && { sourceIdentity }) };
        const identity = roleIdentity(role, input.RoleSessionName, clock.now(), facts);
        const credential = await temporary.issue(identity, seconds, actorOf(context));
        return {
          Credentials: credentialsOf(credential),
          AssumedRoleUser: { AssumedRoleId: identity.userId, Arn: identity.arn },
          PackedPolicySize: grant.packedPolicySize,
          SourceIdentity: sourceIdentity,
        };
      },
    },

    GetSessionToken: {
      caveat: "its credentials may call IAM, which AWS lets them only with MFA",
      refuses: mfaRefusals,
      async handle(input, context) {
        const { principal, clock } = context;
        if (isTemporary(principal)) throw noSessionOf("GetSessionToken", "session");
        const { kind, accountId, arn, userId } = principal;
        const identity: Identity = { kind, accountId, arn, userId, session: { issuerArn: arn, issuedAt: clock.now() } };
        const seconds = ownSeconds(input.DurationSeconds, principal);
        return { Credentials: credentialsOf(await temporary.issue(identity, seconds, actorOf(context))) };
      },
    },

    GetFederationToken: {
      async handle(input, context) {
        const { principal, accountId, clock } = context;
        if (isTemporary(principal)) throw noSessionOf("GetFederationToken", "session");
        const grant = await grantOf(input, accountId, principal, directory);
        const identity: Identity = {
          kind: "federated-user",
          accountId,
          arn: `arn:aws:sts::${accountId}:federated-user/${input.Name}`,
          userId: `${accountId}:${input.Name}`,
          // Without policies such a session may do nothing but what a resource's policy grants it by name.
          session: { issuerArn: principal.arn, issuedAt: clock.now(), policies: [], ...grant.facts },
        };
        const seconds = ownSeconds(input.DurationSeconds, principal);
        return {
          Credentials: credentialsOf(await temporary.issue(identity, seconds, actorOf(context))),
          FederatedUser: { FederatedUserId: identity.userId, Arn: identity.arn },
          PackedPolicySize: grant.packedPolicySize,
        };
      },
    },
  };
}

/** @throws AwsError ValidationError */
function roleSeconds(asked: number | undefined, principal: Principal, role: KnownRole): number {
  const seconds = asked ?? defaultRoleSeconds;
  if (principal.kind === "assumed-role" && seconds > chainedRoleSeconds) {
    throw validationError(
      "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
    );
  }
  if (seconds > role.maxSessionDuration) {
    throw validationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
  }
  return seconds;
}

function ownSeconds(asked = defaultSessionSeconds, { kind }: Principal): number {
  return kind === "root" ? Math.min(asked, rootSessionSeconds) : asked;
}

/** A source identity is set once and goes on from session to session. */
function sourceIdentityOf(asked: string | undefined, { session }: Principal): string | undefined {
  const inherited = session?.sourceIdentity;
  if (inherited === undefined) return asked;
  if (asked !== undefined && asked !== inherited) {
    throw invalidParameter(
      `The source identity of the calling session is ${inherited} and cannot be changed to ${asked}.`,
    );
  }
  return inherited;
}

function isTemporary({ session }: Principal): boolean {
  return session !== undefined;
}

function noSessionOf(operation: string, what: string) {
  return accessDenied(`Cannot call ${operation} with ${what} credentials`);
}

function actorOf({ principal, operation, requestId }: RequestContext): Actor {
  return { by: principal.arn, call: `sts:${operation}`, requestId };
}

function credentialsOf(credential: Required<Credential>): Credentials {
  return {
    AccessKeyId: credential.accessKeyId,
    SecretAccessKey: credential.secretAccessKey,
    SessionToken: credential.sessionToken,
    Expiration: new Date(credential.expiresAt),
  };
}
