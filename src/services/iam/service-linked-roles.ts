/** Roles that belong to a service: it alone decides what they may do. Those of SageMaker's services can be made. */
import { randomUUID } from "node:crypto";
import type { IAMOperations } from "../../protocol/generated/iam.ts";
import type { OperationTable } from "../../protocol/service.ts";
import { roleKind } from "./entities.ts";
import { invalidInput, noSuchEntity } from "./errors.ts";
import { type IamStore, originOf } from "./iam-store.ts";
import type { LastUses } from "./last-uses.ts";
import { defaultSessionSeconds } from "./roles.ts";
import { toRole } from "./shapes.ts";

/** Source: IAM User Guide, "AWS services that work with IAM", and the pages it leads to. */
const serviceLinkedRoles: Readonly<Record<string, { readonly roleName: string; readonly policy: string }>> = {
  "sagemaker.amazonaws.com": {
    roleName: "AWSServiceRoleForAmazonSageMakerNotebooks",
    policy: "AmazonSageMakerNotebooksServiceRolePolicy",
  },
  "hyperpod.sagemaker.amazonaws.com": {
    roleName: "AWSServiceRoleForSageMakerHyperPod",
    policy: "AmazonSageMakerHyperPodServiceRolePolicy",
  },
  "sagemaker.application-autoscaling.amazonaws.com": {
    roleName: "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
    policy: "AWSApplicationAutoscalingSageMakerEndpointPolicy",
  },
};

/** undefined for a service whose roles are not offered here */
export function serviceLinkedRoleName(service: string): string | undefined {
  return Object.hasOwn(serviceLinkedRoles, service) ? serviceLinkedRoles[service].roleName : undefined;
}

export function serviceLinkedRoleOperations(store: IamStore, uses: LastUses): OperationTable<IAMOperations> {
  return {
    CreateServiceLinkedRole: {
      refuses: [{ parameter: "CustomSuffix", because: "none of the services offered here takes a suffix" }],
      caveat: `only for ${Object.keys(serviceLinkedRoles).join(", ")}`,
      handle: ({ AWSServiceName: service, Description: description }, context) =>
        store.change(originOf(context), async (change) => {
          if (!Object.hasOwn(serviceLinkedRoles, service)) {
            throw invalidInput(
              `Service-linked roles of ${service} are not supported by Sagebrush; those of ${Object.keys(serviceLinkedRoles).join(", ")} are.`,
            );
          }
          const { roleName, policy } = serviceLinkedRoles[service];
          if ((await store.find(roleKind, context.accountId, roleName)) !== undefined) {
            throw invalidInput(
              `Service role name ${roleName} has been taken in this account, please try a different suffix.`,
            );
          }
          await store.checkNew(roleKind, context.accountId, roleName);
          const trustPolicy = JSON.stringify({
            Version: "2012-10-17",
            Statement: [{ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" }],
          });
          const role = change.create(roleKind, {
            path: `/aws-service-role/${service}/`,
            name: roleName,
            service,
            trustPolicy,
            maxSessionDuration: defaultSessionSeconds,
            attachedPolicies: [`arn:aws:iam::aws:policy/aws-service-role/${policy}`],
            inlinePolicies: {},
            ...(description === undefined ? {} : { description }),
          });
          return { Role: toRole(role) };
        }),
    },
    DeleteServiceLinkedRole: {
      handle: async ({ RoleName }, context) => {
        const origin = originOf(context);
        const role = await store.change(origin, async (change) => {
          const found = await store.get(roleKind, context.accountId, RoleName);
          if (found.service === undefined) throw invalidInput(`The role ${RoleName} is not a service-linked role.`);
          change.delete(roleKind, found);
          return found;
        });
        await store.writeSilently([uses.forgetting(context.accountId, role.id)], origin);
        // Nothing here keeps a service-linked role in use, so the deletion is over at once.
        return { DeletionTaskId: `task${role.path}${role.name}/${randomUUID()}` };
      },
    },
    GetServiceLinkedRoleDeletionStatus: {
      handle: ({ DeletionTaskId }) => {
        if (!/^task\/aws-service-role\/[\w.-]{1,200}\/[\w+=,.@-]{1,64}\/[0-9a-f-]{36}$/.test(DeletionTaskId)) {
          throw noSuchEntity(`The deletion task with id ${DeletionTaskId} cannot be found.`);
        }
        return { Status: "SUCCEEDED" };
      },
    },
  };
}
