/** Users, groups, roles and policies as answers show them. */
import type {
  AttachedPermissionsBoundary,
  AttachedPolicy,
  Group as GroupShape,
  Policy as PolicyShape,
  PolicyVersion as PolicyVersionShape,
  Role as RoleShape,
  RoleLastUsed,
  User as UserShape,
} from "../../protocol/generated/iam.ts";
import {
  type Group,
  type Identity,
  type ManagedPolicy,
  nameOfArn,
  type PolicyVersion,
  type Role,
  type User,
} from "./entities.ts";
import type { LastUse } from "./last-uses.ts";
import { isForServicesOnly } from "./managed-policies/index.ts";
import { countOf, type PolicyUsage } from "./managed-policy-directory.ts";
import { encodePolicyDocument } from "./policy-document.ts";

/** The user as lists show it: without its tags and its boundary. */
export function toUser(user: User): UserShape {
  return {
    Path: user.path,
    UserName: user.name,
    UserId: user.id,
    Arn: user.arn,
    CreateDate: new Date(user.createdAt),
  };
}

export function toGroup(group: Group): GroupShape {
  return {
    Path: group.path,
    GroupName: group.name,
    GroupId: group.id,
    Arn: group.arn,
    CreateDate: new Date(group.createdAt),
  };
}

/** The role as lists show it: without its tags, its boundary and when it was used. */
export function toRole(role: Role): RoleShape {
  return {
    Path: role.path,
    RoleName: role.name,
    RoleId: role.id,
    Arn: role.arn,
    CreateDate: new Date(role.createdAt),
    AssumeRolePolicyDocument: encodePolicyDocument(role.trustPolicy),
    ...(role.description === undefined ? {} : { Description: role.description }),
    MaxSessionDuration: role.maxSessionDuration,
  };
}

/** The policy as lists show it: without its tags and its description. */
export function toPolicy(policy: ManagedPolicy, usage: PolicyUsage | undefined): PolicyShape {
  return {
    PolicyName: policy.name,
    PolicyId: policy.id,
    Arn: policy.arn,
    Path: policy.path,
    DefaultVersionId: policy.defaultVersion,
    AttachmentCount: countOf(usage?.attached),
    PermissionsBoundaryUsageCount: countOf(usage?.boundary),
    IsAttachable: !isForServicesOnly(policy),
    CreateDate: new Date(policy.createdAt),
    UpdateDate: new Date(policy.updatedAt),
  };
}

/** The version as lists show it: without its document. */
export function toPolicyVersion(policy: ManagedPolicy, version: PolicyVersion): PolicyVersionShape {
  return {
    VersionId: version.id,
    IsDefaultVersion: version.id === policy.defaultVersion,
    CreateDate: new Date(version.createdAt),
  };
}

export function boundaryMembers({ boundary }: Identity): { PermissionsBoundary?: AttachedPermissionsBoundary } {
  if (boundary === undefined) return {};
  return {
    PermissionsBoundary: { PermissionsBoundaryType: "PermissionsBoundaryPolicy", PermissionsBoundaryArn: boundary },
  };
}

/** As on AWS, empty for a role that was never used. */
export function lastUsedMember(use: LastUse | undefined): { RoleLastUsed: RoleLastUsed } {
  return { RoleLastUsed: use === undefined ? {} : { LastUsedDate: new Date(use.at), Region: use.region } };
}

export function attachedPolicy(arn: string): Required<AttachedPolicy> {
  return { PolicyArn: arn, PolicyName: nameOfArn(arn) };
}
