/** Roles: identities that are assumed, by whom their trust policy names. */
import type { IAMOperations } from "../../protocol/generated/iam.ts";
import type { OperationTable, RequestContext } from "../../protocol/service.ts";
import { type Role, roleKind } from "./entities.ts";
import { checkUnprotected, checkWithoutPolicies, PolicyOperations } from "./policy-operations.ts";
import { type IamStore, originOf } from "./iam-store.ts";
import type { LastUses } from "./last-uses.ts";
import { checkAttachable } from "./managed-policy-directory.ts";
import { checkTrustPolicy } from "./policy-document.ts";
import { boundaryMembers, lastUsedMember, toRole } from "./shapes.ts";
import { pageOfTags, tagEntity, tagMembers, tagRecord, untagEntity } from "./tags.ts";

export const defaultSessionSeconds = 3600;

export function roleOperations(store: IamStore, uses: LastUses): OperationTable<IAMOperations> {
  const policies = new PolicyOperations(store, roleKind);

  /** Applies a change to the role as it is. */
  const alter = (context: RequestContext, name: string, change: (role: Role) => Role): Promise<Role> =>
    store.change(originOf(context), async (records) => {
      const role = await store.get(roleKind, context.accountId, name);
      checkUnprotected(role);
      const changed = change(role);
      records.update(roleKind, changed);
      return changed;
    });

  return {
    CreateRole: {
      handle: (input, context) =>
        store.change(originOf(context), async (change) => {
          const { accountId } = context;
          const { RoleName: name, AssumeRolePolicyDocument: trustPolicy, PermissionsBoundary: boundary } = input;
          checkTrustPolicy(trustPolicy);
          const tags = tagRecord(input.Tags ?? []);
          if (boundary !== undefined) await checkAttachable(store, accountId, boundary);
          await store.checkNew(roleKind, accountId, name);
          const role = change.create(
            roleKind,
            {
              path: input.Path ?? "/",
              name,
              trustPolicy,
              maxSessionDuration: input.MaxSessionDuration ?? defaultSessionSeconds,
              attachedPolicies: [],
              inlinePolicies: {},
              ...(input.Description === undefined ? {} : { description: input.Description }),
              ...(boundary === undefined ? {} : { boundary }),
            },
            tags,
          );
          return { Role: { ...toRole(role), ...boundaryMembers(role), ...tagMembers(tags) } };
        }),
    },
    GetRole: {
      handle: async ({ RoleName }, { accountId }) => {
        const role = await store.get(roleKind, accountId, RoleName);
        const [tags, lastUse] = await Promise.all([store.tags(role), uses.ofRole(accountId, role.id)]);
        return {
          Role: {
            ...toRole(role),
            ...boundaryMembers(role),
            ...tagMembers(tags),
            ...lastUsedMember(lastUse),
          },
        };
      },
    },
    ListRoles: {
      handle: async (input, { accountId }) => {
        const { items, rest } = await store.list(roleKind, accountId, input);
        return { Roles: items.map(toRole), ...rest };
      },
    },
    DeleteRole: {
      handle: async ({ RoleName }, context) => {
        const origin = originOf(context);
        const { id } = await store.change(origin, async (change) => {
          const role = await store.get(roleKind, context.accountId, RoleName);
          checkUnprotected(role);
          checkWithoutPolicies(role);
          change.delete(roleKind, role);
          return role;
        });
        await store.writeSilently([uses.forgetting(context.accountId, id)], origin);
      },
    },
    UpdateRole: {
      handle: async ({ RoleName, Description: description, MaxSessionDuration }, context) => {
        const maxSessionDuration = MaxSessionDuration ?? defaultSessionSeconds;
        await alter(context, RoleName, (role) => ({
          ...role,
          maxSessionDuration,
          ...(description === undefined ? {} : { description }),
        }));
        return {};
      },
    },
    UpdateRoleDescription: {
      handle: async ({ RoleName, Description: description }, context) => ({
        Role: toRole(await alter(context, RoleName, (role) => ({ ...role, description }))),
      }),
    },
    UpdateAssumeRolePolicy: {
      handle: async ({ RoleName, PolicyDocument: trustPolicy }, context) => {
        checkTrustPolicy(trustPolicy);
        await alter(context, RoleName, (role) => ({ ...role, trustPolicy }));
      },
    },

    AttachRolePolicy: { handle: ({ RoleName, PolicyArn }, context) => policies.attach(context, RoleName, PolicyArn) },
    DetachRolePolicy: { handle: ({ RoleName, PolicyArn }, context) => policies.detach(context, RoleName, PolicyArn) },
    ListAttachedRolePolicies: { handle: (input, context) => policies.listAttached(context, input.RoleName, input) },
    PutRolePolicy: {
      handle: ({ RoleName, PolicyName, PolicyDocument }, context) =>
        policies.put(context, RoleName, PolicyName, PolicyDocument),
    },
    GetRolePolicy: {
      handle: async ({ RoleName, PolicyName }, context) => ({
        RoleName,
        PolicyName,
        ...(await policies.get(context, RoleName, PolicyName)),
      }),
    },
    ListRolePolicies: { handle: (input, context) => policies.list(context, input.RoleName, input) },
    DeleteRolePolicy: {
      handle: ({ RoleName, PolicyName }, context) => policies.delete(context, RoleName, PolicyName),
    },
    PutRolePermissionsBoundary: {
      handle: ({ RoleName, PermissionsBoundary }, context) =>
        policies.putBoundary(context, RoleName, PermissionsBoundary),
    },
    DeleteRolePermissionsBoundary: { handle: ({ RoleName }, context) => policies.deleteBoundary(context, RoleName) },

    TagRole: {
      handle: ({ RoleName, Tags }, context) =>
        tagEntity(store, context, () => store.get(roleKind, context.accountId, RoleName), Tags),
    },
    UntagRole: {
      handle: ({ RoleName, TagKeys }, context) =>
        untagEntity(store, context, () => store.get(roleKind, context.accountId, RoleName), TagKeys),
    },
    ListRoleTags: {
      handle: async (input, { accountId }) =>
        pageOfTags(store, await store.get(roleKind, accountId, input.RoleName), input),
    },
    ListInstanceProfilesForRole: {
      caveat: "instance profiles cannot be made, so the list is always empty",
      handle: async ({ RoleName }, { accountId }) => {
        await store.get(roleKind, accountId, RoleName);
        return { InstanceProfiles: [], IsTruncated: false };
      },
    },
  };
}
