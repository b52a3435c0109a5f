/** Everything at once: all users, groups, roles and policies of the account, page by page. */
import type {
  EntityType,
  GetAccountAuthorizationDetailsResponse,
  IAMOperations,
  ManagedPolicyDetail,
  PolicyDetail,
} from "../../protocol/generated/iam.ts";
import type { OperationTable } from "../../protocol/service.ts";
import {
  type EntityKind,
  type Entity,
  groupKind,
  type Identity,
  type ManagedPolicy,
  policyKind,
  roleKind,
  userKind,
} from "./entities.ts";
import type { IamStore } from "./iam-store.ts";
import type { LastUses } from "./last-uses.ts";
import { awsManagedPolicies } from "./managed-policies/index.ts";
import { countOf, policyUsage, type PolicyUsage } from "./managed-policy-directory.ts";
import { defaultMaxItems, readMarker, writeMarker } from "./marker.ts";
import { encodePolicyDocument } from "./policy-document.ts";
import { attachedPolicy, boundaryMembers, lastUsedMember, toPolicy, toPolicyVersion, toRole } from "./shapes.ts";
import { tagMembers } from "./tags.ts";

type Details = Required<Omit<GetAccountAuthorizationDetailsResponse, "Marker">> & { Marker?: string };

/** Adds one thing to the answer. */
type Show = (answer: Details) => void | Promise<void>;

/** One kind of things, in order; each with a name to go on after. */
interface Section {
  readonly filter: EntityType;
  /** @param after the last name that was shown */
  items(after: string | undefined): AsyncIterable<{ readonly name: string; readonly show: Show }>;
}

export function authorizationDetailsOperations(store: IamStore, uses: LastUses): OperationTable<IAMOperations> {
  return {
    GetAccountAuthorizationDetails: {
      handle: async ({ Filter, MaxItems = defaultMaxItems, Marker }, { accountId }) => {
        const sections = sectionsOf(store, uses, accountId).filter(
          ({ filter }) => Filter === undefined || Filter.length === 0 || Filter.includes(filter),
        );
        const answer: Details = {
          UserDetailList: [],
          GroupDetailList: [],
          RoleDetailList: [],
          Policies: [],
          IsTruncated: false,
        };
        // A marker is the section and the last name of it that was shown.
        const [fromSection, after] = (readMarker(Marker) ?? "").split(" ");
        const first = sections.findIndex(({ filter }) => filter === fromSection);
        let shown = 0;
        let last = "";
        for (const [index, section] of sections.entries()) {
          if (index < first) continue;
          for await (const { name, show } of section.items(index === first ? after : undefined)) {
            if (shown === MaxItems) return { ...answer, IsTruncated: true, Marker: writeMarker(last) };
            await show(answer);
            shown += 1;
            last = `${section.filter} ${name}`;
          }
        }
        return answer;
      },
    },
  };
}

function sectionsOf(store: IamStore, uses: LastUses, accountId: string): readonly Section[] {
  let usage: Promise<ReadonlyMap<string, PolicyUsage>> | undefined;
  const policyDetail = async (policy: ManagedPolicy): Promise<ManagedPolicyDetail> => {
    usage ??= policyUsage(store, accountId);
    return {
      ...toPolicy(policy, (await usage).get(policy.arn)),
      ...(policy.description === undefined ? {} : { Description: policy.description }),
      PolicyVersionList: policy.versions.map((version) => ({
        Document: encodePolicyDocument(version.document),
        ...toPolicyVersion(policy, version),
      })),
    };
  };
  async function* stored<Body extends Entity>(
    kind: EntityKind<Body>,
    after: string | undefined,
    show: (body: Body, answer: Details) => Promise<void> | void,
  ) {
    for await (const body of store.all(kind, accountId, after)) {
      yield { name: body.name.toLowerCase(), show: (answer: Details) => show(body, answer) };
    }
  }

  return [
    {
      filter: "User",
      items: (after) =>
        stored(userKind, after, async (user, { UserDetailList }) => {
          UserDetailList.push({
            ...entityMembers(user),
            UserName: user.name,
            UserId: user.id,
            GroupList: [...user.groups],
            ...(user.boundary === undefined ? {} : boundaryMembers(user)),
            UserPolicyList: inlineDetails(user),
            AttachedManagedPolicies: user.attachedPolicies.map(attachedPolicy),
            ...tagMembers(await store.tags(user)),
          });
        }),
    },
    {
      filter: "Group",
      items: (after) =>
        stored(groupKind, after, (group, { GroupDetailList }) => {
          GroupDetailList.push({
            ...entityMembers(group),
            GroupName: group.name,
            GroupId: group.id,
            GroupPolicyList: inlineDetails(group),
            AttachedManagedPolicies: group.attachedPolicies.map(attachedPolicy),
          });
        }),
    },
    {
      filter: "Role",
      items: (after) =>
        stored(roleKind, after, async (role, { RoleDetailList }) => {
          const { Description: _, MaxSessionDuration: __, ...shape } = toRole(role);
          RoleDetailList.push({
            ...shape,
            ...boundaryMembers(role),
            InstanceProfileList: [],
            RolePolicyList: inlineDetails(role),
            AttachedManagedPolicies: role.attachedPolicies.map(attachedPolicy),
            ...tagMembers(await store.tags(role)),
            ...lastUsedMember(await uses.ofRole(accountId, role.id)),
          });
        }),
    },
    {
      filter: "LocalManagedPolicy",
      items: (after) =>
        stored(policyKind, after, async (policy, { Policies }) => {
          Policies.push(await policyDetail(policy));
        }),
    },
    {
      filter: "AWSManagedPolicy",
      // Those in use, as on AWS: all the others say nothing about this account.
      async *items(after) {
        usage ??= policyUsage(store, accountId);
        const used = await usage;
        for (const policy of awsManagedPolicies().values()) {
          if (after !== undefined && policy.name <= after) continue;
          const use = used.get(policy.arn);
          if (countOf(use?.attached) + countOf(use?.boundary) === 0) continue;
          yield {
            name: policy.name,
            show: async ({ Policies }: Details) => void Policies.push(await policyDetail(policy)),
          };
        }
      },
    },
  ];
}

function entityMembers({ path, arn, createdAt }: Entity): { Path: string; Arn: string; CreateDate: Date } {
  return { Path: path, Arn: arn, CreateDate: new Date(createdAt) };
}

function inlineDetails({ inlinePolicies }: Identity): PolicyDetail[] {
  return Object.entries(inlinePolicies).map(([PolicyName, document]) => ({
    PolicyName,
    PolicyDocument: encodePolicyDocument(document),
  }));
}
