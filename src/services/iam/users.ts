/** Users: identities with access keys of their own. */
import type { IAMOperations, User as UserShape } from "../../protocol/generated/iam.ts";
import type { OperationTable } from "../../protocol/service.ts";
import { entityArn, groupKind, userKind } from "./entities.ts";
import { deleteConflict } from "./errors.ts";
import { accessKeyRenames } from "./access-key-records.ts";
import { namedOrCaller } from "./caller.ts";
import { checkWithoutPolicies, PolicyOperations } from "./policy-operations.ts";
import { type IamStore, originOf } from "./iam-store.ts";
import { checkAttachable } from "./managed-policy-directory.ts";
import { pageOf } from "./marker.ts";
import { boundaryMembers, toGroup, toUser } from "./shapes.ts";
import { pageOfTags, tagEntity, tagMembers, tagRecord, untagEntity } from "./tags.ts";

export function userOperations(store: IamStore): OperationTable<IAMOperations> {
  const policies = new PolicyOperations(store, userKind);
  return {
    CreateUser: {
      handle: (input, context) =>
        store.change(originOf(context), async (change) => {
          const { accountId } = context;
          const { UserName: name, PermissionsBoundary: boundary } = input;
          const tags = tagRecord(input.Tags ?? []);
          if (boundary !== undefined) await checkAttachable(store, accountId, boundary);
          await store.checkNew(userKind, accountId, name);
          const user = change.create(
            userKind,
            {
              path: input.Path ?? "/",
              name,
              attachedPolicies: [],
              inlinePolicies: {},
              groups: [],
              accessKeys: [],
              ...(boundary === undefined ? {} : { boundary }),
            },
            tags,
          );
          return { User: { ...toUser(user), ...boundaryMembers(user), ...tagMembers(tags) } };
        }),
    },
    GetUser: {
      handle: async ({ UserName }, context) => {
        const { accountId, principal } = context;
        if (UserName === undefined && principal.kind === "root") return { User: rootUser(accountId) };
        const user = await store.get(userKind, accountId, namedOrCaller(UserName, context));
        return { User: { ...toUser(user), ...boundaryMembers(user), ...tagMembers(await store.tags(user)) } };
      },
    },
    ListUsers: {
      handle: async (input, { accountId }) => {
        const { items, rest } = await store.list(userKind, accountId, input);
        return { Users: items.map(toUser), ...rest };
      },
    },
    UpdateUser: {
      handle: ({ UserName, NewUserName, NewPath }, context) =>
        store.change(originOf(context), async (change) => {
          const { accountId } = context;
          const user = await store.get(userKind, accountId, UserName);
          const name = NewUserName ?? user.name;
          const path = NewPath ?? user.path;
          if (name.toLowerCase() !== user.name.toLowerCase()) await store.checkFree(userKind, accountId, name);
          const renamed = { ...user, name, path, arn: entityArn(accountId, userKind, path, name) };
          change.rename(userKind, user, renamed, await store.tags(user));
          change.records.push(...(await accessKeyRenames(store, renamed)));
        }),
    },
    DeleteUser: {
      handle: ({ UserName }, context) =>
        store.change(originOf(context), async (change) => {
          const user = await store.get(userKind, context.accountId, UserName);
          checkWithoutPolicies(user);
          if (user.accessKeys.length > 0) {
            throw deleteConflict("Cannot delete entity, must delete access keys first.");
          }
          if (user.groups.length > 0) {
            throw deleteConflict("Cannot delete entity, must remove users from group first.");
          }
          change.delete(userKind, user);
        }),
    },
    ListGroupsForUser: {
      handle: async (input, { accountId }) => {
        const { groups } = await store.get(userKind, accountId, input.UserName);
        const { items, rest } = pageOf(groups, (name) => name, input);
        const found = await Promise.all(items.map((name) => store.get(groupKind, accountId, name)));
        return { Groups: found.map(toGroup), ...rest };
      },
    },

    AttachUserPolicy: { handle: ({ UserName, PolicyArn }, context) => policies.attach(context, UserName, PolicyArn) },
    DetachUserPolicy: { handle: ({ UserName, PolicyArn }, context) => policies.detach(context, UserName, PolicyArn) },
    ListAttachedUserPolicies: { handle: (input, context) => policies.listAttached(context, input.UserName, input) },
    PutUserPolicy: {
      handle: ({ UserName, PolicyName, PolicyDocument }, context) =>
        policies.put(context, UserName, PolicyName, PolicyDocument),
    },
    GetUserPolicy: {
      handle: async ({ UserName, PolicyName }, context) => ({
        UserName,
        PolicyName,
        ...(await policies.get(context, UserName, PolicyName)),
      }),
    },
    ListUserPolicies: { handle: (input, context) => policies.list(context, input.UserName, input) },
    DeleteUserPolicy: {
      handle: ({ UserName, PolicyName }, context) => policies.delete(context, UserName, PolicyName),
    },
    PutUserPermissionsBoundary: {
      handle: ({ UserName, PermissionsBoundary }, context) =>
        policies.putBoundary(context, UserName, PermissionsBoundary),
    },
    DeleteUserPermissionsBoundary: { handle: ({ UserName }, context) => policies.deleteBoundary(context, UserName) },

    TagUser: {
      handle: ({ UserName, Tags }, context) =>
        tagEntity(store, context, () => store.get(userKind, context.accountId, UserName), Tags),
    },
    UntagUser: {
      handle: ({ UserName, TagKeys }, context) =>
        untagEntity(store, context, () => store.get(userKind, context.accountId, UserName), TagKeys),
    },
    ListUserTags: {
      handle: async (input, { accountId }) =>
        pageOfTags(store, await store.get(userKind, accountId, input.UserName), input),
    },
  };
}

/** As on AWS, the root user has no name and no path; when the account was made nobody has noted. */
function rootUser(accountId: string): UserShape {
  return { UserId: accountId, Arn: `arn:aws:iam::${accountId}:root` } as UserShape;
}
