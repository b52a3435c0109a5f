/** Queries, catalogs and clusters. */
import { allow, type AwsPolicy } from "./statements.ts";

export const analyticsPolicies: readonly AwsPolicy[] = [
  {
    name: "AmazonAthenaFullAccess",
    asOf: "2026-02-12",
    about: "Queries with Athena, their catalog and their results.",
    statements: [
      allow({ athena: "*" }),
      allow({
        glue: [
          "BatchCreatePartition BatchDeletePartition BatchDeleteTable BatchGetPartition CreateDatabase",
          "CreatePartition CreateTable DeleteDatabase DeletePartition DeleteTable GetCatalog",
          "GetCatalogImportStatus GetCatalogs GetColumnStatisticsTaskRun GetColumnStatisticsTaskRuns",
          "GetDatabase GetDatabases GetPartition GetPartitions GetTable GetTables StartColumnStatisticsTaskRun",
          "UpdateDatabase UpdatePartition UpdateTable",
        ],
      }),
      allow(
        {
          s3: [
            "AbortMultipartUpload CreateBucket GetBucketLocation GetObject ListBucket ListBucketMultipartUploads",
            "ListMultipartUploadParts PutBucketPublicAccessBlock PutObject",
          ],
        },
        "arn:aws:s3:::aws-athena-query-results-*",
      ),
      allow({ s3: "GetObject ListBucket" }, "arn:aws:s3:::athena-examples*"),
      allow({ s3: "GetBucketLocation ListAllMyBuckets ListBucket" }),
      allow({ sns: "GetTopicAttributes ListTopics" }),
      allow({ cloudwatch: "DeleteAlarms DescribeAlarms GetMetricData PutMetricAlarm" }),
      allow({ lakeformation: "GetDataAccess" }),
      allow({ datazone: "ListAccountEnvironments ListDomains ListProjects" }),
      allow({ pricing: "GetProducts" }),
    ],
  },
  {
    name: "AWSGlueConsoleFullAccess",
    asOf: "2023-07-14",
    about: "Everything in Glue and what its console uses.",
    statements: [
      allow({
        cloudformation: "DescribeStacks GetTemplateSummary ListStacks",
        cloudwatch: "GetMetricData ListDashboards",
        databrew: "DescribeRecipe ListRecipeVersions ListRecipes",
        dynamodb: "ListTables",
        ec2: [
          "DescribeImages DescribeInstances DescribeKeyPairs DescribeRouteTables DescribeSecurityGroups",
          "DescribeSubnets DescribeVpcAttribute DescribeVpcEndpoints DescribeVpcs",
        ],
        glue: "*",
        iam: "GetRole GetRolePolicy ListAttachedRolePolicies ListGroups ListRolePolicies ListRoles ListUsers",
        kms: "DescribeKey ListAliases",
        rds: "DescribeDBClusters DescribeDBInstances DescribeDBSubnetGroups",
        redshift: "DescribeClusterSubnetGroups DescribeClusters",
        s3: "GetBucketAcl GetBucketLocation ListAllMyBuckets ListBucket",
      }),
      allow({ s3: "GetObject PutObject" }, [
        "arn:aws:s3:::*/*aws-glue-*/*",
        "arn:aws:s3:::aws-glue-*",
        "arn:aws:s3:::aws-glue-*/*",
      ]),
      allow({ tag: "GetResources" }),
      allow({ s3: "CreateBucket" }, "arn:aws:s3:::aws-glue-*"),
      allow({ logs: "GetLogEvents" }, "arn:aws:logs:*:*:/aws-glue/*"),
      allow({ cloudformation: "CreateStack DeleteStack" }, "arn:aws:cloudformation:*:*:stack/aws-glue*/*"),
      allow({ ec2: "RunInstances" }, [
        "arn:aws:ec2:*:*:image/*",
        "arn:aws:ec2:*:*:instance/*",
        "arn:aws:ec2:*:*:key-pair/*",
        "arn:aws:ec2:*:*:network-interface/*",
        "arn:aws:ec2:*:*:security-group/*",
        "arn:aws:ec2:*:*:subnet/*",
        "arn:aws:ec2:*:*:volume/*",
      ]),
      allow({ ec2: "CreateTags DeleteTags TerminateInstances" }, "arn:aws:ec2:*:*:instance/*", {
        StringEquals: { "ec2:ResourceTag/aws:cloudformation:logical-id": "ZeppelinInstance" },
        StringLike: { "ec2:ResourceTag/aws:cloudformation:stack-id": "arn:aws:cloudformation:*:*:stack/aws-glue-*/*" },
      }),
      allow({ iam: "PassRole" }, "arn:aws:iam::*:role/AWSGlueServiceRole*", {
        StringLike: { "iam:PassedToService": "glue.amazonaws.com" },
      }),
      allow({ iam: "PassRole" }, "arn:aws:iam::*:role/AWSGlueServiceNotebookRole*", {
        StringLike: { "iam:PassedToService": "ec2.amazonaws.com" },
      }),
      allow({ iam: "PassRole" }, "arn:aws:iam::*:role/service-role/AWSGlueServiceRole*", {
        StringLike: { "iam:PassedToService": "glue.amazonaws.com" },
      }),
    ],
  },
  {
    name: "AWSGlueConsoleSageMakerNotebookFullAccess",
    asOf: "2021-07-15",
    about: "Everything in Glue and notebooks of SageMaker for it.",
    statements: [
      allow({
        cloudformation: "DescribeStacks GetTemplateSummary ListStacks",
        cloudwatch: "GetMetricData ListDashboards",
        dynamodb: "ListTables",
        ec2: [
          "AttachNetworkInterface CreateNetworkInterface DeleteNetworkInterface DescribeAvailabilityZones",
          "DescribeImages DescribeInstances DescribeInternetGateways DescribeKeyPairs DescribeNetworkInterfaces",
          "DescribeRouteTables DescribeSecurityGroups DescribeSubnets DescribeVpcAttribute DescribeVpcEndpoints",
          "DescribeVpcs ModifyNetworkInterfaceAttribute",
        ],
        glue: "*",
        iam: "GetRole GetRolePolicy ListAttachedRolePolicies ListRolePolicies ListRoles",
        kms: "DescribeKey ListAliases",
        rds: "DescribeDBInstances",
        redshift: "DescribeClusterSubnetGroups DescribeClusters",
        s3: "GetBucketAcl GetBucketLocation ListAllMyBuckets ListBucket",
        sagemaker: "ListNotebookInstances",
      }),
      allow({ s3: "GetObject PutObject" }, ["arn:aws:s3:::*/*aws-glue-*/*", "arn:aws:s3:::aws-glue-*"]),
      allow({ s3: "CreateBucket" }, "arn:aws:s3:::aws-glue-*"),
      allow({ logs: "GetLogEvents" }, "arn:aws:logs:*:*:/aws-glue/*"),
      allow({ cloudformation: "CreateStack DeleteStack" }, "arn:aws:cloudformation:*:*:stack/aws-glue*/*"),
      allow(
        {
          sagemaker: [
            "CreateNotebookInstance CreatePresignedNotebookInstanceUrl DeleteNotebookInstance",
            "DescribeNotebookInstance ListTags StartNotebookInstance StopNotebookInstance UpdateNotebookInstance",
          ],
        },
        "arn:aws:sagemaker:*:*:notebook-instance/aws-glue-*",
      ),
      allow(
        {
          sagemaker: [
            "CreateNotebookInstanceLifecycleConfig DeleteNotebookInstanceLifecycleConfig",
            "DescribeNotebookInstanceLifecycleConfig ListNotebookInstanceLifecycleConfigs",
          ],
        },
        "arn:aws:sagemaker:*:*:notebook-instance-lifecycle-config/aws-glue-*",
      ),
      allow({ ec2: "RunInstances" }, [
        "arn:aws:ec2:*:*:image/*",
        "arn:aws:ec2:*:*:instance/*",
        "arn:aws:ec2:*:*:key-pair/*",
        "arn:aws:ec2:*:*:network-interface/*",
        "arn:aws:ec2:*:*:security-group/*",
        "arn:aws:ec2:*:*:subnet/*",
        "arn:aws:ec2:*:*:volume/*",
      ]),
      allow({ ec2: "CreateTags DeleteTags TerminateInstances" }, "arn:aws:ec2:*:*:instance/*", {
        StringEquals: { "ec2:ResourceTag/aws:cloudformation:logical-id": "ZeppelinInstance" },
        StringLike: { "ec2:ResourceTag/aws:cloudformation:stack-id": "arn:aws:cloudformation:*:*:stack/aws-glue-*/*" },
      }),
      allow({ tag: "GetResources" }, "*", { "ForAllValues:StringLike": { "aws:TagKeys": "aws-glue-*" } }),
      allow({ iam: "PassRole" }, "arn:aws:iam::*:role/AWSGlueServiceRole*", {
        StringLike: { "iam:PassedToService": "glue.amazonaws.com" },
      }),
      allow({ iam: "PassRole" }, "arn:aws:iam::*:role/AWSGlueServiceNotebookRole*", {
        StringLike: { "iam:PassedToService": "ec2.amazonaws.com" },
      }),
      allow({ iam: "PassRole" }, "arn:aws:iam::*:role/AWSGlueServiceSageMakerNotebookRole*", {
        StringLike: { "iam:PassedToService": "sagemaker.amazonaws.com" },
      }),
      allow({ iam: "PassRole" }, "arn:aws:iam::*:role/service-role/AWSGlueServiceRole*", {
        StringLike: { "iam:PassedToService": "glue.amazonaws.com" },
      }),
    ],
  },
  {
    name: "AWSGlueServiceRole",
    path: "/service-role/",
    asOf: "2023-09-11",
    about: "What jobs and crawlers of Glue need.",
    statements: [
      allow({
        cloudwatch: "PutMetricData",
        ec2: [
          "CreateNetworkInterface DeleteNetworkInterface DescribeNetworkInterfaces DescribeRouteTables",
          "DescribeSecurityGroups DescribeSubnets DescribeVpcAttribute DescribeVpcEndpoints",
        ],
        glue: "*",
        iam: "GetRole GetRolePolicy ListRolePolicies",
        s3: "GetBucketAcl GetBucketLocation ListAllMyBuckets ListBucket",
      }),
      allow({ s3: "CreateBucket" }, "arn:aws:s3:::aws-glue-*"),
      allow({ s3: "DeleteObject GetObject PutObject" }, ["arn:aws:s3:::*/*aws-glue-*/*", "arn:aws:s3:::aws-glue-*/*"]),
      allow({ s3: "GetObject" }, ["arn:aws:s3:::aws-glue-*", "arn:aws:s3:::crawler-public*"]),
      allow({ logs: "CreateLogGroup CreateLogStream PutLogEvents" }, "arn:aws:logs:*:*:*:/aws-glue/*"),
      allow(
        { ec2: "CreateTags DeleteTags" },
        ["arn:aws:ec2:*:*:instance/*", "arn:aws:ec2:*:*:network-interface/*", "arn:aws:ec2:*:*:security-group/*"],
        { "ForAllValues:StringEquals": { "aws:TagKeys": "aws-glue-service-resource" } },
      ),
    ],
  },
];
