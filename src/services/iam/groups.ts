/** Groups of users: what a group may do, its members may. */
import type { IAMOperations } from "../../protocol/generated/iam.ts";
import type { OperationTable } from "../../protocol/service.ts";
import { entityArn, type Group, groupKind, userKind } from "./entities.ts";
import { deleteConflict, quotaExceeded } from "./errors.ts";
import { checkWithoutPolicies, PolicyOperations } from "./policy-operations.ts";
import { type IamStore, originOf } from "./iam-store.ts";
import { quotas } from "./quotas.ts";
import { toGroup, toUser } from "./shapes.ts";

export function groupOperations(store: IamStore): OperationTable<IAMOperations> {
  const policies = new PolicyOperations(store, groupKind);

  async function* membersOf(accountId: string, group: Group) {
    for await (const user of store.all(userKind, accountId)) if (user.groups.includes(group.name)) yield user;
  }

  return {
    CreateGroup: {
      handle: ({ GroupName: name, Path: path = "/" }, context) =>
        store.change(originOf(context), async (change) => {
          await store.checkNew(groupKind, context.accountId, name);
          return { Group: toGroup(change.create(groupKind, { path, name, attachedPolicies: [], inlinePolicies: {} })) };
        }),
    },
    GetGroup: {
      handle: async ({ GroupName, ...input }, { accountId }) => {
        const group = await store.get(groupKind, accountId, GroupName);
        const isMember = ({ groups }: { readonly groups: readonly string[] }) => groups.includes(group.name);
        const { items, rest } = await store.list(userKind, accountId, input, isMember);
        return { Group: toGroup(group), Users: items.map(toUser), ...rest };
      },
    },
    ListGroups: {
      handle: async (input, { accountId }) => {
        const { items, rest } = await store.list(groupKind, accountId, input);
        return { Groups: items.map(toGroup), ...rest };
      },
    },
    UpdateGroup: {
      handle: ({ GroupName, NewGroupName, NewPath }, context) =>
        store.change(originOf(context), async (change) => {
          const { accountId } = context;
          const group = await store.get(groupKind, accountId, GroupName);
          const name = NewGroupName ?? group.name;
          const path = NewPath ?? group.path;
          if (name.toLowerCase() !== group.name.toLowerCase()) await store.checkFree(groupKind, accountId, name);
          change.rename(
            groupKind,
            group,
            { ...group, name, path, arn: entityArn(accountId, groupKind, path, name) },
            {},
          );
          if (name === group.name) return;
          for await (const user of membersOf(accountId, group)) {
            change.update(userKind, {
              ...user,
              groups: user.groups.map((member) => (member === group.name ? name : member)),
            });
          }
        }),
    },
    DeleteGroup: {
      handle: ({ GroupName }, context) =>
        store.change(originOf(context), async (change) => {
          const group = await store.get(groupKind, context.accountId, GroupName);
          checkWithoutPolicies(group);
          for await (const _ of membersOf(context.accountId, group)) {
            throw deleteConflict("Cannot delete entity, must remove users from group first.");
          }
          change.delete(groupKind, group);
        }),
    },
    AddUserToGroup: {
      handle: ({ GroupName, UserName }, context) =>
        store.change(originOf(context), async (change) => {
          const group = await store.get(groupKind, context.accountId, GroupName);
          const user = await store.get(userKind, context.accountId, UserName);
          if (user.groups.includes(group.name)) return;
          if (user.groups.length >= quotas.groupsPerUser) {
            throw quotaExceeded("GroupsPerUser", quotas.groupsPerUser);
          }
          change.update(userKind, { ...user, groups: [...user.groups, group.name] });
        }),
    },
    RemoveUserFromGroup: {
      handle: ({ GroupName, UserName }, context) =>
        store.change(originOf(context), async (change) => {
          const group = await store.get(groupKind, context.accountId, GroupName);
          const user = await store.get(userKind, context.accountId, UserName);
          if (!user.groups.includes(group.name)) return;
          change.update(userKind, { ...user, groups: user.groups.filter((name) => name !== group.name) });
        }),
    },

    AttachGroupPolicy: {
      handle: ({ GroupName, PolicyArn }, context) => policies.attach(context, GroupName, PolicyArn),
    },
    DetachGroupPolicy: {
      handle: ({ GroupName, PolicyArn }, context) => policies.detach(context, GroupName, PolicyArn),
    },
    ListAttachedGroupPolicies: { handle: (input, context) => policies.listAttached(context, input.GroupName, input) },
    PutGroupPolicy: {
      handle: ({ GroupName, PolicyName, PolicyDocument }, context) =>
        policies.put(context, GroupName, PolicyName, PolicyDocument),
    },
    GetGroupPolicy: {
      handle: async ({ GroupName, PolicyName }, context) => ({
        GroupName,
        PolicyName,
        ...(await policies.get(context, GroupName, PolicyName)),
      }),
    },
    ListGroupPolicies: { handle: (input, context) => policies.list(context, input.GroupName, input) },
    DeleteGroupPolicy: {
      handle: ({ GroupName, PolicyName }, context) => policies.delete(context, GroupName, PolicyName),
    },
  };
}
