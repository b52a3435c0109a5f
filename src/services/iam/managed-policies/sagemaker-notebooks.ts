/** What SageMaker does for notebooks. */
import { allow, type AwsPolicy } from "./statements.ts";

export const sagemakerNotebooksPolicies: readonly AwsPolicy[] = [
  {
    name: "AmazonSageMakerNotebooksServiceRolePolicy",
    path: "/aws-service-role/",
    asOf: "2026-04-16",
    about: "What Studio does for an account.",
    statements: [
      allow({ fsx: "DescribeFileSystems" }, "*", {
        StringEquals: { "aws:ResourceAccount": "${aws:PrincipalAccount}" },
      }),
      allow({ sagemaker: "DeleteApp" }, "arn:aws:sagemaker:*:*:app/*"),
      allow({ elasticfilesystem: "CreateAccessPoint" }, "arn:aws:elasticfilesystem:*:*:file-system/*", {
        StringLike: {
          "aws:RequestTag/ManagedByAmazonSageMakerResource": "*",
          "aws:ResourceTag/ManagedByAmazonSageMakerResource": "*",
        },
      }),
      allow({ elasticfilesystem: "DeleteAccessPoint" }, "arn:aws:elasticfilesystem:*:*:access-point/*", {
        StringLike: { "aws:ResourceTag/ManagedByAmazonSageMakerResource": "*" },
      }),
      allow({ elasticfilesystem: "CreateFileSystem" }, "*", {
        StringLike: { "aws:RequestTag/ManagedByAmazonSageMakerResource": "*" },
      }),
      allow({ elasticfilesystem: "CreateMountTarget DeleteFileSystem DeleteMountTarget" }, "*", {
        StringLike: { "aws:ResourceTag/ManagedByAmazonSageMakerResource": "*" },
      }),
      allow({ elasticfilesystem: "DescribeAccessPoints DescribeFileSystems DescribeMountTargets" }),
      allow(
        { elasticfilesystem: "TagResource" },
        ["arn:aws:elasticfilesystem:*:*:access-point/*", "arn:aws:elasticfilesystem:*:*:file-system/*"],
        { StringLike: { "aws:ResourceTag/ManagedByAmazonSageMakerResource": "*" } },
      ),
      allow({ ec2: "CreateTags" }, ["arn:aws:ec2:*:*:network-interface/*", "arn:aws:ec2:*:*:security-group/*"]),
      allow({
        ec2: [
          "CreateNetworkInterface CreateSecurityGroup DeleteNetworkInterface DescribeDhcpOptions",
          "DescribeNetworkInterfaces DescribeRouteTables DescribeSecurityGroups DescribeSubnets DescribeVpcs",
          "ModifyNetworkInterfaceAttribute",
        ],
      }),
      allow(
        {
          ec2: [
            "AuthorizeSecurityGroupEgress AuthorizeSecurityGroupIngress CreateNetworkInterfacePermission",
            "DeleteNetworkInterfacePermission DeleteSecurityGroup RevokeSecurityGroupEgress",
            "RevokeSecurityGroupIngress",
          ],
        },
        "*",
        { StringLike: { "ec2:ResourceTag/ManagedByAmazonSageMakerResource": "*" } },
      ),
      allow({ sso: "CreateManagedApplicationInstance DeleteManagedApplicationInstance GetManagedApplicationInstance" }),
      allow({ kms: "Decrypt" }, "*", {
        ArnLike: { "kms:EncryptionContext:aws:sso:instance-arn": "arn:*:sso:::instance/*" },
        StringLike: { "kms:ViaService": "sso.*.amazonaws.com" },
      }),
      allow({ kms: "Decrypt" }, "*", {
        ArnLike: {
          "kms:EncryptionContext:aws:identitystore:identitystore-arn": "arn:*:identitystore::*:identitystore/*",
        },
        StringLike: { "kms:ViaService": "identitystore.*.amazonaws.com" },
      }),
      allow({ sagemaker: "CreateUserProfile DescribeUserProfile" }),
      allow(
        { sagemaker: "CreateSpace DeleteSpace DescribeSpace ListTags" },
        "arn:aws:sagemaker:*:*:space/*/CanvasManagedSpace-*",
      ),
      allow({ sagemaker: "AddTags" }, "arn:aws:sagemaker:*:*:space/*/CanvasManagedSpace-*", {
        StringEquals: { "sagemaker:TaggingAction": "CreateSpace" },
      }),
    ],
  },
];
