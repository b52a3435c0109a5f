/**
 * What policies may ask of the content of a SageMaker request: condition keys, and the roles that it hands over.
 *
 * Members mean the same wherever they stand in an input, so one walk over it finds them all.
 * Source: Service Authorization Reference, "Condition keys for Amazon SageMaker AI".
 */
import { requestTagConditions } from "../../../resources/tag-conditions.ts";

/** Condition keys by the member that holds their value. */
const keysByMember: Readonly<Record<string, string>> = {
  AcceleratorType: "sagemaker:AcceleratorTypes",
  AcceleratorTypes: "sagemaker:AcceleratorTypes",
  AppNetworkAccessType: "sagemaker:AppNetworkAccess",
  DirectInternetAccess: "sagemaker:DirectInternetAccess",
  DirectoryPath: "sagemaker:FileSystemDirectoryPath",
  EnableInterContainerTrafficEncryption: "sagemaker:InterContainerTrafficEncryption",
  EnableNetworkIsolation: "sagemaker:NetworkIsolation",
  EnableRemoteDebug: "sagemaker:EnableRemoteDebug",
  FileSystemAccessMode: "sagemaker:FileSystemAccessMode",
  FileSystemId: "sagemaker:FileSystemId",
  FileSystemType: "sagemaker:FileSystemType",
  HomeEfsFileSystemKmsKeyId: "sagemaker:HomeEfsFileSystemKmsKey",
  InstanceType: "sagemaker:InstanceTypes",
  KeepAlivePeriodInSeconds: "sagemaker:KeepAlivePeriod",
  MaxConcurrency: "sagemaker:ServerlessMaxConcurrency",
  MaxRuntimeInSeconds: "sagemaker:MaxRuntimeInSeconds",
  MemorySizeInMB: "sagemaker:ServerlessMemorySize",
  MinimumInstanceMetadataServiceVersion: "sagemaker:MinimumInstanceMetadataServiceVersion",
  ModelApprovalStatus: "sagemaker:ModelApprovalStatus",
  RootAccess: "sagemaker:RootAccess",
  SecurityGroupIds: "sagemaker:VpcSecurityGroupIds",
  SubnetId: "sagemaker:VpcSubnets",
  Subnets: "sagemaker:VpcSubnets",
  TargetModel: "sagemaker:TargetModel",
  VolumeKmsKeyId: "sagemaker:VolumeKmsKey",
  WorkteamArn: "sagemaker:WorkteamArn",
};

/** Whose own words these are: names in them are the user's. */
const userMaps: ReadonlySet<string> = new Set([
  "CustomerMetadataProperties",
  "Environment",
  "HyperParameters",
  "MetadataProperties",
  "Parameters",
  "Properties",
  "StaticHyperParameters",
]);

/** Roles of somebody else's account, that the request only names. */
const namedRoles: ReadonlySet<string> = new Set(["AssumableRoleArns", "CrossAccountModelRegisterRoleArn"]);

const roleMember = /Role(?:A(?:rn|RN)s?)?$/;
const roleArn = /^arn:aws[a-z-]*:iam::\d{12}:role\/.+$/;

export interface RequestFacts {
  readonly conditions: Readonly<Record<string, string | readonly string[]>>;
  /** ARNs of the roles that the service is to act under, each once. */
  readonly roles: readonly string[];
}

export function requestFacts(input: Readonly<Record<string, unknown>>): RequestFacts {
  const found = new Map<string, string[]>();
  const roles = new Set<string>();
  const note = (member: string, parent: string, value: string) => {
    if (roleMember.test(member) && !namedRoles.has(member) && roleArn.test(value)) roles.add(value);
    const key = member === "KmsKeyId" ? kmsKeyOf(parent) : keysByMember[member];
    if (key !== undefined) found.set(key, [...(found.get(key) ?? []), value]);
  };
  const walk = (value: unknown, member: string, parent: string): void => {
    if (Array.isArray(value)) {
      for (const item of value) walk(item, member, parent);
    } else if (typeof value === "object" && value !== null) {
      if (value instanceof Date || value instanceof Uint8Array || userMaps.has(member)) return;
      for (const [name, inner] of Object.entries(value)) walk(inner, name, member);
    } else if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
      note(member, parent, String(value));
    }
  };
  for (const [name, value] of Object.entries(input)) walk(value, name, "");
  const conditions = Object.fromEntries(
    [...found].map(([key, values]) => [key, values.length === 1 && !lists.has(key) ? values[0] : values]),
  );
  return { conditions: { ...conditions, ...requestTagConditions(input["Tags"], input["TagKeys"]) }, roles: [...roles] };
}

/** Keys that are lists for policies even when there is one value. */
const lists: ReadonlySet<string> = new Set([
  "sagemaker:AcceleratorTypes",
  "sagemaker:InstanceTypes",
  "sagemaker:VpcSecurityGroupIds",
  "sagemaker:VpcSubnets",
]);

/** Of an output, or of the volume that a resource has. */
function kmsKeyOf(parent: string): string | undefined {
  if (parent === "") return "sagemaker:VolumeKmsKey";
  return /Output/.test(parent) ? "sagemaker:OutputKmsKey" : undefined;
}
