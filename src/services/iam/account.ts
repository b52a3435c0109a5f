/** The account as a whole: its alias, and what it has and may have. */
import type { IAMOperations } from "../../protocol/generated/iam.ts";
import type { OperationTable } from "../../protocol/service.ts";
import type { RecordKey } from "../../storage/record-store.ts";
import { groupKind, policyKind, roleKind, type User, userKind } from "./entities.ts";
import { entityExists, noSuchEntity } from "./errors.ts";
import { globalRegion, type IamStore, originOf } from "./iam-store.ts";
import { awsManagedPolicies } from "./managed-policies/index.ts";
import { quotas } from "./quotas.ts";

interface AliasRecord {
  readonly alias: string;
}

const aliasFamily = "iam-account-alias";

function aliasKey(accountId: string): RecordKey {
  return { accountId, region: globalRegion, family: aliasFamily, name: "alias" };
}

export function accountOperations(store: IamStore): OperationTable<IAMOperations> {
  const { records } = store;
  return {
    CreateAccountAlias: {
      handle: ({ AccountAlias: alias }, context) =>
        store.change(originOf(context), async (change) => {
          for await (const { accountId, body } of records.scan<AliasRecord>(aliasFamily)) {
            if (body.alias === alias && accountId !== context.accountId) {
              throw entityExists(`The account alias ${alias} already exists.`);
            }
          }
          change.records.push({ op: "put", key: aliasKey(context.accountId), body: { alias } satisfies AliasRecord });
        }),
    },
    DeleteAccountAlias: {
      handle: ({ AccountAlias: alias }, context) =>
        store.change(originOf(context), async (change) => {
          const key = aliasKey(context.accountId);
          if ((await records.get<AliasRecord>(key))?.body.alias !== alias) {
            throw noSuchEntity(`The account alias with name ${alias} cannot be found.`);
          }
          change.records.push({ op: "delete", key });
        }),
    },
    ListAccountAliases: {
      handle: async (_, { accountId }) => {
        const record = await records.get<AliasRecord>(aliasKey(accountId));
        return { AccountAliases: record === undefined ? [] : [record.body.alias], IsTruncated: false };
      },
    },
    GetAccountSummary: {
      handle: async (_, { accountId }) => ({ SummaryMap: await summary(store, accountId) }),
    },
  };
}

/** What can be counted, and the quotas; of what this server does not have there is none. */
async function summary(store: IamStore, accountId: string): Promise<Record<string, number>> {
  const [users, groups, roles, policies] = await Promise.all(
    [userKind, groupKind, roleKind, policyKind].map((kind) => store.count(kind, accountId)),
  );
  let versions = 0;
  for await (const policy of store.all(policyKind, accountId)) versions += policy.versions.length;
  let accessKeys = 0;
  for await (const user of store.all<User>(userKind, accountId)) accessKeys += user.accessKeys.length;
  const alias = await store.records.get(aliasKey(accountId));
  return {
    Users: users,
    UsersQuota: userKind.quota.limit,
    Groups: groups,
    GroupsQuota: groupKind.quota.limit,
    GroupsPerUserQuota: quotas.groupsPerUser,
    GroupPolicySizeQuota: groupKind.inlineLength,
    UserPolicySizeQuota: userKind.inlineLength,
    Roles: roles,
    RolesQuota: roleKind.quota.limit,
    RolePolicySizeQuota: roleKind.inlineLength,
    AssumeRolePolicySizeQuota: quotas.trustPolicyLength,
    Policies: policies,
    PoliciesQuota: policyKind.quota.limit,
    PolicySizeQuota: quotas.managedPolicyLength,
    PolicyVersionsInUse: versions + awsManagedPolicies().size,
    VersionsPerPolicyQuota: quotas.versionsPerPolicy,
    AttachedPoliciesPerUserQuota: userKind.attachments.limit,
    AttachedPoliciesPerGroupQuota: groupKind.attachments.limit,
    AttachedPoliciesPerRoleQuota: roleKind.attachments.limit,
    AccessKeys: accessKeys,
    AccessKeysPerUserQuota: quotas.accessKeysPerUser,
    AccountAccessKeysPresent: 1,
    AccountAliases: alias === undefined ? 0 : 1,
    AccountMFAEnabled: 0,
    MFADevices: 0,
    MFADevicesInUse: 0,
    InstanceProfiles: 0,
    Providers: 0,
    ServerCertificates: 0,
  };
}
