/** Managed policies: those of the account with their versions, and those of AWS to look at. */
import type { IAMOperations } from "../../protocol/generated/iam.ts";
import type { OperationTable, RequestContext } from "../../protocol/service.ts";
import { type ManagedPolicy, policyKind, type PolicyVersion } from "./entities.ts";
import { deleteConflict, limitExceeded, noSuchEntity } from "./errors.ts";
import { type Change, type IamStore, originOf } from "./iam-store.ts";
import { awsManagedPolicies } from "./managed-policies/index.ts";
import { countOf, getManagedPolicy, getOwnPolicy, policyUsage, type PolicyUsage } from "./managed-policy-directory.ts";
import { pageOf } from "./marker.ts";
import { checkManagedPolicy, encodePolicyDocument } from "./policy-document.ts";
import { quotas } from "./quotas.ts";
import { toPolicy, toPolicyVersion } from "./shapes.ts";
import { pageOfTags, tagEntity, tagMembers, tagRecord, untagEntity } from "./tags.ts";

export function policyOperations(store: IamStore): OperationTable<IAMOperations> {
  /** Applies a change to an own policy as it is. */
  const alter = <Result>(
    context: RequestContext,
    arn: string,
    decide: (policy: ManagedPolicy, change: Change) => { policy: ManagedPolicy; result: Result },
  ): Promise<Result> =>
    store.change(originOf(context), async (change) => {
      const { policy, result } = decide(await getOwnPolicy(store, context.accountId, arn), change);
      change.update(policyKind, policy);
      return result;
    });

  return {
    CreatePolicy: {
      handle: (input, context) =>
        store.change(originOf(context), async (change) => {
          const { PolicyName: name, PolicyDocument: document, Path: path = "/" } = input;
          checkManagedPolicy(document);
          const tags = tagRecord(input.Tags ?? []);
          await store.checkNew(policyKind, context.accountId, name);
          const policy = change.create(
            policyKind,
            {
              path,
              name,
              updatedAt: change.now,
              defaultVersion: "v1",
              versions: [{ id: "v1", document, createdAt: change.now }],
              lastVersion: 1,
              ...(input.Description === undefined ? {} : { description: input.Description }),
            },
            tags,
          );
          return { Policy: { ...toPolicy(policy, undefined), ...descriptionMember(policy), ...tagMembers(tags) } };
        }),
    },
    GetPolicy: {
      handle: async ({ PolicyArn }, { accountId }) => {
        const policy = await getManagedPolicy(store, accountId, PolicyArn);
        const [tags, usage] = await Promise.all([store.tags(policy), policyUsage(store, accountId)]);
        const shape = toPolicy(policy, usage.get(policy.arn));
        return { Policy: { ...shape, ...descriptionMember(policy), ...tagMembers(tags) } };
      },
    },
    ListPolicies: {
      handle: async (input, { accountId }) => {
        const { Scope = "All", PathPrefix = "/" } = input;
        const usage = await policyUsage(store, accountId);
        const found: { order: string; shape: ReturnType<typeof toPolicy> }[] = [];
        const add = (policy: ManagedPolicy, order: string) => {
          const used = usage.get(policy.arn);
          if (!policy.path.startsWith(PathPrefix) || !isUsedAs(used, input)) return;
          found.push({ order: `${order} ${policy.name.toLowerCase()}`, shape: toPolicy(policy, used) });
        };
        if (Scope !== "AWS") for await (const policy of store.all(policyKind, accountId)) add(policy, "1");
        if (Scope !== "Local") for (const policy of awsManagedPolicies().values()) add(policy, "2");
        const { items, rest } = pageOf(found, ({ order }) => order, input);
        return { Policies: items.map(({ shape }) => shape), ...rest };
      },
    },
    DeletePolicy: {
      handle: ({ PolicyArn }, context) =>
        store.change(originOf(context), async (change) => {
          const { accountId } = context;
          const policy = await getOwnPolicy(store, accountId, PolicyArn);
          const used = (await policyUsage(store, accountId)).get(policy.arn);
          if (countOf(used?.attached) + countOf(used?.boundary) > 0) {
            throw deleteConflict("Cannot delete a policy attached to entities.");
          }
          if (policy.versions.length > 1) {
            throw deleteConflict(
              "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
            );
          }
          change.delete(policyKind, policy);
        }),
    },

    CreatePolicyVersion: {
      handle: ({ PolicyArn, PolicyDocument: document, SetAsDefault = false }, context) => {
        checkManagedPolicy(document);
        return alter(context, PolicyArn, (policy, { now }) => {
          if (policy.versions.length >= quotas.versionsPerPolicy) {
            throw limitExceeded(
              `A managed policy can have up to ${quotas.versionsPerPolicy} versions. Before you create a new version, you must delete an existing version.`,
            );
          }
          const lastVersion = policy.lastVersion + 1;
          const version: PolicyVersion = { id: `v${lastVersion}`, document, createdAt: now };
          const changed: ManagedPolicy = {
            ...policy,
            lastVersion,
            updatedAt: now,
            versions: [...policy.versions, version],
            ...(SetAsDefault ? { defaultVersion: version.id } : {}),
          };
          return { policy: changed, result: { PolicyVersion: toPolicyVersion(changed, version) } };
        });
      },
    },
    GetPolicyVersion: {
      handle: async ({ PolicyArn, VersionId }, { accountId }) => {
        const policy = await getManagedPolicy(store, accountId, PolicyArn);
        const version = getVersion(policy, VersionId);
        const Document = encodePolicyDocument(version.document);
        return { PolicyVersion: { Document, ...toPolicyVersion(policy, version) } };
      },
    },
    ListPolicyVersions: {
      handle: async (input, { accountId }) => {
        const policy = await getManagedPolicy(store, accountId, input.PolicyArn);
        // The newest first.
        const order = ({ id }: PolicyVersion) => String(1e9 - Number(id.slice(1)));
        const { items, rest } = pageOf(policy.versions, order, input);
        return { Versions: items.map((version) => toPolicyVersion(policy, version)), ...rest };
      },
    },
    SetDefaultPolicyVersion: {
      handle: ({ PolicyArn, VersionId }, context) =>
        alter(context, PolicyArn, (policy, { now }) => {
          const { id: defaultVersion } = getVersion(policy, VersionId);
          return { policy: { ...policy, defaultVersion, updatedAt: now }, result: undefined };
        }),
    },
    DeletePolicyVersion: {
      handle: ({ PolicyArn, VersionId }, context) =>
        alter(context, PolicyArn, (policy, { now }) => {
          const { id } = getVersion(policy, VersionId);
          if (id === policy.defaultVersion) throw deleteConflict("Cannot delete the default version of a policy.");
          const versions = policy.versions.filter((version) => version.id !== id);
          return { policy: { ...policy, versions, updatedAt: now }, result: undefined };
        }),
    },

    ListEntitiesForPolicy: {
      handle: async (input, { accountId }) => {
        const { arn } = await getManagedPolicy(store, accountId, input.PolicyArn);
        const usage = (await policyUsage(store, accountId)).get(arn);
        const { EntityFilter, PathPrefix = "/", PolicyUsageFilter: as } = input;
        const uses = [
          ...(as === "PermissionsBoundary" ? [] : [usage?.attached]),
          ...(as === "PermissionsPolicy" ? [] : [usage?.boundary]),
        ];
        const wanted = (["Group", "User", "Role"] as const).filter(
          (type) => EntityFilter === undefined || EntityFilter === type,
        );
        const found = wanted.flatMap((type) => {
          const list = ({ Group: "groups", User: "users", Role: "roles" } as const)[type];
          const entities = new Map(uses.flatMap((use) => use?.[list] ?? []).map((entity) => [entity.id, entity]));
          return [...entities.values()].map(({ name, id, path }) => ({ type, name, id, path }));
        });
        const { items, rest } = pageOf(
          found.filter(({ path }) => path.startsWith(PathPrefix)),
          ({ type, name }) => `${type} ${name}`,
          input,
        );
        const of = (type: "Group" | "User" | "Role") => items.filter((item) => item.type === type);
        return {
          PolicyGroups: of("Group").map(({ name, id }) => ({ GroupName: name, GroupId: id })),
          PolicyUsers: of("User").map(({ name, id }) => ({ UserName: name, UserId: id })),
          PolicyRoles: of("Role").map(({ name, id }) => ({ RoleName: name, RoleId: id })),
          ...rest,
        };
      },
    },

    TagPolicy: {
      handle: ({ PolicyArn, Tags }, context) =>
        tagEntity(store, context, () => getOwnPolicy(store, context.accountId, PolicyArn), Tags),
    },
    UntagPolicy: {
      handle: ({ PolicyArn, TagKeys }, context) =>
        untagEntity(store, context, () => getOwnPolicy(store, context.accountId, PolicyArn), TagKeys),
    },
    ListPolicyTags: {
      handle: async (input, { accountId }) =>
        pageOfTags(store, await getManagedPolicy(store, accountId, input.PolicyArn), input),
    },
  };
}

function descriptionMember({ description }: ManagedPolicy): { Description?: string } {
  return description === undefined ? {} : { Description: description };
}

function isUsedAs(
  usage: PolicyUsage | undefined,
  filter: { readonly OnlyAttached?: boolean; readonly PolicyUsageFilter?: string },
): boolean {
  if (filter.OnlyAttached === true && countOf(usage?.attached) === 0) return false;
  if (filter.PolicyUsageFilter === "PermissionsPolicy") return countOf(usage?.attached) > 0;
  return filter.PolicyUsageFilter !== "PermissionsBoundary" || countOf(usage?.boundary) > 0;
}

/** @throws AwsError NoSuchEntity */
function getVersion(policy: ManagedPolicy, versionId: string): PolicyVersion {
  const version = policy.versions.find(({ id }) => id === versionId);
  if (version !== undefined) return version;
  throw noSuchEntity(`Policy ${policy.arn} version ${versionId} does not exist or is not attachable.`);
}
