/**
 * AWS Security Token Service: who am I, and short-lived credentials for a role or for oneself.
 *
 * Trust policies are recorded by IAM but not evaluated: whoever has a credential of the account may assume its roles.
 */
import { createHash } from "node:crypto";
import { AwsError } from "../../protocol/aws-error.ts";
import type { Credentials, STSOperations } from "../../protocol/generated/sts.ts";
import { defineService, type Refusal, type RequestContext, type Service } from "../../protocol/service.ts";
import type { Credential, CredentialLookup } from "../../protocol/sigv4/credential.ts";
import type { Actor, RecordStore } from "../../storage/record-store.ts";
import type { Clock } from "../../util/clock.ts";
import { base32Alphabet } from "../../util/random-text.ts";
import type { AssumableRole, RoleDirectory } from "./ports.ts";
import { rootCredential, type RootCredentials } from "./root-credentials.ts";
import { TemporaryCredentials } from "./temporary-credentials.ts";

export interface StsOptions {
  readonly records: RecordStore;
  readonly roles: RoleDirectory;
  /** The account that this server is. */
  readonly accountId: string;
  readonly root: RootCredentials;
  readonly clock: Clock;
}

/** A session of a role that the platform opens for work it runs. */
export interface RoleSessionRequest {
  /** A role of any account; one that is not known here is accepted. */
  readonly roleArn: string;
  readonly sessionName: string;
  /** 900 to 43200. */
  readonly durationSeconds: number;
  readonly actor: Actor;
}

export interface StsService extends Service {
  /** Finds the root key and every temporary credential. */
  readonly lookup: CredentialLookup;
  /** @throws AwsError ValidationError when the ARN is not one of a role */
  issueRoleSession(request: RoleSessionRequest): Promise<Required<Credential>>;
}

const defaultRoleSeconds = 3600;
const chainedRoleSeconds = 3600;
const defaultSessionSeconds = 43_200;
/** AWS gives the root user no session longer than an hour, whatever was asked for. */
const rootSessionSeconds = 3600;

const notEnforced = "policies are recorded but not enforced, so the session would have more rights than asked for";
const noMfa = "there are no MFA devices";
const noSessionTags = "sessions have no tags";
const assumeRoleRefusals: readonly Refusal[] = [
  { parameter: "Policy", because: notEnforced },
  { parameter: "PolicyArns", because: notEnforced },
  { parameter: "Tags", because: noSessionTags },
  { parameter: "TransitiveTagKeys", because: noSessionTags },
  { parameter: "ExternalId", because: "trust policies are not evaluated, so nobody would check it" },
  { parameter: "SerialNumber", because: noMfa },
  { parameter: "TokenCode", because: noMfa },
  { parameter: "SourceIdentity", because: "sessions do not carry a source identity" },
  { parameter: "ProvidedContexts", because: "there is no trusted context provider" },
];
const sessionTokenRefusals: readonly Refusal[] = [
  { parameter: "SerialNumber", because: noMfa },
  { parameter: "TokenCode", because: noMfa },
];

export function stsService(options: StsOptions): StsService {
  const { roles, accountId } = options;
  const root = rootCredential(options.root, accountId);
  const temporary = new TemporaryCredentials(options);

  const openRoleSession = (role: AssumableRole, sessionName: string, durationSeconds: number, actor: Actor) =>
    temporary.issue(
      {
        kind: "assumed-role",
        accountId,
        arn: `arn:aws:sts::${accountId}:assumed-role/${role.roleName}/${sessionName}`,
        userId: `${role.roleId}:${sessionName}`,
      },
      durationSeconds,
      actor,
    );

  const findRole = async (arn: string): Promise<{ role: AssumableRole; known: boolean; foreign: boolean }> => {
    const { account, roleName } = parseRoleArn(arn);
    const foreign = account !== accountId;
    const found = foreign ? undefined : await roles.findRole(accountId, roleName);
    if (found !== undefined && found.arn === arn) return { role: found, known: true, foreign };
    const unknown = { arn, roleName, roleId: roleIdOf(arn), maxSessionDuration: 43_200 };
    return { role: unknown, known: false, foreign };
  };

  const service = defineService<STSOperations>(
    "sts",
    {
      GetCallerIdentity: {
        handle: (_, { principal }) => ({ UserId: principal.userId, Account: principal.accountId, Arn: principal.arn }),
      },
      AssumeRole: {
        caveat: "trust policies are not evaluated: any credential of the account may assume its roles",
        refuses: assumeRoleRefusals,
        handle: async (input, context) => {
          const { principal } = context;
          const { role, known, foreign } = await findRole(input.RoleArn);
          if (foreign || (!known && principal.kind !== "root")) {
            throw new AwsError(
              "AccessDenied",
              `User: ${principal.arn} is not authorized to perform: sts:AssumeRole on resource: ${input.RoleArn}`,
              { status: 403 },
            );
          }
          const seconds = input.DurationSeconds ?? defaultRoleSeconds;
          if (principal.kind === "assumed-role" && seconds > chainedRoleSeconds) {
            throw validationError(
              "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
            );
          }
          if (seconds > role.maxSessionDuration) {
            throw validationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
          }
          const credential = await openRoleSession(role, input.RoleSessionName, seconds, actorOf(context));
          return {
            Credentials: credentialsOf(credential),
            AssumedRoleUser: { AssumedRoleId: credential.principal.userId, Arn: credential.principal.arn },
          };
        },
      },
      GetSessionToken: {
        refuses: sessionTokenRefusals,
        handle: async (input, context) => {
          const { principal } = context;
          if (principal.accessKeyId.startsWith("ASIA")) {
            throw new AwsError("AccessDenied", "Cannot call GetSessionToken with session credentials", { status: 403 });
          }
          const asked = input.DurationSeconds ?? defaultSessionSeconds;
          const seconds = principal.kind === "root" ? Math.min(asked, rootSessionSeconds) : asked;
          const { kind, arn, userId } = principal;
          const credential = await temporary.issue(
            { kind, accountId: principal.accountId, arn, userId },
            seconds,
            actorOf(context),
          );
          return { Credentials: credentialsOf(credential) };
        },
      },
    },
    { validationCode: "ValidationError" },
  );

  return {
    ...service,
    lookup: (accessKeyId) => {
      if (accessKeyId === root.accessKeyId) return root;
      if (!accessKeyId.startsWith("ASIA")) return undefined;
      return temporary.cached(accessKeyId) ?? temporary.find(accessKeyId);
    },
    issueRoleSession: async ({ roleArn, sessionName, durationSeconds, actor }) => {
      const { role } = await findRole(roleArn);
      return openRoleSession(role, sessionName, durationSeconds, actor);
    },
  };
}

function parseRoleArn(arn: string): { account: string; roleName: string } {
  const parts = /^arn:aws[a-z-]*:iam::(\d{12}):role\/(?:[\x21-\x7e]+\/)?([\w+=,.@-]{1,64})$/.exec(arn);
  if (parts === null) throw validationError(`${arn} is invalid`);
  return { account: parts[1], roleName: parts[2] };
}

/** A stable id for a role that is not known here. */
function roleIdOf(arn: string): string {
  const digest = createHash("sha256").update(arn).digest();
  return `AROA${Array.from(digest.subarray(0, 17), (byte) => base32Alphabet[byte % 32]).join("")}`;
}

/** Query services spell this code without `Exception`. */
function validationError(message: string): AwsError {
  return new AwsError("ValidationError", message);
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
