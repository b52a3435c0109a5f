/**
 * AWS Security Token Service: who am I, and short-lived credentials for a role, for oneself, for a federated user.
 *
 * It also finds the credential behind every access key id: root keys, keys of IAM users, temporary ones.
 */
import { AwsError } from "../../protocol/aws-error.ts";
import type { STSOperations } from "../../protocol/generated/sts.ts";
import { defineService, type Service } from "../../protocol/service.ts";
import type { Credential, CredentialLookup } from "../../protocol/sigv4/credential.ts";
import type { Actor, RecordStore } from "../../storage/record-store.ts";
import type { Clock } from "../../util/clock.ts";
import { stsAccessRules } from "./access-rules.ts";
import type { AuthorizationMessages } from "./authorization-message.ts";
import { mayNotAssume, validationError } from "./errors.ts";
import type { IdentityDirectory } from "./ports.ts";
import { findRole, trustsService } from "./roles.ts";
import { rootCredential, type RootCredentials } from "./root-credentials.ts";
import { roleIdentity, sessionOperations } from "./sessions.ts";
import { type Identity, TemporaryCredentials } from "./temporary-credentials.ts";

export interface StsOptions {
  readonly records: RecordStore;
  readonly identities: IdentityDirectory;
  /** The root key of every account of this server. */
  readonly roots: ReadonlyMap<string, RootCredentials>;
  readonly messages: AuthorizationMessages;
  readonly clock: Clock;
}

/** A session of a role for work that a service of the platform runs. */
export interface ServiceSession {
  readonly roleArn: string;
  /** `[\w+=,.@-]{2,64}` */
  readonly sessionName: string;
  /** e.g. `sagemaker.amazonaws.com`; the role must trust it. */
  readonly service: string;
}

export interface StsService extends Service {
  /** Finds root keys, keys of users and every temporary credential, of the accounts of this server. */
  readonly lookup: CredentialLookup;
  /** Whether the role exists and trusts the service. */
  isAssumableBy(roleArn: string, service: string): Promise<boolean>;
  /** Who acts when the platform does something under a role, without a credential. @throws AwsError AccessDenied */
  servicePrincipal(session: ServiceSession): Promise<Identity>;
  /** @param durationSeconds 900 to 43200 @throws AwsError AccessDenied when the service may not act as the role */
  issueServiceSession(session: ServiceSession, durationSeconds: number, actor: Actor): Promise<Required<Credential>>;
}

export function stsService(options: StsOptions): StsService {
  const { identities, messages, clock } = options;
  const roots = new Map<string, Credential>();
  for (const [accountId, root] of options.roots) roots.set(root.accessKeyId, rootCredential(root, accountId));
  const temporary = new TemporaryCredentials(options);

  const find = (accessKeyId: string) =>
    accessKeyId.startsWith("ASIA")
      ? (temporary.cached(accessKeyId) ?? temporary.find(accessKeyId))
      : identities.findAccessKey(accessKeyId);
  /** The data directory may hold accounts that this server was not told of: they cannot be used. */
  const ofServedAccount = (credential: Credential | undefined) =>
    credential !== undefined && options.roots.has(credential.principal.accountId) ? credential : undefined;
  const lookup: CredentialLookup = (accessKeyId) => {
    const root = roots.get(accessKeyId);
    if (root !== undefined) return root;
    const found = find(accessKeyId);
    return found instanceof Promise ? found.then(ofServedAccount) : ofServedAccount(found);
  };

  const servicePrincipal = async ({ roleArn, sessionName, service: name }: ServiceSession): Promise<Identity> => {
    const role = await findRole(identities, roleArn);
    if (role === undefined || !trustsService(role, name)) {
      throw mayNotAssume({ kind: "service", accountId: "", arn: name, userId: name, accessKeyId: name }, roleArn);
    }
    return roleIdentity(role, sessionName, clock.now());
  };

  const service = defineService<STSOperations>(
    "sts",
    {
      GetCallerIdentity: {
        handle: (_, { principal }) => ({ UserId: principal.userId, Account: principal.accountId, Arn: principal.arn }),
      },
      ...sessionOperations(identities, temporary),
      GetAccessKeyInfo: {
        caveat: "only keys that were issued here are known",
        async handle({ AccessKeyId }) {
          const credential = await lookup(AccessKeyId);
          if (credential === undefined) throw validationError(`The access key id ${AccessKeyId} is not known here`);
          return { Account: credential.principal.accountId };
        },
      },
      DecodeAuthorizationMessage: {
        caveat: "messages come in the response header x-sagebrush-authorization-message of every denied call",
        handle({ EncodedMessage }, { accountId }) {
          const DecodedMessage = messages.decode(accountId, EncodedMessage);
          if (DecodedMessage === undefined) {
            throw new AwsError("InvalidAuthorizationMessageException", "The message is not valid");
          }
          return { DecodedMessage };
        },
      },
    },
    { validationCode: "ValidationError", accesses: stsAccessRules(identities) },
  );

  return {
    ...service,
    lookup,
    async isAssumableBy(roleArn, name) {
      const role = await findRole(identities, roleArn);
      return role !== undefined && trustsService(role, name);
    },
    servicePrincipal,
    issueServiceSession: async (session, durationSeconds, actor) =>
      temporary.issue(await servicePrincipal(session), durationSeconds, actor),
  };
}
