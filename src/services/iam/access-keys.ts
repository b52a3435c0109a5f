/** Access keys of users: at most two, each active or not. */
import type { AccessKeyMetadata, IAMOperations } from "../../protocol/generated/iam.ts";
import type { OperationTable, RequestContext } from "../../protocol/service.ts";
import {
  accessKeyKey,
  type AccessKeyRecord,
  findAccessKeyRecord,
  newAccessKey,
  secretKey,
} from "./access-key-records.ts";
import { namedOrCaller } from "./caller.ts";
import { type User, userKind } from "./entities.ts";
import { noSuchEntity, quotaExceeded } from "./errors.ts";
import { type IamStore, originOf } from "./iam-store.ts";
import type { LastUses } from "./last-uses.ts";
import { pageOf } from "./marker.ts";
import { quotas } from "./quotas.ts";

export function accessKeyOperations(store: IamStore, uses: LastUses): OperationTable<IAMOperations> {
  const getKey = async (accountId: string, accessKeyId: string): Promise<AccessKeyRecord> => {
    const key = await findAccessKeyRecord(store, accessKeyId);
    if (key?.accountId !== accountId) throw noSuchKey(accessKeyId);
    return key;
  };
  const getUserOfKey = async (
    context: RequestContext,
    userName: string | undefined,
    accessKeyId: string,
  ): Promise<User> => {
    const user = await store.get(userKind, context.accountId, namedOrCaller(userName, context));
    if (!user.accessKeys.includes(accessKeyId)) throw noSuchKey(accessKeyId);
    return user;
  };

  return {
    CreateAccessKey: {
      handle: ({ UserName }, context) =>
        store.change(originOf(context), async (change) => {
          const { accountId } = context;
          const user = await store.get(userKind, accountId, namedOrCaller(UserName, context));
          if (user.accessKeys.length >= quotas.accessKeysPerUser) {
            throw quotaExceeded("AccessKeysPerUser", quotas.accessKeysPerUser);
          }
          const { accessKeyId, secretAccessKey } = newAccessKey();
          const key: AccessKeyRecord = {
            accountId,
            userName: user.name,
            userId: user.id,
            status: "Active",
            createdAt: change.now,
          };
          await store.writeSilently(
            [{ op: "insert", key: secretKey(accessKeyId), body: { secretAccessKey } }],
            change.origin,
          );
          change.records.push({ op: "insert", key: accessKeyKey(accessKeyId), body: key });
          change.update(userKind, { ...user, accessKeys: [...user.accessKeys, accessKeyId] });
          return {
            AccessKey: {
              UserName: user.name,
              AccessKeyId: accessKeyId,
              Status: key.status,
              SecretAccessKey: secretAccessKey,
              CreateDate: new Date(key.createdAt),
            },
          };
        }),
    },
    ListAccessKeys: {
      handle: async (input, context) => {
        const { principal, accountId } = context;
        if (input.UserName === undefined && principal.kind === "root") return ownKeyOfRoot(principal.accessKeyId);
        const user = await store.get(userKind, accountId, namedOrCaller(input.UserName, context));
        const { items, rest } = pageOf(user.accessKeys, (id) => id, input);
        const keys = await Promise.all(items.map((id) => getKey(accountId, id)));
        const metadata = keys.map(({ status, createdAt }, index) => ({
          UserName: user.name,
          AccessKeyId: items[index],
          Status: status,
          CreateDate: new Date(createdAt),
        }));
        return { AccessKeyMetadata: metadata, ...rest };
      },
    },
    UpdateAccessKey: {
      handle: ({ UserName, AccessKeyId, Status: status }, context) =>
        store.change(originOf(context), async (change) => {
          await getUserOfKey(context, UserName, AccessKeyId);
          const key = await getKey(context.accountId, AccessKeyId);
          change.records.push({
            op: "update",
            key: accessKeyKey(AccessKeyId),
            body: { ...key, status: status === "Active" ? "Active" : "Inactive" },
          });
        }),
    },
    DeleteAccessKey: {
      handle: async ({ UserName, AccessKeyId }, context) => {
        const origin = originOf(context);
        await store.change(origin, async (change) => {
          const user = await getUserOfKey(context, UserName, AccessKeyId);
          change.records.push({ op: "delete", key: accessKeyKey(AccessKeyId) });
          change.update(userKind, { ...user, accessKeys: user.accessKeys.filter((id) => id !== AccessKeyId) });
        });
        await store.writeSilently(
          [
            { op: "delete", key: secretKey(AccessKeyId), ifExists: true },
            uses.forgetting(context.accountId, AccessKeyId),
          ],
          origin,
        );
      },
    },
    GetAccessKeyLastUsed: {
      handle: async ({ AccessKeyId }, { accountId }) => {
        const { userName } = await getKey(accountId, AccessKeyId);
        const use = await uses.ofAccessKey(accountId, AccessKeyId);
        return {
          UserName: userName,
          AccessKeyLastUsed:
            use === undefined
              ? { ServiceName: "N/A", Region: "N/A" }
              : { LastUsedDate: new Date(use.at), ServiceName: use.service, Region: use.region },
        };
      },
    },
  };
}

/** The root user's key stands in the data directory, not in IAM; when it was made nobody has noted. */
function ownKeyOfRoot(accessKeyId: string): { AccessKeyMetadata: AccessKeyMetadata[]; IsTruncated: boolean } {
  const isKey = accessKeyId.startsWith("AKIA");
  return { AccessKeyMetadata: isKey ? [{ AccessKeyId: accessKeyId, Status: "Active" }] : [], IsTruncated: false };
}

function noSuchKey(accessKeyId: string): Error {
  return noSuchEntity(`The Access Key with id ${accessKeyId} cannot be found.`);
}
